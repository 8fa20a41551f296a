/**
 * Blocks that an operator banned for a time (`weir bans add`): main tells all workers of each change.
 *
 * Addresses that are exempt pass, whatever block they lie in.
 */
import type { BannedBlock } from '../core/ban.ts'
import { CidrSet, parseCidr } from '../core/cidr-set.ts'
import { seconds } from '../core/clock.ts'
import { ADMITTED } from '../core/refusals.ts'
import { BANNED } from './banned.ts'

export class BannedBlocks {
  readonly #isExempt: (address: Int32Array) => boolean
  /** null for none, which is how it nearly always is. */
  #blocks: CidrSet | null = null

  constructor(isExempt: (address: Int32Array) => boolean) {
    this.#isExempt = isExempt
  }

  /** Replaces all of them. */
  load(blocks: readonly BannedBlock[]): void {
    const set = new CidrSet()
    const widestFirst = blocks
      .map(({ cidr, until }) => ({ block: parseCidr(cidr)!, until }))
      .toSorted((a, b) => a.block.bits - b.block.bits)
    // The narrowest is what is found: it holds for as long as any around it.
    for (const { block, until } of widestFirst) {
      set.add(block, Math.max(until, set.find(block.words)))
    }
    this.#blocks = blocks.length === 0 ? null : set
  }

  /** @returns 0 or the refusal */
  check(address: Int32Array): number {
    if (this.#blocks === null) return ADMITTED
    // What is over is taken out by main a moment later.
    if (this.#blocks.find(address) <= seconds()) return ADMITTED
    return this.#isExempt(address) ? ADMITTED : BANNED
  }

  /** Until the ban of an address is over; 1 at least. */
  secondsLeft(address: Int32Array): number {
    return Math.max(1, (this.#blocks?.find(address) ?? 0) - seconds())
  }
}
