/**
 * The good record of an address: it was served lately, so it is served last to go when weir is short of something.
 *
 * It is earned by what a client that forges its address, or fails, cannot get: an answer below 400 of a backend, or
 * a session that carried bytes both ways and ended well. A TLS handshake alone earns nothing, for a flood of them is
 * one of the things that it is for. An hour after the last good deed it is gone, and at once when refusals pile up
 * (half of `--ban-threshold`) or end in a ban; then it is not earned before they are forgiven.
 */
import { ADDRESS_WORDS, type CountedPrefixes } from '../core/address.ts'
import { minutes } from '../core/clock.ts'
import type { Shared } from '../shared/layout.ts'
import { CountedAddress } from './counted-address.ts'
import type { Penalties } from './penalties.ts'

export class GoodRecord {
  readonly #shared: Pick<Shared, 'addresses' | 'goodRecords'>
  readonly #penalties: Penalties
  readonly #counted: CountedAddress
  readonly #words = new Int32Array(ADDRESS_WORDS)

  constructor(
    shared: Pick<Shared, 'addresses' | 'goodRecords'>,
    penalties: Penalties,
    prefixes: CountedPrefixes,
  ) {
    this.#shared = shared
    this.#penalties = penalties
    this.#counted = new CountedAddress(prefixes)
  }

  /** @param address four words; a copy is masked to what counts as one client */
  has(address: Int32Array): boolean {
    return this.#shared.goodRecords.has(this.#counted.of(address), minutes())
  }

  /** The same of an address by its slot, held by the caller. */
  hasSlot(slot: number): boolean {
    return this.#read(slot) && this.#shared.goodRecords.has(this.#words, minutes())
  }

  /**
   * A good deed. Once a minute is enough: whoever calls more often does so for nothing.
   *
   * @param slot of the address, held by the caller
   * @param now  ticks
   */
  earn(slot: number, now: number): void {
    if (this.#penalties.isInDoubt(slot, now) || !this.#read(slot)) return
    this.#shared.goodRecords.mark(this.#words, minutes())
  }

  /** Each step of the wheel. */
  step(): void {
    this.#shared.goodRecords.sweep(minutes())
  }

  /** @returns false for those that share a slot because the table has no room: nobody knows who they are */
  #read(slot: number): boolean {
    return this.#shared.addresses.copyAddress(slot, this.#words)
  }
}
