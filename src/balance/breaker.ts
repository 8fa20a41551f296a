/**
 * The circuit breaker: a backend most of whose exchanges fail is spared for a while.
 *
 * closed → open: too large a share failed. open → half-open: its time is over, and one request of all
 * workers, the trial, goes there. half-open → closed: it was answered; half-open → open: it was not.
 * Other than an ejection it may take out the whole pool: clients then get an answer at once and the
 * backends get rest, where ejection bets on those that are left.
 */
import { COARSE_PER_SECOND, coarseTicks } from '../core/clock.ts'
import { type BreakerTable, CLOSED, HALF_OPEN, OPEN, SLOTS } from '../shared/breaker-table.ts'

export interface BreakerOptions {
  /** Percent of the exchanges in the window. */
  readonly errors: number
  readonly windowMs: number
  /** Exchanges in the window before it judges. */
  readonly requests: number
  readonly openMs: number
}

/** Openings in a row double the time, up to this, or `openMs` if that is longer. */
const OPEN_MAX_MS = 300_000
const DOUBLINGS_MAX = 16
/**
 * A trial that has not reported for so long (or `openMs`, if that is longer) lets another through: its
 * client may have left, its worker may have died.
 */
const TRIAL_MS = 10_000

export class Breaker {
  readonly #table: BreakerTable
  readonly #worker: number
  readonly #options: BreakerOptions
  readonly #now: () => number
  /** Coarse ticks of one part of the window. */
  readonly #slotTicks: number
  readonly #trialTicks: number

  /** @param now in coarse ticks */
  constructor(table: BreakerTable, worker: number, options: BreakerOptions, now = coarseTicks) {
    this.#table = table
    this.#worker = worker
    this.#options = options
    this.#now = now
    this.#slotTicks = Math.ceil(toCoarse(options.windowMs) / SLOTS)
    this.#trialTicks = toCoarse(Math.max(options.openMs, TRIAL_MS))
  }

  /** Whether a request may go to `backend`: it is closed, or a trial is due. */
  allows(backend: number): boolean {
    return (
      this.#table.state(backend) === CLOSED || ((this.#table.until(backend) - this.#now()) | 0) <= 0
    )
  }

  /** A request was given to `backend`. @returns false if another worker's is the trial */
  enter(backend: number): boolean {
    if (this.#table.state(backend) === CLOSED) return true
    const until = this.#table.until(backend)
    const now = this.#now()
    if (((until - now) | 0) > 0) return false
    return this.#table.tryNow(backend, until, (now + this.#trialTicks) | 0)
  }

  isClosed(backend: number): boolean {
    return this.#table.state(backend) === CLOSED
  }

  /** An exchange with `backend` was answered without a 5xx. */
  succeeded(backend: number): void {
    const state = this.#table.state(backend)
    // Of an open one: sent before it opened. It is not asked for its view.
    if (state === CLOSED) this.#table.note(backend, this.#worker, this.#slot(), false)
    else if (state === HALF_OPEN) this.#table.close(backend)
  }

  /** An exchange with `backend` got a 5xx or no answer. @returns whether that opened it */
  failed(backend: number): boolean {
    const table = this.#table
    const state = table.state(backend)
    if (state === OPEN) return false
    if (state === CLOSED) {
      const slot = this.#slot()
      table.note(backend, this.#worker, slot, true)
      const exchanges = table.exchanges(backend, slot)
      const { errors, requests } = this.#options
      if (exchanges < requests) return false
      if (table.failures(backend, slot) * 100 < errors * exchanges) return false
    }
    const { openMs } = this.#options
    const doublings = Math.min(table.opens(backend), DOUBLINGS_MAX)
    const ms = Math.min(openMs * 2 ** doublings, Math.max(openMs, OPEN_MAX_MS))
    return table.open(backend, state, (this.#now() + toCoarse(ms)) | 0)
  }

  #slot(): number {
    return Math.floor(this.#now() / this.#slotTicks)
  }
}

function toCoarse(ms: number): number {
  return Math.ceil((ms * COARSE_PER_SECOND) / 1000)
}
