/**
 * What an exchange is waiting for must come in time, and the whole of it too: one deadline for both, the nearer of the
 * two. It belongs to the connection: one exchange after the other uses it.
 */
import { performance } from 'node:perf_hooks'
import { Deadline, type DeadlineOwner, type Deadlines } from '../transport/deadlines.ts'

export interface ExchangeDeadlineOwner {
  onExchangeDeadline(): void
}

export class ExchangeDeadline implements DeadlineOwner {
  readonly #deadlines: Deadlines
  readonly #deadline: Deadline
  readonly #owner: ExchangeDeadlineOwner
  /** `--exchange-timeout`, on the clock of performance.now(); 0 is never. */
  #endsAtMs = 0
  /** That is nearer than what comes next. */
  #isOfWhole = false

  constructor(deadlines: Deadlines, owner: ExchangeDeadlineOwner) {
    this.#deadlines = deadlines
    this.#owner = owner
    this.#deadline = new Deadline(this)
  }

  onDeadline(): void {
    this.#owner.onExchangeDeadline()
  }

  /** @param endsAtMs when the whole exchange must be over; 0 for never */
  begin(endsAtMs: number): void {
    this.#endsAtMs = endsAtMs
  }

  /** @param ms for what comes next; 0 for as long as the whole exchange may take */
  waitFor(ms: number): void {
    if (this.#endsAtMs === 0) {
      if (ms === 0) this.#deadlines.suspend(this.#deadline)
      else this.#deadlines.set(this.#deadline, ms)
      return
    }
    const left = Math.max(1, this.#endsAtMs - performance.now())
    this.#isOfWhole = ms === 0 || left <= ms
    this.#deadlines.set(this.#deadline, this.#isOfWhole ? left : ms)
  }

  /** Whether it is the whole exchange that took too long: a clock alone would not say, as the wheel's may be a little ahead. */
  get isOver(): boolean {
    return this.#endsAtMs !== 0 && (this.#isOfWhole || performance.now() >= this.#endsAtMs)
  }

  /** The exchange is over: nothing is waited for. */
  suspend(): void {
    this.#endsAtMs = 0
    this.#isOfWhole = false
    this.#deadlines.suspend(this.#deadline)
  }

  /** The connection is over: it is in no wheel any more. */
  stop(): void {
    this.#deadline.stop()
  }
}
