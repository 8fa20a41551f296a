/** Addresses that are banned for a time: guard/penalties.ts does it, and an operator can. */
import { seconds, TICKS_PER_SECOND } from '../core/clock.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { AddressTable } from '../shared/address-table.ts'
import type { RequestGuard } from './guard.ts'

export const BANNED = refusal('banned')

export class Banned implements RequestGuard {
  waitTicks = 0
  readonly #addresses: AddressTable

  constructor(addresses: AddressTable) {
    this.#addresses = addresses
  }

  check(slot: number): number {
    const until = this.#addresses.bannedUntil(slot)
    // Of nearly all there was no ban ever: the clock need not be asked.
    if (until === 0) return ADMITTED
    const left = until - seconds()
    if (left <= 0) return ADMITTED
    this.waitTicks = left * TICKS_PER_SECOND
    return BANNED
  }
}
