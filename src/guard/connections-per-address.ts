/** Connections at once per address, `--connections-per-address`. */
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { AddressTable } from '../shared/address-table.ts'
import type { Guard } from './guard.ts'

const REFUSAL = refusal('connections-per-address')

export class ConnectionsPerAddress implements Guard {
  readonly #addresses: AddressTable
  readonly #max: number
  readonly #refused: number

  constructor(
    addresses: AddressTable,
    limits: { readonly connectionsPerAddress: number },
    refused = REFUSAL,
  ) {
    this.#refused = refused
    this.#addresses = addresses
    this.#max = limits.connectionsPerAddress
  }

  check(slot: number): number {
    return this.#addresses.open(slot) <= this.#max ? ADMITTED : this.#refused
  }
}
