/** TLS handshakes per second and address, `--handshake-rate` and `--handshake-burst`. */
import { ADMITTED, refusal } from '../core/refusals.ts'
import { type AddressTable, HANDSHAKE_BUCKET } from '../shared/address-table.ts'
import type { Guard } from './guard.ts'
import { TokenBuckets } from './token-buckets.ts'

const REFUSAL = refusal('handshake-rate')

export class HandshakeRate implements Guard {
  readonly #addresses: AddressTable
  readonly #buckets: TokenBuckets
  readonly #refused: number

  constructor(
    addresses: AddressTable,
    limits: { readonly handshakeRate: number; readonly handshakeBurst: number },
    refused = REFUSAL,
  ) {
    this.#refused = refused
    this.#addresses = addresses
    this.#buckets = new TokenBuckets(addresses.words, {
      rate: limits.handshakeRate,
      burst: limits.handshakeBurst,
    })
  }

  check(slot: number, now: number): number {
    const wait = this.#buckets.take(this.#addresses.bucket(slot, HANDSHAKE_BUCKET), now)
    return wait === 0 ? ADMITTED : this.#refused
  }
}
