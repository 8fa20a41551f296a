/** HTTP requests per second and address, `--request-rate` and `--request-burst`. */
import { ADMITTED, refusal } from '../core/refusals.ts'
import { type AddressTable, REQUEST_BUCKET } from '../shared/address-table.ts'
import type { RequestGuard } from './guard.ts'
import { TokenBuckets } from './token-buckets.ts'

const REFUSAL = refusal('request-rate')

export class RequestRate implements RequestGuard {
  waitTicks = 0
  readonly #addresses: AddressTable
  readonly #buckets: TokenBuckets
  readonly #refused: number

  constructor(
    addresses: AddressTable,
    limits: { readonly requestRate: number; readonly requestBurst: number },
    refused = REFUSAL,
  ) {
    this.#refused = refused
    this.#addresses = addresses
    this.#buckets = new TokenBuckets(addresses.words, {
      rate: limits.requestRate,
      burst: limits.requestBurst,
    })
  }

  /** @param cost tokens, up to the burst; what costs none is let in whatever is left */
  check(slot: number, now: number, cost = 1): number {
    if (cost === 0) return ADMITTED
    const at = this.#addresses.bucket(slot, REQUEST_BUCKET)
    this.waitTicks = this.#buckets.take(at, now, 0, cost)
    return this.waitTicks === 0 ? ADMITTED : this.#refused
  }
}
