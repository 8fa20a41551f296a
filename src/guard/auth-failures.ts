/**
 * Failed authentications per address, `--auth-failure-rate` and `--auth-failure-burst`, and of its network.
 *
 * Who tries credentials until one fits spends a token on each that does not. With none left nothing is judged
 * any more: guessing ends, and made-up tokens cost no cryptography. Many addresses of one network guess no more than
 * `--prefix-multiple` times as often together. To ask takes nothing, so whoever does not fail pays nothing.
 */
import { ADMITTED, refusal } from '../core/refusals.ts'
import { AUTH_BUCKET, type AddressTable } from '../shared/address-table.ts'
import { TokenBuckets } from './token-buckets.ts'
import { prefixLimits } from './wider-prefix.ts'

const OF_ADDRESS = refusal('auth-failure-rate')
const OF_NETWORK = refusal('prefix-auth-failure-rate')

export interface AuthFailureLimits {
  /** Per second; above 0. */
  readonly authFailureRate: number
  readonly authFailureBurst: number
  /** Of a network: so many times that of an address; 0 is no limit. */
  readonly prefixMultiple: number
}

export class AuthFailures {
  /** Of the last one that was refused: ticks until it may try again. */
  waitTicks = 0
  readonly #addresses: AddressTable
  readonly #buckets: TokenBuckets
  /** null where networks are not counted. */
  readonly #networks: TokenBuckets | null

  constructor(addresses: AddressTable, { prefixMultiple, ...one }: AuthFailureLimits) {
    const buckets = (limits: typeof one): TokenBuckets =>
      new TokenBuckets(addresses.words, {
        rate: limits.authFailureRate,
        burst: limits.authFailureBurst,
      })
    this.#addresses = addresses
    this.#buckets = buckets(one)
    this.#networks = prefixMultiple === 0 ? null : buckets(prefixLimits(one, prefixMultiple))
  }

  /** @param slot of the address, held by the caller; @returns 0 or the refusal */
  check(slot: number, now: number): number {
    this.waitTicks = this.#buckets.wait(this.#addresses.bucket(slot, AUTH_BUCKET), now)
    return this.waitTicks === 0 ? ADMITTED : OF_ADDRESS
  }

  /** Likewise of its network; -1 for none. */
  checkNetwork(prefixSlot: number, now: number): number {
    if (this.#networks === null || prefixSlot === -1) return ADMITTED
    this.waitTicks = this.#networks.wait(this.#addresses.bucket(prefixSlot, AUTH_BUCKET), now)
    return this.waitTicks === 0 ? ADMITTED : OF_NETWORK
  }

  /** Those beyond the last token count for nothing. */
  failed(slot: number, prefixSlot: number, now: number): void {
    const addresses = this.#addresses
    this.#buckets.take(addresses.bucket(slot, AUTH_BUCKET), now)
    if (prefixSlot !== -1) this.#networks?.take(addresses.bucket(prefixSlot, AUTH_BUCKET), now)
  }
}
