/**
 * Failed authentications per address, `--auth-failure-rate` and `--auth-failure-burst`.
 *
 * Who tries credentials until one fits spends a token on each that does not. With none left nothing is judged
 * any more: guessing ends, and made-up tokens cost no cryptography.
 */
import { AUTH_BUCKET, type AddressTable } from '../shared/address-table.ts'
import { TokenBuckets } from './token-buckets.ts'

export interface AuthFailureLimits {
  /** Per second; above 0. */
  readonly authFailureRate: number
  readonly authFailureBurst: number
}

export class AuthFailures {
  readonly #addresses: AddressTable
  readonly #buckets: TokenBuckets

  constructor(addresses: AddressTable, limits: AuthFailureLimits) {
    this.#addresses = addresses
    this.#buckets = new TokenBuckets(addresses.words, {
      rate: limits.authFailureRate,
      burst: limits.authFailureBurst,
    })
  }

  /** @param slot of the address, held by the caller; @returns ticks until it may try again, 0 if it may now */
  wait(slot: number, now: number): number {
    return this.#buckets.wait(this.#addresses.bucket(slot, AUTH_BUCKET), now)
  }

  failed(slot: number, now: number): void {
    this.#buckets.take(this.#addresses.bucket(slot, AUTH_BUCKET), now)
  }
}
