/**
 * How fast a client sends a body, `--body-rate-min`: a byte now and then keeps any idle deadline away.
 *
 * Only the time counts in which the client was listened to: a backend that takes the body slowly is not its
 * fault.
 */

/** Before this no rate is asked for. */
const GRACE_MS = 10_000

export class BodyPace {
  #bytes = 0
  #listenedMs = 0
  /** Since when it is listened to; -1 while it is not. */
  #sinceMs = -1

  /** A new body. */
  reset(): void {
    this.#bytes = 0
    this.#listenedMs = 0
    this.#sinceMs = -1
  }

  /** From now on the client may send; idempotent. */
  listen(nowMs: number): void {
    if (this.#sinceMs === -1) this.#sinceMs = nowMs
  }

  /** It is not read for now; idempotent. */
  pause(nowMs: number): void {
    if (this.#sinceMs === -1) return
    this.#listenedMs += nowMs - this.#sinceMs
    this.#sinceMs = -1
  }

  took(bytes: number): void {
    this.#bytes += bytes
  }

  /**
   * @param rateMin bytes a second; 0 is no limit
   * @param ahead   bytes that came and were not taken yet
   */
  isTooSlow(nowMs: number, rateMin: number, ahead: number): boolean {
    const ms = this.#listenedMs + (this.#sinceMs === -1 ? 0 : nowMs - this.#sinceMs)
    return ms > GRACE_MS && (this.#bytes + ahead) * 1000 < rateMin * ms
  }
}
