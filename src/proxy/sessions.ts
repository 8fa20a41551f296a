/**
 * The sessions of a worker: who comes is put at the end, and the last takes the seat of one that leaves.
 *
 * A `Set` does the same and costs more than it seems to: it grows and shrinks by making another table, and the one it
 * leaves behind still names those who stood in it. Once the collector has moved such a table to where what is old is
 * kept, it takes those sessions for alive, and whatever they hold (V8 looks at the old only now and then). Of a flood of
 * short connections 3 KiB each went that way, and a fifth of the processor.
 */

/** What can stand in it: in one only. */
export interface Seated {
  /** Where it stands; -1 for nowhere. Its list's to change. */
  seat: number
}

/** What can be walked over, in several turns too: who stands there all the while is met, whoever comes and goes. */
export interface Walkable<T> {
  readonly size: number
  values(): Iterator<T>
}

export class Sessions<T extends Seated> implements Walkable<T>, Iterable<T> {
  /** Never shorter: a shorter one, too, would be another. */
  readonly #seats: (T | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** @param session that stands nowhere */
  add(session: T): void {
    session.seat = this.#size
    this.#seats[this.#size++] = session
  }

  /** Idempotent. */
  delete(session: T): void {
    const { seat } = session
    if (seat === -1) return
    session.seat = -1
    const last = this.#seats[--this.#size]!
    this.#seats[this.#size] = undefined
    if (last === session) return
    this.#seats[seat] = last
    last.seat = seat
  }

  /** From the last to the first: who takes the seat of one that leaves was met before, or came later. */
  *values(): Generator<T, undefined> {
    for (let at = this.#size - 1; at >= 0; at = Math.min(at, this.#size) - 1) yield this.#seats[at]!
    return undefined
  }

  [Symbol.iterator](): Iterator<T> {
    return this.values()
  }
}
