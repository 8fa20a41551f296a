/** New connections per second and address, `--connection-rate` and `--connection-burst`. */
import { ADMITTED, refusal } from '../core/refusals.ts'
import { type AddressTable, CONNECTION_BUCKET } from '../shared/address-table.ts'
import type { Guard } from './guard.ts'
import { TokenBuckets } from './token-buckets.ts'

const REFUSAL = refusal('connection-rate')

export class ConnectionRate implements Guard {
  readonly #addresses: AddressTable
  readonly #buckets: TokenBuckets
  readonly #refused: number

  constructor(
    addresses: AddressTable,
    limits: { readonly connectionRate: number; readonly connectionBurst: number },
    refused = REFUSAL,
  ) {
    this.#refused = refused
    this.#addresses = addresses
    this.#buckets = new TokenBuckets(addresses.words, {
      rate: limits.connectionRate,
      burst: limits.connectionBurst,
    })
  }

  check(slot: number, now: number): number {
    const wait = this.#buckets.take(this.#addresses.bucket(slot, CONNECTION_BUCKET), now)
    return wait === 0 ? ADMITTED : this.#refused
  }
}
