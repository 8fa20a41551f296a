/**
 * What refusals lead to: each counts against its address, and who has collected `--ban-threshold` points is banned.
 *
 * The score is one word in the slot of the address, like a token bucket: points are forgiven by `--ban-decay` per
 * second, and it counts for all workers. The same word says until when there is a ban. Main hears of it, and makes
 * it longer for one that was banned before (control/bans.ts).
 */
import type { CountedPrefixes } from '../core/address.ts'
import type { BanNotice } from '../core/ban.ts'
import { seconds, TICKS_PER_SECOND } from '../core/clock.ts'
import { weights } from '../core/weights.ts'
import { type AddressTable, banEnd, banWord } from '../shared/address-table.ts'
import type { GoodRecords } from '../shared/good-records.ts'
import type { Shared } from '../shared/layout.ts'
import { ExemptAddresses } from './exempt-addresses.ts'

export interface PenaltyRules extends CountedPrefixes {
  /** Points; 0 bans nobody. */
  readonly banThreshold: number
  /** Points forgiven per second. */
  readonly banDecay: number
  /** Of a first ban. */
  readonly banTimeMs: number
  /** CIDRs of those who are never banned. */
  readonly banExempt: readonly string[]
}

export class Penalties {
  readonly #addresses: AddressTable
  readonly #goodRecords: GoodRecords
  readonly #rules: PenaltyRules
  readonly #exempt: ExemptAddresses
  readonly #pointTicks: number
  readonly #debtTicksMax: number
  readonly #onBan: (ban: BanNotice) => void

  constructor(
    { addresses, goodRecords }: Pick<Shared, 'addresses' | 'goodRecords'>,
    rules: PenaltyRules,
    onBan: (ban: BanNotice) => void,
  ) {
    this.#addresses = addresses
    this.#goodRecords = goodRecords
    this.#rules = rules
    this.#onBan = onBan
    this.#pointTicks = Math.round(TICKS_PER_SECOND / rules.banDecay)
    this.#debtTicksMax = rules.banThreshold * this.#pointTicks
    this.#exempt = new ExemptAddresses(rules.banExempt, rules)
  }

  /**
   * Counts a refusal against an address.
   *
   * @param slot held by the caller; -1 where there is none
   * @param now  ticks
   * @param isDirect it connected itself: no proxy spoke for it
   */
  add(slot: number, refused: number, now: number, isDirect: boolean): void {
    const weight = weights[refused]!
    if (weight === 0 || slot === -1 || this.#debtTicksMax === 0) return
    const { words } = this.#addresses
    const at = this.#addresses.score(slot)
    for (;;) {
      const word = Atomics.load(words, at)
      // It is banned already, by another worker maybe.
      if (banEnd(word) > seconds()) return
      const before = this.#debt(word, now)
      const debt = before + weight * this.#pointTicks
      if (debt >= this.#debtTicksMax) return this.#ban(slot, at, word, refused, now, isDirect)
      if (Atomics.compareExchange(words, at, word, (now + debt) & ~1) !== word) continue
      const half = this.#debtTicksMax / 2
      if (before <= half && debt > half) this.#goodRecords.forget(this.#addresses.address(slot))
      return
    }
  }

  /** Points the address has collected and not been forgiven. */
  score(slot: number, now: number): number {
    return this.points(Atomics.load(this.#addresses.words, this.#addresses.score(slot)), now)
  }

  /** The same of a word that was read, maybe some time ago. */
  points(word: number, now: number): number {
    return Math.ceil(this.#debt(word, now) / this.#pointTicks)
  }

  /** Whether it has collected more than half of what it is banned for: then no good deed counts. */
  isInDoubt(slot: number, now: number): boolean {
    const word = Atomics.load(this.#addresses.words, this.#addresses.score(slot))
    return this.#debt(word, now) > this.#debtTicksMax / 2
  }

  /** Whether it is never banned. */
  isExempt(address: Int32Array): boolean {
    return this.#exempt.has(address)
  }

  #ban(
    slot: number,
    at: number,
    word: number,
    refused: number,
    now: number,
    isDirect: boolean,
  ): void {
    const { words } = this.#addresses
    const address = this.#addresses.address(slot)
    this.#goodRecords.forget(address)
    if (this.isExempt(address)) {
      // It begins anew, so that it is not looked up for each.
      Atomics.compareExchange(words, at, word, now & ~1)
      return
    }
    const until = seconds() + Math.ceil(this.#rules.banTimeMs / 1000)
    // Whoever is first tells of it.
    if (Atomics.compareExchange(words, at, word, banWord(until)) !== word) return
    this.#onBan({ address, until, isDirect, refused })
  }

  #debt(word: number, now: number): number {
    const ahead = (word - now) | 0
    // Of a ban that is over nothing is left.
    if ((word & 1) === 1 || ahead <= 0) return 0
    return ahead <= this.#debtTicksMax ? ahead : 0
  }
}
