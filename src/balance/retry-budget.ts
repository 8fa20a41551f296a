/**
 * How many requests may be sent again: an outage must not multiply the load on what is left.
 *
 * A few retries are always there, and each request adds a share of one more. Kept per worker and pool: the
 * bound is one of proportion, and so holds for the host as well.
 */

/** Always there again after {@link REFILL_MS}, however few requests there are. */
const RESERVE = 10
const REFILL_MS = 10_000
/** Saved up at most: a long quiet time is no licence for a storm. */
const SAVED_MAX = 100

export class RetryBudget {
  readonly #share: number
  #saved = 0
  #reserve = RESERVE
  #reserveMs = 0

  /** @param percent of requests that may be retries, 0 to 100 */
  constructor(percent: number) {
    this.#share = percent / 100
  }

  /** A request came. */
  deposit(): void {
    if (this.#saved < SAVED_MAX) this.#saved += this.#share
  }

  /** @returns whether one may be sent again now */
  take(nowMs: number): boolean {
    if (this.#saved >= 1) {
      this.#saved--
      return true
    }
    const back = Math.floor(((nowMs - this.#reserveMs) * RESERVE) / REFILL_MS)
    if (back > 0) {
      this.#reserve = Math.min(RESERVE, this.#reserve + back)
      this.#reserveMs = nowMs
    }
    if (this.#reserve === 0) return false
    this.#reserve--
    return true
  }
}
