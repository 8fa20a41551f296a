/**
 * The circuit breaker of each backend: its state, and the exchanges of late that it judges by.
 *
 * The state is one for all workers and changes by compareExchange, so that each change has one author.
 * Exchanges are counted by each worker in a column of its own, with plain stores: what every answer
 * does costs no lock, and only a failure reads the columns of the others.
 */

export const CLOSED = 0
export const OPEN = 1
/** One request, the trial, is on its way or due. */
export const HALF_OPEN = 2
export const breakerStates = ['closed', 'open', 'half-open'] as const

const WORDS = 16 // A cache line per backend
const STATE = 0
/** Of an open breaker the time until the next trial, of a half-open one that of giving up on it. */
const UNTIL = 1
/** Since it was closed last. */
const OPENS = 2
const OPENS_TOTAL = 3
/** Counts of another generation are forgotten. */
const GENERATION = 4

/** Parts of the window; what it covers is exact to one of them. A power of 2. */
export const SLOTS = 8
/** A column: its generation, then number, exchanges and failures of each slot; two cache lines. */
const COLUMN_WORDS = 32
const SLOT_WORDS = 3

export class BreakerTable {
  readonly count: number
  readonly #workers: number
  readonly #words: Int32Array
  readonly #columns: Int32Array

  constructor(memory: SharedArrayBuffer, offset: number, backends: number, workers: number) {
    this.count = backends
    this.#workers = workers
    this.#words = new Int32Array(memory, offset, backends * WORDS)
    const columns = offset + backends * WORDS * 4
    this.#columns = new Int32Array(memory, columns, backends * workers * COLUMN_WORDS)
  }

  static bytes(backends: number, workers: number): number {
    return backends * (WORDS + workers * COLUMN_WORDS) * Int32Array.BYTES_PER_ELEMENT
  }

  /** CLOSED, OPEN or HALF_OPEN. */
  state(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + STATE)
  }

  /** Coarse ticks; of a closed one without meaning. */
  until(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + UNTIL)
  }

  /** Openings in a row: since it was closed last. */
  opens(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + OPENS)
  }

  /** Openings since start. */
  opensTotal(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + OPENS_TOTAL)
  }

  /**
   * closed → open, half-open → open.
   *
   * @param from  the state it was seen in
   * @param until time of the next trial, coarse ticks
   * @returns false if another worker changed it meanwhile
   */
  open(backend: number, from: number, until: number): boolean {
    const at = backend * WORDS
    // Before the state: an open breaker with an old time would let a trial through at once.
    Atomics.store(this.#words, at + UNTIL, until)
    if (Atomics.compareExchange(this.#words, at + STATE, from, OPEN) !== from) return false
    Atomics.add(this.#words, at + OPENS, 1)
    Atomics.add(this.#words, at + OPENS_TOTAL, 1)
    return true
  }

  /**
   * open → half-open, or a further trial of a half-open one.
   *
   * @param seen  the time that has passed
   * @param until time of giving up on the trial
   * @returns false if another worker has the trial: the time can be changed from `seen` but once
   */
  tryNow(backend: number, seen: number, until: number): boolean {
    const at = backend * WORDS
    if (Atomics.compareExchange(this.#words, at + UNTIL, seen, until) !== seen) return false
    Atomics.compareExchange(this.#words, at + STATE, OPEN, HALF_OPEN)
    return true
  }

  /** half-open → closed: forgets what was counted. @returns false if another worker changed it */
  close(backend: number): boolean {
    const at = backend * WORDS
    if (Atomics.compareExchange(this.#words, at + STATE, HALF_OPEN, CLOSED) !== HALF_OPEN) {
      return false
    }
    Atomics.store(this.#words, at + OPENS, 0)
    Atomics.add(this.#words, at + GENERATION, 1)
    return true
  }

  /** Counts one exchange in the column of `worker`. @param slot number of the part of the window */
  note(backend: number, worker: number, slot: number, failed: boolean): void {
    const columns = this.#columns
    const generation = Atomics.load(this.#words, backend * WORDS + GENERATION)
    const column = this.#column(backend, worker)
    if (columns[column] !== generation) {
      columns.fill(0, column, column + COLUMN_WORDS)
      columns[column] = generation
    }
    const at = column + 1 + (slot & (SLOTS - 1)) * SLOT_WORDS
    if (columns[at] !== slot) {
      columns[at] = slot
      columns[at + 1] = 0
      columns[at + 2] = 0
    }
    columns[at + 1]!++
    if (failed) columns[at + 2]!++
  }

  /** Exchanges of all workers in the window that ends with `slot`. */
  exchanges(backend: number, slot: number): number {
    return this.#sum(backend, slot, 1)
  }

  failures(backend: number, slot: number): number {
    return this.#sum(backend, slot, 2)
  }

  #sum(backend: number, slot: number, word: number): number {
    const columns = this.#columns
    const generation = Atomics.load(this.#words, backend * WORDS + GENERATION)
    let sum = 0
    for (let worker = 0; worker < this.#workers; worker++) {
      const column = this.#column(backend, worker)
      if (Atomics.load(columns, column) !== generation) continue
      const end = column + 1 + SLOTS * SLOT_WORDS
      for (let at = column + 1; at < end; at += SLOT_WORDS) {
        const age = (slot - Atomics.load(columns, at)) | 0
        if (age >= 0 && age < SLOTS) sum += Atomics.load(columns, at + word)
      }
    }
    return sum
  }

  #column(backend: number, worker: number): number {
    return (worker * this.count + backend) * COLUMN_WORDS
  }
}
