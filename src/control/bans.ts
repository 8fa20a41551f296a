/**
 * Every ban there is: those the guards of the workers made, and those of an operator.
 *
 * What holds is in the memory all workers see, and in the blocks they are sent: this is the list of it, by which bans
 * are shown, lifted, kept over a restart, and handed to whoever else wants to know (`BanListener`).
 */
import type { Logger } from 'pino'
import {
  addressBits,
  type CountedPrefixes,
  formatAddress,
  isIpv4,
  maskAddress,
} from '../core/address.ts'
import { type Cidr, CidrSet, parseCidr } from '../core/cidr-set.ts'
import { seconds, ticks } from '../core/clock.ts'
import { refusals } from '../core/refusals.ts'
import type { BannedBlock, BanNotice } from '../core/ban.ts'
import type { AddressTable } from '../shared/address-table.ts'
import type { GoodRecords } from '../shared/good-records.ts'

/** More of guards are not listed: the oldest makes room. All hold, listed or not. Those of an operator hold by the list. */
const LISTED_MAX = 100_000
/** Lines of new bans per second. */
const LINES_MAX = 20
const LOOK_MS = 1000

export type BanOrigin = 'guard' | 'operator'

export interface Ban {
  readonly cidr: string
  readonly origin: BanOrigin
  /** A reason of docs/refusals.md, or what the operator wrote. */
  readonly cause: string
  /** How often in a row. */
  readonly count: number
  /** Seconds since the process started; below 0 for one that was kept over a restart. */
  readonly since: number
  readonly until: number
  /** Its packets come from there: no proxy spoke for it. */
  readonly isDirect: boolean
}

/** Whoever acts on bans besides the workers. */
export interface BanListener {
  /** Also of one that is known, with another end. */
  added(ban: Ban): void
  removed(cidr: string): void
}

export interface BansParts {
  readonly addresses: AddressTable
  readonly goodRecords: GoodRecords
  readonly prefixes: CountedPrefixes
  /** Who is never banned, whatever is listed or was kept. */
  readonly isExempt: (address: Int32Array) => boolean
  readonly banTimeMs: number
  readonly banTimeMaxMs: number
  readonly log: Logger
  /** Tells the workers which blocks are banned. */
  readonly onBlocks: (blocks: readonly BannedBlock[]) => void
}

export class Bans {
  /** Taken off the list to make room. */
  dropped = 0
  readonly #parts: BansParts
  /** Those that are over too, for as long as the next would follow on them. */
  readonly #bans = new Map<string, Ban>()
  /** Those of them that guards made, the oldest first. */
  readonly #ofGuards = new Set<string>()
  readonly #listeners: BanListener[] = []
  #timer: NodeJS.Timeout | null = null
  #lookedAt = 0
  #lines = 0
  #unsaid = 0

  constructor(parts: BansParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  /** @param listener hears of those there are at once */
  listen(listener: BanListener): void {
    this.#listeners.push(listener)
    for (const ban of this.#bans.values()) listener.added(ban)
  }

  /** How many hold now. */
  get size(): number {
    return this.list().length
  }

  /** With those that are over, but would make a next one longer. */
  all(): readonly Ban[] {
    return [...this.#bans.values()]
  }

  /** Those that hold now, the ones that end last first. */
  list(): readonly Ban[] {
    const now = seconds()
    return [...this.#bans.values()]
      .filter(({ until }) => until > now)
      .toSorted((a, b) => b.until - a.until)
  }

  /** The narrowest that holds now and covers the address; undefined for none. */
  covering(address: Int32Array): Ban | undefined {
    const words = Int32Array.from(address)
    for (let bits = 128; bits >= 0; bits--) {
      maskAddress(words, bits)
      const ban = this.#bans.get(formatCidr({ words, bits }))
      if (ban !== undefined && ban.until > seconds()) return ban
    }
    return undefined
  }

  /** What workers are to know of the ones an operator made. */
  blocks(): readonly BannedBlock[] {
    return this.list().filter(({ origin }) => origin === 'operator')
  }

  /** A worker banned these. */
  made(notices: readonly BanNotice[]): void {
    for (const { address, until: first, isDirect, refused } of notices) {
      const block = { words: address, bits: addressBits(address, this.#parts.prefixes) }
      const cidr = formatCidr(block)
      const cause = refusals[refused]?.[0] ?? ''
      const now = seconds()
      const last = this.#bans.get(cidr)
      // An operator's own lasts as long as he said.
      if (last?.origin === 'operator' && last.until > now) continue
      const count = last === undefined || this.#isPast(last, now) ? 1 : last.count + 1
      const until = count === 1 ? first : now + this.#lengthOf(count)
      const ban = { cidr, origin: 'guard', cause, count, since: now, until, isDirect } as const
      if (count > 1) this.#hold(block, ban)
      this.#put(ban)
      this.#say(cidr, until - now, cause, count)
    }
  }

  /** @returns the ban, in the one spelling of its block */
  add(block: Cidr, forSeconds: number, cause: string): Ban {
    const now = seconds()
    const until = now + forSeconds
    const ban: Ban = {
      cidr: formatCidr(block),
      origin: 'operator',
      cause,
      count: 1,
      since: now,
      until,
      isDirect: true,
    }
    this.#hold(block, ban)
    this.#put(ban)
    this.#tellBlocks()
    this.#parts.log.info({ block: ban.cidr, for_s: forSeconds, cause }, 'banned by operator')
    return ban
  }

  /** Takes over what was kept over a restart. Before {@link start}, and before there are workers. */
  restore(bans: readonly Ban[]): void {
    for (const ban of bans) {
      const block = parseCidr(ban.cidr)
      if (block === null || this.#isPast(ban, seconds())) continue
      // The operator has named it since.
      if (ban.origin === 'guard' && this.#parts.isExempt(block.words)) continue
      if (ban.until > seconds()) this.#hold(block, ban)
      this.#put(ban)
    }
  }

  /** Lifts all bans that lie in `block`. @returns them */
  remove(block: Cidr): readonly Ban[] {
    const set = new CidrSet()
    set.add(block, 1)
    const lifted = this.list().filter(({ cidr }) => {
      const inner = parseCidr(cidr)
      return inner !== null && inner.bits >= block.bits && set.find(inner.words) !== 0
    })
    for (const { cidr } of lifted) {
      this.#forget(cidr)
      this.#pardon(parseCidr(cidr)!)
      for (const listener of this.#listeners) listener.removed(cidr)
    }
    // It may have been taken off the list, and hold all the same.
    this.#pardon(block)
    const own = formatCidr(block)
    if (lifted.every(({ cidr }) => cidr !== own)) {
      for (const listener of this.#listeners) listener.removed(own)
    }
    if (lifted.some(({ origin }) => origin === 'operator')) this.#tellBlocks()
    if (lifted.length > 0) {
      this.#parts.log.info({ block: formatCidr(block), bans: lifted.length }, 'bans lifted')
    }
    return lifted
  }

  #put(ban: Ban): void {
    this.#forget(ban.cidr)
    if (ban.origin === 'guard') {
      if (this.#ofGuards.size >= LISTED_MAX) this.#makeRoom()
      this.#ofGuards.add(ban.cidr)
    }
    this.#bans.set(ban.cidr, ban)
    for (const listener of this.#listeners) listener.added(ban)
  }

  #makeRoom(): void {
    const [first] = this.#ofGuards
    this.#forget(first!)
    this.dropped++
  }

  #forget(cidr: string): void {
    this.#bans.delete(cidr)
    this.#ofGuards.delete(cidr)
  }

  /** Of a single client also in the table: so it counts for what its open connections ask. A part of one has no place there. */
  #hold({ words, bits }: Cidr, { until }: Ban): void {
    const { addresses, goodRecords, prefixes, isExempt } = this.#parts
    if (bits !== addressBits(words, prefixes) || isExempt(words)) return
    goodRecords.forget(words)
    const slot = addresses.pin(words, ticks())
    addresses.ban(slot, until)
    addresses.unpin(slot)
  }

  #pardon({ words, bits }: Cidr): void {
    const { addresses, prefixes } = this.#parts
    if (bits !== addressBits(words, prefixes)) return
    const slot = addresses.pinKnown(words)
    if (slot === -1) return
    addresses.pardon(slot, ticks())
    addresses.unpin(slot)
  }

  #tellBlocks(): void {
    this.#parts.onBlocks(this.blocks())
  }

  /** Seconds of the ban number `count` in a row. */
  #lengthOf(count: number): number {
    const { banTimeMs, banTimeMaxMs } = this.#parts
    return Math.ceil(Math.min(banTimeMaxMs, banTimeMs * 2 ** (count - 1)) / 1000)
  }

  /** So long over that a next one would be a first one. */
  #isPast({ until }: Ban, now: number): boolean {
    return now - until >= this.#parts.banTimeMaxMs / 1000
  }

  #look(): void {
    const now = seconds()
    let blocks = 0
    for (const [cidr, ban] of this.#bans) {
      if (this.#isPast(ban, now)) this.#forget(cidr)
      const isOver = ban.until <= now && ban.until > this.#lookedAt
      if (!isOver) continue
      if (ban.origin === 'operator') blocks++
      for (const listener of this.#listeners) listener.removed(cidr)
    }
    this.#lookedAt = now
    if (blocks > 0) this.#tellBlocks()
    if (this.#unsaid > 0) this.#parts.log.warn({ bans: this.#unsaid }, 'further addresses banned')
    this.#lines = 0
    this.#unsaid = 0
  }

  #say(client: string, forSeconds: number, reason: string, count: number): void {
    if (this.#lines++ < LINES_MAX) {
      this.#parts.log.warn({ client, for_s: forSeconds, reason, count }, 'address banned')
    } else this.#unsaid++
  }
}

/** The one spelling of a block: of a whole address without a length. */
export function formatCidr({ words, bits }: Cidr): string {
  const address = formatAddress(words)
  const first = isIpv4(words) ? 96 : 0
  return bits === 128 ? address : `${address}/${bits - first}`
}
