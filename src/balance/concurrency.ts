/**
 * Adaptive concurrency: how many requests may wait for a backend at once follows from how long it lets them wait.
 *
 * The gradient algorithm, as in Netflix's concurrency-limits and Envoy: now and then the time to the first byte is measured
 * with so few requests at once that none waits for another; then, window by window, the limit is multiplied by that time
 * over the present one, and gets a little headroom to find out whether more would do as well. What counts is
 * requests whose response has not begun: a download or a client that reads slowly is no load of this kind, and
 * could hold all the places there are.
 *
 * One worker of all closes a window, by a word that it changes; one that dies right then has changed nothing, or
 * the limit for one window less.
 */
import { COARSE_PER_SECOND, coarseTicks } from '../core/clock.ts'
import type { ConcurrencyTable } from '../shared/concurrency-table.ts'

export interface ConcurrencyOptions {
  /** Requests; the limit is never below, and this while it is measured. */
  readonly min: number
  readonly max: number
  /** Percent that a response may take longer than the least time before the limit falls. */
  readonly tolerance: number
  /** From measurement to measurement. */
  readonly intervalMs: number
}

/** What a backend begins with. */
const FIRST_LIMIT = 20
const WINDOW_MS = 100
const WINDOW_MAX_MS = 2000
/** A window goes on until it has as many times. */
const TIMES_MIN = 8
/** A measurement ends with as many times; fewer will do once it takes long, and then it gives up. */
const MEASURED_TIMES = 50
const MEASURED_LONG_MS = 1000
const MEASURED_LONG_TIMES = 10
const MEASURED_MAX_MS = 5000
const MEASURED_TIMES_MIN = 5
/** Windows at the lowest limit after which it is measured anew: it is not the requests at once that make it slow. */
const LOW_WINDOWS_MAX = 8
/** Backends that were measured together are not the next time. */
const JITTER = 0.15
const GRADIENT_MIN = 0.5
const GRADIENT_MAX = 2
/** Below it nobody is slow, as in outlier.ts: fewer at once of what takes 2 ms instead of 1 helps nobody. */
const FLOOR_US = 10_000
const TIME_MAX_US = 2 ** 31 - 1

export class Concurrency {
  readonly #table: ConcurrencyTable
  readonly #worker: number
  readonly #options: ConcurrencyOptions
  readonly #now: () => number
  readonly #random: () => number

  /**
   * For the backends from `first` to before `first + size`.
   *
   * @param now in coarse ticks
   */
  constructor(
    table: ConcurrencyTable,
    worker: number,
    range: { readonly first: number; readonly size: number },
    options: ConcurrencyOptions,
    now = coarseTicks,
    random = Math.random,
  ) {
    this.#table = table
    this.#worker = worker
    this.#options = options
    this.#now = now
    this.#random = random
    for (let backend = range.first; backend < range.first + range.size; backend++) {
      table.begin(backend, clamp(FIRST_LIMIT, options.min, options.max), now())
    }
  }

  isFull(backend: number): boolean {
    return this.#table.isFull(backend, this.#options.min)
  }

  /** A request is given to `backend`. @returns false, and counts nothing, if as many wait as may */
  enter(backend: number): boolean {
    return this.#table.enter(backend, this.#worker, this.#options.min)
  }

  /** The same whatever the limit: it was let in before. */
  add(backend: number): void {
    this.#table.add(backend, this.#worker)
  }

  /** Its response has begun, or will not come. */
  leave(backend: number): void {
    this.#table.leave(backend, this.#worker)
  }

  /** @param ms a request waited for its response, or for nothing */
  waited(backend: number, ms: number): void {
    const table = this.#table
    const now = this.#now()
    // What was sent before a measurement began has met the crowd.
    const isOld =
      table.isMeasured(backend) && ((now - toCoarse(ms) - table.measuredSince(backend)) | 0) <= 0
    if (!isOld) table.note(backend, this.#worker, Math.min(Math.round(ms * 1000), TIME_MAX_US))
    const until = table.until(backend)
    if (((until - now) | 0) <= 0) this.#closeWindow(backend, until, now)
  }

  #closeWindow(backend: number, until: number, now: number): void {
    const table = this.#table
    const measured = table.isMeasured(backend)
    const times = table.times(backend)
    if (times < (measured ? this.#timesToMeasure(backend, now) : TIMES_MIN)) return
    const us = table.median(backend)
    const peak = table.peak(backend)
    // Two of its times: less would judge a limit by those who came before it.
    const length = clamp((2 * us) / 1000, WINDOW_MS, WINDOW_MAX_MS)
    if (!table.close(backend, until, (now + toCoarse(length)) | 0)) return
    table.forgetTimes(backend)
    if (measured) this.#endMeasurement(backend, times, us, now)
    else this.#adapt(backend, us, peak, now)
  }

  #timesToMeasure(backend: number, now: number): number {
    const since = (now - this.#table.measuredSince(backend)) | 0
    if (since < toCoarse(MEASURED_LONG_MS)) return MEASURED_TIMES
    if (since < toCoarse(MEASURED_MAX_MS)) return MEASURED_LONG_TIMES
    // Without any measurement there is nothing to go back to.
    return this.#table.leastTime(backend) === 0 ? MEASURED_TIMES_MIN : 0
  }

  #adapt(backend: number, us: number, peak: number, now: number): void {
    const table = this.#table
    const { min, max, tolerance } = this.#options
    const limit = table.limit(backend)
    const allowed = Math.max(table.leastTime(backend) * (1 + tolerance / 100), FLOOR_US)
    const gradient = clamp(allowed / us, GRADIENT_MIN, GRADIENT_MAX)
    // Twice too slow: nothing to find out, and with it the limit would come to rest at 4.
    const headroom = gradient > GRADIENT_MIN ? Math.sqrt(limit) : 0
    const next = clamp(Math.floor(limit * gradient + headroom), min, max)
    table.setGradient(backend, gradient)
    // A limit that nobody comes near proves nothing by being kept to.
    if (next < limit || peak * 2 >= limit) table.setLimit(backend, limit, next)
    const low = table.countLow(backend, next === min && gradient < 1)
    const isDue = ((table.measureAt(backend) - now) | 0) <= 0
    if (isDue || low > LOW_WINDOWS_MAX) this.#beginMeasurement(backend, now)
  }

  #beginMeasurement(backend: number, now: number): void {
    const table = this.#table
    table.countLow(backend, false)
    table.setMeasuredSince(backend, now)
    const limit = table.limit(backend)
    table.setLimit(backend, limit, -limit)
  }

  /** @param us their median */
  #endMeasurement(backend: number, times: number, us: number, now: number): void {
    const table = this.#table
    if (times >= MEASURED_TIMES_MIN) table.setLeastTime(backend, us)
    const limit = table.limit(backend)
    // First: a worker that dies in between leaves a measurement that is due early, and none that goes on.
    table.setLimit(backend, -limit, limit)
    const jitter = 1 + JITTER * (2 * this.#random() - 1)
    table.setMeasureAt(backend, (now + toCoarse(this.#options.intervalMs * jitter)) | 0)
  }
}

function toCoarse(ms: number): number {
  return Math.ceil((ms * COARSE_PER_SECOND) / 1000)
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value))
}
