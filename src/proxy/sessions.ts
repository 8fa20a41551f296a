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

/**
 * What can be walked over, in several turns too: who stands there all the while is met, and nobody twice, whoever comes and
 * goes. Who stops before the end says so by `return()`.
 */
export interface Walkable<T> {
  readonly size: number
  values(): Iterator<T>
}

interface Walk {
  /** Those from this seat on have been met, or came later. */
  at: number
}

export class Sessions<T extends Seated> implements Walkable<T>, Iterable<T> {
  /** Never shorter: a shorter one, too, would be another. */
  readonly #seats: (T | undefined)[] = []
  /** Those under way. */
  readonly #walks: Walk[] = []
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
    if (session.seat === -1) return
    const free = this.#walks.length === 0 ? session.seat : this.#freeBehindWalks(session.seat)
    session.seat = -1
    const last = --this.#size
    if (free !== last) this.#move(last, free)
    this.#seats[last] = undefined
  }

  /**
   * Frees a seat that every walk has left behind in place of `free`: at each walk the next to be met moves over, and its seat
   * is the one that is free then.
   */
  #freeBehindWalks(free: number): number {
    const walks = this.#walks
    if (walks.length > 1) walks.sort((a, b) => a.at - b.at)
    for (const walk of walks) {
      if (walk.at <= free) continue
      walk.at--
      if (walk.at !== free) this.#move(walk.at, free)
      free = walk.at
    }
    return free
  }

  #move(from: number, to: number): void {
    const session = this.#seats[from]!
    this.#seats[to] = session
    session.seat = to
  }

  /** From the last to the first. */
  *values(): Generator<T, undefined> {
    const walk: Walk = { at: this.#size }
    this.#walks.push(walk)
    try {
      while (walk.at > 0) yield this.#seats[--walk.at]!
    } finally {
      this.#walks.splice(this.#walks.indexOf(walk), 1)
    }
    return undefined
  }

  [Symbol.iterator](): Iterator<T> {
    return this.values()
  }
}
