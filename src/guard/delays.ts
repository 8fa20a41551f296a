/**
 * Requests over a rate that are held until their tokens are due, `--action REASON=delay`, as far as that is no longer
 * than `--delay-time`. So a rate is kept by spreading requests over time: those held have their tokens already, and are
 * served in the order in which they came.
 *
 * A bucket of such a rate is larger by what it refills in that time; the tokens beyond its burst are lent.
 */
import { type GuardAction, action } from '../core/actions.ts'
import { TICKS_PER_SECOND } from '../core/clock.ts'
import { refusal, refusals } from '../core/refusals.ts'
import { TokenBuckets } from './token-buckets.ts'

const DELAY = action('delay')
const MS_PER_SECOND = 1000
const TOO_MANY = 429

export interface DelayOptions {
  readonly actions: readonly GuardAction[]
  /** Guards on trial hold nobody. */
  readonly shadow: readonly string[]
  readonly delayTimeMs: number
}

/** A request, as far as it has to wait for its tokens. */
export interface Delayed {
  /** Ticks until all of them are due; 0 if they are. */
  delayTicks: number
  /** Whose are due last. */
  delayedBy: number
}

/** The exchange, as far as it is held. */
export interface Holdable {
  readonly client: Delayed & { retryAfter: number; beginHold(delays: Delays, ms: number): void }
  waitFor(ms: number): void
  onRefused(refused: number, status: number, lines: string): void
}

export class Delays {
  /** Requests that are held now. */
  size = 0
  readonly #byRefusal = new Uint8Array(refusals.length)
  readonly #seconds: number
  readonly #max: number
  readonly #took: (refused: number, taken: number) => void

  /**
   * @param max  requests that may be held at once
   * @param took counts what was done in place of the usual
   */
  constructor(options: DelayOptions, max: number, took: (refused: number, taken: number) => void) {
    this.#seconds = options.delayTimeMs / MS_PER_SECOND
    this.#max = max
    this.#took = took
    for (const each of options.actions) {
      if (each.action !== 'delay' || options.shadow.includes(each.guard)) continue
      this.#byRefusal[refusal(each.guard)] = 1
    }
  }

  /** @returns tokens that are lent at this rate; 0 for a guard that holds nobody */
  lent(refused: number, rate: number): number {
    return this.#byRefusal[refused] === 0 ? 0 : Math.floor(rate * this.#seconds)
  }

  /** Lets it wait until its tokens are due, or refuses it where as many are held as may be. */
  hold(exchange: Holdable): void {
    const { client } = exchange
    const { delayTicks, delayedBy } = client
    if (this.size >= this.#max) {
      client.retryAfter = Math.max(1, Math.ceil(delayTicks / TICKS_PER_SECOND))
      return exchange.onRefused(delayedBy, TOO_MANY, '')
    }
    this.size++
    this.#took(delayedBy, DELAY)
    const ms = Math.max(1, Math.ceil((delayTicks * MS_PER_SECOND) / TICKS_PER_SECOND))
    client.beginHold(this, ms)
    exchange.waitFor(ms)
  }

  /** One is held no longer. */
  leave(): void {
    this.size--
  }
}

/** Buckets that lend: who takes what is lent has to wait. */
export class LendingBuckets {
  readonly #buckets: TokenBuckets
  /** What a bucket owes where nothing of it is lent. */
  readonly #ownTicks: number
  readonly #lends: boolean

  /** @param lent tokens beyond the burst */
  constructor(words: Int32Array, rate: number, burst: number, lent: number) {
    this.#buckets = new TokenBuckets(words, { rate, burst: burst + lent })
    this.#ownTicks = burst * Math.round(TICKS_PER_SECOND / rate)
    this.#lends = lent > 0
  }

  /**
   * Takes tokens, see {@link TokenBuckets.take}.
   *
   * @param refused whose they are
   * @param request is told how long it has to wait for them, if longer than for those of others
   */
  take(at: number, now: number, count: number, refused: number, request: Delayed): number {
    const wait = this.#buckets.take(at, now, 0, count)
    if (wait !== 0 || !this.#lends) return wait
    const ticks = this.#buckets.untilFull(at, now) - this.#ownTicks
    if (ticks > request.delayTicks) {
      request.delayTicks = ticks
      request.delayedBy = refused
    }
    return 0
  }
}
