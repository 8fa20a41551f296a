/**
 * Token buckets shared by every worker, one 32-bit word each.
 *
 * A bucket stores when its next token is due (GCRA, ITU-T I.371) instead of a count and a refill
 * time: one word needs one compareExchange, a pair would need a lock.
 */
import assert from 'node:assert/strict'
import { TICKS_PER_SECOND } from '../core/clock.ts'

/**
 * How old `now` may be by the time it is used: a worker can lose its processor between reading the
 * clock and taking a token, while others go on taking. What looks further ahead than a full debt and
 * this is no debt but an old time, seen across the wrap of the clock.
 */
const CLOCK_SKEW_TICKS = 2 * TICKS_PER_SECOND

export interface BucketOptions {
  /** Tokens per second; above 0, up to 65 536. */
  readonly rate: number
  /** Tokens a full bucket holds; at least 1. */
  readonly burst: number
}

export class TokenBuckets {
  readonly #due: Int32Array
  readonly #intervalTicks: number
  readonly #slackTicks: number
  readonly #debtTicksMax: number

  /** @param due shared words; a bucket is full where the word lies in the past */
  constructor(due: Int32Array, { rate, burst }: BucketOptions) {
    assert(rate > 0 && rate <= TICKS_PER_SECOND)
    assert(Number.isInteger(burst) && burst >= 1)
    this.#due = due
    this.#intervalTicks = Math.round(TICKS_PER_SECOND / rate)
    this.#slackTicks = (burst - 1) * this.#intervalTicks
    this.#debtTicksMax = burst * this.#intervalTicks + CLOCK_SKEW_TICKS
  }

  /**
   * Takes one token, or `count` of them at once.
   *
   * @param at  the bucket's place, from `AddressTable.bucket()`
   * @param now ticks, from `clock.ticks()`
   * @param reserve tokens that are not for this taker: it gets one only if so many are left then; below the burst
   * @param count 1 to the burst: more are never there
   * @returns 0 if they were taken, else the ticks until they are free
   */
  take(at: number, now: number, reserve = 0, count = 1): number {
    const slackTicks = this.#slackTicks - (reserve + count - 1) * this.#intervalTicks
    for (;;) {
      const due = this.#due[at]!
      const debt = this.#debt(due, now)
      if (debt > slackTicks) return debt - slackTicks

      const next = (now + debt + count * this.#intervalTicks) | 0
      if (Atomics.compareExchange(this.#due, at, due, next) === due) return 0
      // Another worker took a token in between. It made progress, so this loop ends.
    }
  }

  /** Gives back a token that was taken. */
  giveBack(at: number, now: number): void {
    for (;;) {
      const due = this.#due[at]!
      const debt = this.#debt(due, now)
      const next = (now + Math.max(0, debt - this.#intervalTicks)) | 0
      if (Atomics.compareExchange(this.#due, at, due, next) === due) return
      // As in take().
    }
  }

  /** Tokens that are there now, 0 to the burst. */
  left(at: number, now: number): number {
    const debt = this.#debt(Atomics.load(this.#due, at), now)
    const free = this.#slackTicks + this.#intervalTicks - debt
    return Math.max(0, Math.floor(free / this.#intervalTicks))
  }

  /** Ticks until {@link take} would take one, without taking it; 0 if it would now. */
  wait(at: number, now: number, reserve = 0): number {
    const slackTicks = this.#slackTicks - reserve * this.#intervalTicks
    // Plainly: each request may ask, and Atomics.load is a call.
    const debt = this.#debt(this.#due[at]!, now)
    return debt > slackTicks ? debt - slackTicks : 0
  }

  /** Ticks until it is full again, if nobody takes one. */
  untilFull(at: number, now: number): number {
    return this.#debt(Atomics.load(this.#due, at), now)
  }

  #debt(due: number, now: number): number {
    const ahead = (due - now) | 0
    // A bucket never owes more than its burst: anything else is an idle bucket, so a full one.
    return ahead > 0 && ahead <= this.#debtTicksMax ? ahead : 0
  }
}
