/** HTTP requests at once per address, `--requests-per-address`. Counts what it lets in. */
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { AddressTable } from '../shared/address-table.ts'
import type { RequestGuard } from './guard.ts'

const REFUSAL = refusal('requests-per-address')

export class RequestsPerAddress implements RequestGuard {
  /** When one of them ends is not known. */
  readonly waitTicks = 0
  readonly #addresses: AddressTable
  readonly #max: number
  readonly #refused: number

  constructor(
    addresses: AddressTable,
    limits: { readonly requestsPerAddress: number },
    refused = REFUSAL,
  ) {
    this.#refused = refused
    this.#addresses = addresses
    this.#max = limits.requestsPerAddress
  }

  /** @returns 0, and `AddressTable.leaveRequest()` is owed; or the refusal */
  check(slot: number): number {
    return this.#addresses.enterRequest(slot, this.#max) ? ADMITTED : this.#refused
  }

  letIn(slot: number): void {
    this.#addresses.enterRequest(slot, Infinity)
  }
}
