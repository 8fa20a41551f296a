/**
 * Errors per second and address, `--error-rate` and `--error-burst`.
 *
 * Who looks for what is not there, or tries what breaks a backend, spends a token on each answer that says so. With none
 * left nothing more is asked of a backend in its name until one is due.
 */
import { ADMITTED, refusal } from '../core/refusals.ts'
import { type AddressTable, ERROR_BUCKET } from '../shared/address-table.ts'
import type { RequestGuard } from './guard.ts'
import { TokenBuckets } from './token-buckets.ts'

const REFUSAL = refusal('error-rate')

export class ErrorRate implements RequestGuard {
  waitTicks = 0
  readonly #addresses: AddressTable
  readonly #buckets: TokenBuckets
  readonly #refused: number

  /** @param limits with a rate above 0 */
  constructor(
    addresses: AddressTable,
    limits: { readonly errorRate: number; readonly errorBurst: number },
    refused = REFUSAL,
  ) {
    this.#refused = refused
    this.#addresses = addresses
    this.#buckets = new TokenBuckets(addresses.words, {
      rate: limits.errorRate,
      burst: limits.errorBurst,
    })
  }

  /** Takes nothing: whether there is an error is not known yet. */
  check(slot: number, now: number): number {
    this.waitTicks = this.#buckets.wait(this.#addresses.bucket(slot, ERROR_BUCKET), now)
    return this.waitTicks === 0 ? ADMITTED : this.#refused
  }

  /** An error; those beyond the last token count for nothing. @param slot held by the caller */
  spend(slot: number, now: number): void {
    this.#buckets.take(this.#addresses.bucket(slot, ERROR_BUCKET), now)
  }
}
