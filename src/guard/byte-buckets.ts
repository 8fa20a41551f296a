/**
 * Buckets of bytes, shared by every worker, one 32-bit word each: when all that was taken is paid off.
 *
 * As guard/token-buckets.ts, but for what has happened when it is counted: nothing is refused, a bucket goes into debt. A byte
 * may be worth less than a tick, so what is left over of one count goes into the next.
 */
import assert from 'node:assert/strict'
import { TICKS_PER_SECOND } from '../core/clock.ts'

/** Longer nobody is made to wait; a larger distance is an old one, seen across the clock's wrap. */
const DEBT_TICKS_MAX = 3600 * TICKS_PER_SECOND

export interface ByteLimits {
  /** Bytes per second; above 0. */
  readonly rate: number
  /** Bytes of a full bucket. */
  readonly burst: number
}

export class ByteBuckets {
  readonly #due: Int32Array
  readonly #ticksPerByte: number
  readonly #burstTicks: number
  /** Of a tick, that counts so far were rounded down by. */
  #rest = 0

  /** @param due shared words; a bucket is full where the word lies in the past */
  constructor(due: Int32Array, { rate, burst }: ByteLimits) {
    assert(rate > 0 && burst / rate <= 3600)
    this.#due = due
    this.#ticksPerByte = TICKS_PER_SECOND / rate
    this.#burstTicks = Math.round(burst * this.#ticksPerByte)
  }

  /** Takes bytes, whatever is left. */
  take(at: number, bytes: number, now: number): void {
    const exact = bytes * this.#ticksPerByte + this.#rest
    const cost = Math.floor(exact)
    this.#rest = exact - cost
    for (;;) {
      const due = this.#due[at]!
      const debt = Math.min(DEBT_TICKS_MAX, this.#debt(due, now) + cost)
      if (Atomics.compareExchange(this.#due, at, due, (now + debt) | 0) === due) return
      // Another worker took some in between. It made progress, so this loop ends.
    }
  }

  /** Ticks until it is out of debt; 0 if it is not in debt. */
  wait(at: number, now: number): number {
    const debt = this.#debt(this.#due[at]!, now)
    return debt > this.#burstTicks ? debt - this.#burstTicks : 0
  }

  /** Bytes that are there now, 0 to the burst. */
  left(at: number, now: number): number {
    const free = this.#burstTicks - this.#debt(Atomics.load(this.#due, at), now)
    return Math.max(0, Math.floor(free / this.#ticksPerByte))
  }

  /** Ticks until it is full again, if nobody takes any. */
  untilFull(at: number, now: number): number {
    return this.#debt(Atomics.load(this.#due, at), now)
  }

  #debt(due: number, now: number): number {
    const ahead = (due - now) | 0
    return ahead > 0 && ahead <= DEBT_TICKS_MAX ? ahead : 0
  }
}
