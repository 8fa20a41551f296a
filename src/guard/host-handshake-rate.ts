/**
 * TLS handshakes per second, all addresses together: `--host-handshake-rate` and `--host-handshake-burst`.
 *
 * A flood from very many addresses keeps each of them below its own limit, and still takes all the processors, a
 * millisecond at a time. Half of the bucket is for addresses with a good record: strangers cannot take the last
 * tokens, so whoever was served lately still gets in, however many of them there are.
 */
import { ADMITTED, refusal } from '../core/refusals.ts'
import { HOST_HANDSHAKES } from '../shared/layout.ts'
import type { Guard } from './guard.ts'
import { TokenBuckets } from './token-buckets.ts'

const REFUSAL = refusal('host-handshake-rate')

export interface HostHandshakeLimits {
  /** TLS handshakes per second, all addresses together; 0 is no limit. */
  readonly hostHandshakeRate: number
  readonly hostHandshakeBurst: number
}

/** Who knows which addresses have a good record. */
export interface Records {
  /** @param slot of the address, held by the caller */
  hasSlot(slot: number): boolean
}

export class HostHandshakeRate implements Guard {
  readonly #buckets: TokenBuckets
  readonly #reserve: number
  readonly #records: Records

  /** @param words shared by all workers, from `Shared.hostBuckets` */
  constructor(
    words: Int32Array,
    { hostHandshakeRate, hostHandshakeBurst }: HostHandshakeLimits,
    records: Records,
  ) {
    this.#buckets = new TokenBuckets(words, { rate: hostHandshakeRate, burst: hostHandshakeBurst })
    this.#reserve = handshakesKept(hostHandshakeBurst)
    this.#records = records
  }

  check(slot: number, now: number): number {
    // Nobody's record is looked up before it makes a difference.
    if (this.#buckets.take(HOST_HANDSHAKES, now, this.#reserve) === 0) return ADMITTED
    if (!this.#records.hasSlot(slot)) return REFUSAL
    return this.#buckets.take(HOST_HANDSHAKES, now) === 0 ? ADMITTED : REFUSAL
  }

  /** One that {@link check} let in was none. */
  giveBack(now: number): void {
    this.#buckets.giveBack(HOST_HANDSHAKES, now)
  }
}

/** Tokens of a full bucket that are only for addresses with a good record. */
export function handshakesKept(burst: number): number {
  return Math.floor(burst / 2)
}
