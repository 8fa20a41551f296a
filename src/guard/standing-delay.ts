/**
 * How late a loop is all the time: the least lateness of the last second or so.
 *
 * The least and not the average, as with CoDel (RFC 8289): a loop that is late once, for a collection of garbage or a
 * burst, and then is not, has caught up. One that was never less late for a second has more to do than it can.
 */

/** Two windows, this one and the one before: what is told is as old as one of them at least. */
const WINDOW_MS = 500

export class StandingDelay {
  #begunMs = -WINDOW_MS
  #least = 0
  #before = 0

  /** @returns milliseconds */
  add(lateMs: number, nowMs: number): number {
    if (nowMs - this.#begunMs >= WINDOW_MS) {
      this.#before = this.#least
      this.#least = lateMs
      this.#begunMs = nowMs
    } else if (lateMs < this.#least) this.#least = lateMs
    return Math.min(this.#before, this.#least)
  }
}
