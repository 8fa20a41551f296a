/** HTTP requests per second and address, `--request-rate` and `--request-burst`. */
import { ADMITTED, refusal } from '../core/refusals.ts'
import { type AddressTable, REQUEST_BUCKET } from '../shared/address-table.ts'
import { type Delayed, type Delays, LendingBuckets } from './delays.ts'
import type { RequestGuard } from './guard.ts'

const REFUSAL = refusal('request-rate')

export class RequestRate implements RequestGuard {
  waitTicks = 0
  readonly #addresses: AddressTable
  readonly #buckets: LendingBuckets
  readonly #refused: number

  constructor(
    addresses: AddressTable,
    limits: { readonly requestRate: number; readonly requestBurst: number },
    delays: Delays | null,
    refused = REFUSAL,
  ) {
    const { requestRate, requestBurst } = limits
    this.#refused = refused
    this.#addresses = addresses
    const lent = delays === null ? 0 : delays.lent(refused, requestRate)
    this.#buckets = new LendingBuckets(addresses.words, requestRate, requestBurst, lent)
  }

  /** @param cost tokens, up to the burst; what costs none is let in whatever is left */
  check(slot: number, now: number, cost: number, request: Delayed): number {
    if (cost === 0) return ADMITTED
    const at = this.#addresses.bucket(slot, REQUEST_BUCKET)
    this.waitTicks = this.#buckets.take(at, now, cost, this.#refused, request)
    return this.waitTicks === 0 ? ADMITTED : this.#refused
  }
}
