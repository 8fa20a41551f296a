/**
 * Passive detection: a backend that fails again and again, or is far slower than its pool, is ejected
 * for a while.
 *
 * It needs no probe and no main thread: the worker that sees the failure decides, in shared memory.
 * Never more than a set share of a pool is ejected: if most of it fails, the fault lies elsewhere,
 * and sending on is better than sending nowhere.
 */
import { msToTicks } from '../core/clock.ts'
import { ANSWERS, type BackendTable, DIALS, SLOW } from '../shared/backend-table.ts'

export interface OutlierOptions {
  /** Consecutive failed dials; 0 never ejects. */
  readonly ejectAfter: number
  /** Consecutive answers 5xx, or exchanges without an answer; 0 never ejects. */
  readonly ejectErrors: number
  /** Times the median of the pool; 0 never ejects. */
  readonly ejectSlow: number
  readonly ejectMs: number
  readonly ejectMaxMs: number
  /** Percent. */
  readonly ejectShareMax: number
}

const SERVER_ERROR = 500
/** Below it nobody is slow: among backends that answer in 1 ms one of 5 ms does no harm. */
const SLOW_FLOOR_US = 10_000
/** Times of a backend, of one worker, between two looks at the median. */
const LOOK_EVERY = 16

export class Outlier {
  readonly #backends: BackendTable
  readonly #first: number
  readonly #size: number
  readonly #options: OutlierOptions
  /** Times since the last look, by backend. */
  readonly #times: Uint8Array
  /** Room to sort in. */
  readonly #averages: Int32Array
  /** Whether answers are of any interest. */
  readonly watchesAnswers: boolean

  constructor(backends: BackendTable, first: number, size: number, options: OutlierOptions) {
    this.#backends = backends
    this.#first = first
    this.#size = size
    this.#options = options
    this.#times = new Uint8Array(size)
    this.#averages = new Int32Array(size)
    this.watchesAnswers = options.ejectErrors !== 0 || options.ejectSlow !== 0
  }

  dialed(backend: number): void {
    this.#backends.clearFailures(backend)
  }

  /** @returns whether this failure ejected the backend */
  dialFailed(backend: number, now: number): boolean {
    const { ejectAfter } = this.#options
    const failures = this.#backends.addFailure(backend)
    return ejectAfter !== 0 && failures >= ejectAfter && this.#eject(backend, now, DIALS)
  }

  /**
   * The head of a response has arrived.
   *
   * @param ms since the request was whole; negative if it was not yet, and there is nothing to measure
   * @returns whether it ejected the backend
   */
  answered(backend: number, status: number, ms: number, now: number): boolean {
    // Errors are often told at once: as times they would make a backend look fast that is not.
    if (status >= SERVER_ERROR) return this.broke(backend, now)
    const { ejectErrors, ejectSlow } = this.#options
    if (ejectErrors !== 0) this.#backends.clearErrors(backend)
    if (ejectSlow === 0 || ms < 0) return false
    this.#backends.addLatency(backend, Math.round(ms * 1000))
    const i = backend - this.#first
    this.#times[i] = (this.#times[i]! + 1) % LOOK_EVERY
    return this.#times[i] === 0 && this.#isSlow(backend) && this.#eject(backend, now, SLOW)
  }

  /** An exchange ended without an answer, by the backend's fault. @returns whether it was ejected */
  broke(backend: number, now: number): boolean {
    const { ejectErrors } = this.#options
    // What was under way when it was ejected is known already.
    if (ejectErrors === 0 || this.#backends.isEjected(backend, now)) return false
    const errors = this.#backends.addError(backend)
    return errors >= ejectErrors && this.#eject(backend, now, ANSWERS)
  }

  #isSlow(backend: number): boolean {
    const average = this.#backends.latency(backend)
    if (average <= SLOW_FLOOR_US) return false
    let count = 0
    for (let i = 0; i < this.#size; i++) {
      const other = this.#backends.latency(this.#first + i)
      if (other >= 0) this.#averages[count++] = other
    }
    const sorted = this.#averages.subarray(0, count).toSorted()
    // The lower of two in the middle: of two backends the slower is measured by the faster.
    return average > sorted[(count - 1) >> 1]! * this.#options.ejectSlow
  }

  #eject(backend: number, now: number, cause: number): boolean {
    if (!this.#mayEject(now)) return false
    const { ejectMs, ejectMaxMs } = this.#options
    const doublings = Math.min(this.#backends.ejections(backend), 16)
    const ms = Math.min(ejectMs * 2 ** doublings, ejectMaxMs)
    return this.#backends.eject(backend, (now + msToTicks(ms)) | 0, cause)
  }

  #mayEject(now: number): boolean {
    let ejected = 0
    for (let i = this.#first; i < this.#first + this.#size; i++) {
      if (this.#backends.isEjected(i, now)) ejected++
    }
    return (ejected + 1) * 100 <= this.#options.ejectShareMax * this.#size
  }
}
