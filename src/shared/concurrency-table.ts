/**
 * How many requests may wait for each backend at once, how many do, and the times that this is judged by.
 *
 * The limit is one for all workers and one word: a negative one is the same limit while it is not in force, because the
 * backend is measured at its lowest. So a measurement begins and ends with one compareExchange, and cannot lose the limit.
 * Times are counted by each worker in a column of its own, with plain stores, and read by the one that closes a window.
 */
import { bucketMiddle, bucketOf, TIME_BUCKETS } from './time-buckets.ts'

const WORDS = 16 // A cache line per backend
/** 0 before the first worker began. */
const LIMIT = 0
/** Requests that wait for their response now. */
const WAITING = 1
/** End of the window, coarse ticks. It is won by changing it. */
const UNTIL = 2
/** Times of another generation are forgotten. */
const GENERATION = 3
/** Microseconds; 0 before the first measurement. */
const LEAST_TIME = 4
/** Thousandths; 0 before the first window. */
const GRADIENT = 5
/** Coarse ticks: when the next measurement begins. */
const MEASURE_AT = 6
/** Coarse ticks: when the last measurement began. */
const MEASURED_SINCE = 7
/** Windows in a row that ended with the limit at its lowest. */
const LOW_WINDOWS = 8
const MEASUREMENTS_TOTAL = 9

/** Of a column: its generation, how many times, the most requests at once, its share of those that wait; then times. */
const COLUMN_GENERATION = 0
const COUNT = 1
const PEAK = 2
const OWN_WAITING = 3
const BUCKETS = 4
/** Whole cache lines, so that two workers never write the same one. */
const COLUMN_WORDS = Math.ceil((BUCKETS + TIME_BUCKETS) / WORDS) * WORDS

export class ConcurrencyTable {
  readonly count: number
  readonly #workers: number
  readonly #words: Int32Array
  readonly #columns: Int32Array
  /** Room to add up in. */
  readonly #times = new Int32Array(TIME_BUCKETS)

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

  /**
   * Sets the limit a backend begins with, and its first measurement, unless another worker did: a replacement goes on
   * with what it finds.
   *
   * @param now coarse ticks
   */
  begin(backend: number, limit: number, now: number): void {
    if (this.setLimit(backend, 0, -limit)) this.setMeasuredSince(backend, now)
  }

  /** As the windows made it; what is in force while it is measured is the caller's lowest. */
  limit(backend: number): number {
    return Math.abs(Atomics.load(this.#words, backend * WORDS + LIMIT))
  }

  /** @returns false if another worker changed it */
  setLimit(backend: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, backend * WORDS + LIMIT, from, to) === from
  }

  isMeasured(backend: number): boolean {
    return Atomics.load(this.#words, backend * WORDS + LIMIT) < 0
  }

  /** Requests that wait for their response, all workers together. */
  waiting(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + WAITING)
  }

  /** @param lowest what is in force while it is measured */
  isFull(backend: number, lowest: number): boolean {
    const limit = Atomics.load(this.#words, backend * WORDS + LIMIT)
    return this.waiting(backend) >= (limit < 0 ? lowest : limit)
  }

  /** @returns false, and counts nothing, if as many wait as may */
  enter(backend: number, worker: number, lowest: number): boolean {
    const at = backend * WORDS
    const limit = Atomics.load(this.#words, at + LIMIT)
    if (this.add(backend, worker) < (limit < 0 ? lowest : limit)) return true
    this.leave(backend, worker)
    return false
  }

  /** Counts one whatever the limit. @returns how many waited before */
  add(backend: number, worker: number): number {
    // The own share first: a worker that dies in between leaves one too few, which is nothing, and not one too many.
    this.#columns[this.#column(backend, worker) + OWN_WAITING]!++
    return Atomics.add(this.#words, backend * WORDS + WAITING, 1)
  }

  leave(backend: number, worker: number): void {
    Atomics.sub(this.#words, backend * WORDS + WAITING, 1)
    this.#columns[this.#column(backend, worker) + OWN_WAITING]!--
  }

  /** Main: takes back what a dead worker held. */
  giveBack(worker: number): void {
    for (let backend = 0; backend < this.count; backend++) {
      const own = this.#column(backend, worker) + OWN_WAITING
      const held = Atomics.exchange(this.#columns, own, 0)
      Atomics.sub(this.#words, backend * WORDS + WAITING, held)
    }
  }

  /** Adds a time to the window, in the column of `worker`. @param us microseconds, not negative */
  note(backend: number, worker: number, us: number): void {
    const columns = this.#columns
    const column = this.#column(backend, worker)
    const generation = Atomics.load(this.#words, backend * WORDS + GENERATION)
    if (columns[column + COLUMN_GENERATION] !== generation) {
      columns.fill(0, column + BUCKETS, column + COLUMN_WORDS)
      columns[column + COUNT] = 0
      columns[column + PEAK] = 0
      columns[column + COLUMN_GENERATION] = generation
    }
    const waiting = this.waiting(backend)
    if (waiting > columns[column + PEAK]!) columns[column + PEAK] = waiting
    columns[column + BUCKETS + bucketOf(us)]!++
    columns[column + COUNT]!++
  }

  /** Times in the window, of all workers. */
  times(backend: number): number {
    let sum = 0
    for (let worker = 0; worker < this.#workers; worker++) {
      const column = this.#currentColumn(backend, worker)
      if (column !== -1) sum += Atomics.load(this.#columns, column + COUNT)
    }
    return sum
  }

  /** Most requests that waited at once when a response came, in the window. */
  peak(backend: number): number {
    let peak = 0
    for (let worker = 0; worker < this.#workers; worker++) {
      const column = this.#currentColumn(backend, worker)
      if (column !== -1) peak = Math.max(peak, Atomics.load(this.#columns, column + PEAK))
    }
    return peak
  }

  /** Of the times in the window, microseconds, exact to a sixteenth; 0 if there are none. */
  median(backend: number): number {
    const times = this.#times.fill(0)
    let count = 0
    for (let worker = 0; worker < this.#workers; worker++) {
      const column = this.#currentColumn(backend, worker)
      if (column === -1) continue
      for (let i = 0; i < TIME_BUCKETS; i++) {
        const here = Atomics.load(this.#columns, column + BUCKETS + i)
        times[i]! += here
        count += here
      }
    }
    if (count === 0) return 0
    let left = Math.ceil(count / 2)
    let bucket = 0
    while (left > times[bucket]!) left -= times[bucket++]!
    return bucketMiddle(bucket)
  }

  /** Ends the window for all workers: its times are forgotten. */
  forgetTimes(backend: number): void {
    Atomics.add(this.#words, backend * WORDS + GENERATION, 1)
  }

  /** Coarse ticks. */
  until(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + UNTIL)
  }

  /**
   * Takes the end of a window.
   *
   * @param seen the end that has passed
   * @param next the end of the one that follows
   * @returns false if another worker has it: it can be changed from `seen` but once
   */
  close(backend: number, seen: number, next: number): boolean {
    return Atomics.compareExchange(this.#words, backend * WORDS + UNTIL, seen, next) === seen
  }

  /** Microseconds; 0 before the first measurement. */
  leastTime(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + LEAST_TIME)
  }

  setLeastTime(backend: number, us: number): void {
    Atomics.store(this.#words, backend * WORDS + LEAST_TIME, us)
    Atomics.add(this.#words, backend * WORDS + MEASUREMENTS_TOTAL, 1)
  }

  /** Since start. */
  measurementsTotal(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + MEASUREMENTS_TOTAL)
  }

  /** Of the last window; 1 before there was one. */
  gradient(backend: number): number {
    return (Atomics.load(this.#words, backend * WORDS + GRADIENT) || 1000) / 1000
  }

  setGradient(backend: number, gradient: number): void {
    Atomics.store(this.#words, backend * WORDS + GRADIENT, Math.round(gradient * 1000))
  }

  /** Coarse ticks. */
  measureAt(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + MEASURE_AT)
  }

  setMeasureAt(backend: number, at: number): void {
    Atomics.store(this.#words, backend * WORDS + MEASURE_AT, at)
  }

  /** Coarse ticks. */
  measuredSince(backend: number): number {
    return Atomics.load(this.#words, backend * WORDS + MEASURED_SINCE)
  }

  setMeasuredSince(backend: number, at: number): void {
    Atomics.store(this.#words, backend * WORDS + MEASURED_SINCE, at)
  }

  /** @param isLow whether a window ended with the limit at its lowest; @returns how many did in a row */
  countLow(backend: number, isLow: boolean): number {
    const at = backend * WORDS + LOW_WINDOWS
    const windows = isLow ? Atomics.load(this.#words, at) + 1 : 0
    Atomics.store(this.#words, at, windows)
    return windows
  }

  /** @returns -1 if it has no times of this window */
  #currentColumn(backend: number, worker: number): number {
    const column = this.#column(backend, worker)
    const generation = Atomics.load(this.#words, backend * WORDS + GENERATION)
    return Atomics.load(this.#columns, column + COLUMN_GENERATION) === generation ? column : -1
  }

  #column(backend: number, worker: number): number {
    return (worker * this.count + backend) * COLUMN_WORDS
  }
}
