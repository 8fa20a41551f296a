/**
 * Spares a server that does not answer: after failures in a row nobody asks for a while, then one does.
 *
 * The clients get their answer at once meanwhile, instead of each waiting for a deadline.
 */

const FAILURES_MAX = 5
const OPEN_MIN_MS = 1000
const OPEN_MAX_MS = 30_000

export class ServerBreaker {
  /** Failures in a row. */
  #failures = 0
  #openMs = 0
  /** On the clock of performance.now(). */
  #trialAtMs = 0
  #isTrial = false

  get isOpen(): boolean {
    return this.#openMs !== 0
  }

  /** Whether it may be asked now; of those that ask while it is open, one at a time after a pause. */
  mayAsk(nowMs: number): boolean {
    if (!this.isOpen) return true
    if (this.#isTrial || nowMs < this.#trialAtMs) return false
    this.#isTrial = true
    return true
  }

  /** @returns whether this closed it */
  answered(): boolean {
    const wasOpen = this.isOpen
    this.#failures = 0
    this.#openMs = 0
    this.#isTrial = false
    return wasOpen
  }

  /** @returns whether this opened it */
  failed(nowMs: number): boolean {
    this.#failures++
    const wasOpen = this.isOpen
    // Those that were under way when it opened say nothing new.
    if (wasOpen && !this.#isTrial) return false
    if (this.#failures < FAILURES_MAX) return false
    this.#isTrial = false
    this.#openMs = Math.min(Math.max(this.#openMs * 2, OPEN_MIN_MS), OPEN_MAX_MS)
    this.#trialAtMs = nowMs + this.#openMs
    return !wasOpen
  }
}
