/**
 * What is asked of an address for each of its requests, and what is counted for one that was let in.
 *
 * The address is the connection's own, or the one that a trusted proxy speaks for: then the request
 * holds the slot of that address until it ends, so that the table cannot forget it meanwhile.
 */
import { TICKS_PER_SECOND } from '../core/clock.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { Shared } from '../shared/layout.ts'
import type { CountedPrefixes } from '../core/address.ts'
import { BANNED } from './banned.ts'
import type { BannedBlocks } from './banned-blocks.ts'
import { CountedAddress } from './counted-address.ts'
import type { Delayed, Delays } from './delays.ts'
import { ErrorRate } from './error-rate.ts'
import { FreeLines } from './free-lines.ts'
import type { RequestGuard } from './guard.ts'
import type { Penalties } from './penalties.ts'
import {
  badRequestGuards,
  type GuardLimits,
  type PrefixGuards,
  prefixGuards,
  requestGuards,
} from './guards.ts'
import type { Shadow, Tried } from './shadow.ts'
import { type PrefixLimits, prefixLimits, WiderPrefix } from './wider-prefix.ts'

const CONNECTIONS_MAX = refusal('connections-max')

/** Where a request that was let in is counted. */
export interface RequestPlace extends Delayed, Tried {
  /** Of its address; -1 while it is not counted. */
  requestSlot: number
  /** Of the network of that; -1 where networks are not counted. */
  requestPrefixSlot: number
  /** Its line in the request ledger of this worker; -1 if it owes nothing. */
  requestLine: number
  /** Holds the slot itself: it is not the connection's. */
  holdsSlot: boolean
  /** The client is the peer of the connection: no proxy spoke for it. */
  readonly isDirect: boolean
  /** In shadow: that it is banned has been counted, of this request or, if it is its peer's, of the connection. */
  banCounted: boolean
  /** In shadow: that its body would have to wait has been counted. */
  bodyCounted: boolean
  /** Of a refused one: seconds after which it may be worth to ask again, at least 1. */
  retryAfter: number
}

export class RequestAdmission {
  readonly #shared: Shared
  readonly #worker: number
  readonly #guards: readonly RequestGuard[]
  readonly #badGuards: readonly RequestGuard[]
  /** Requests in flight are counted. */
  readonly #counts: boolean
  readonly #counted: CountedAddress
  readonly #prefix: WiderPrefix
  readonly #prefixGuards: PrefixGuards
  /** null where errors are not counted; the network's is of the same kind. */
  readonly #errors: ErrorRate | null
  readonly #prefixErrors: ErrorRate | null
  readonly #free: FreeLines
  readonly #shadow: Shadow
  readonly #penalties: Penalties
  readonly #blocks: BannedBlocks | null

  constructor(
    shared: Shared,
    worker: number,
    options: GuardLimits & CountedPrefixes & PrefixLimits,
    shadow: Shadow,
    penalties: Penalties,
    blocks: BannedBlocks | null = null,
    delays: Delays | null = null,
  ) {
    this.#shared = shared
    this.#blocks = blocks
    this.#penalties = penalties
    this.#shadow = shadow
    this.#worker = worker
    this.#guards = requestGuards(shared.addresses, options, delays)
    // Who sends what cannot be read waits for nothing.
    this.#badGuards = badRequestGuards(shared.addresses, options, delays)
    this.#counts = options.requestsPerAddress !== 0
    this.#counted = new CountedAddress(options)
    this.#prefix = new WiderPrefix(options)
    this.#prefixGuards = prefixGuards(shared.addresses, options, delays)
    const { addresses } = shared
    const { errorRate, prefixMultiple } = options
    this.#errors = errorRate === 0 ? null : new ErrorRate(addresses, options)
    this.#prefixErrors =
      errorRate === 0 || prefixMultiple === 0
        ? null
        : new ErrorRate(addresses, prefixLimits(options, prefixMultiple))
    this.#free = new FreeLines(shared.options.requestsPerWorker)
  }

  /**
   * Asks whether a request may be made now, and counts it if so.
   *
   * @param slot    of the connection's address, held by the connection
   * @param prefixSlot of its network, likewise; -1 for none
   * @param address four words, where the request is another's than the connection's; else null
   * @param now     ticks
   * @param place   of no request that was let in and has not left
   * @param cost    tokens that it takes
   * @returns 0 or the refusal; then `place.retryAfter` is set
   */
  enter(
    slot: number,
    prefixSlot: number,
    address: Int32Array | null,
    now: number,
    place: RequestPlace,
    cost = 1,
  ): number {
    place.delayTicks = 0
    // One each for a connection; were it ever to run out, weir is as full as with connections.
    if (this.#free.isEmpty) {
      place.retryAfter = 1
      return CONNECTIONS_MAX
    }
    const { addresses, requestLedger, prefixRequestLedger } = this.#shared
    const holds = address !== null
    if (holds) {
      place.banCounted = false
      if (this.#isInBannedBlock(address, place)) return BANNED
    }
    const counted = holds ? addresses.pin(this.#counted.of(address), now) : slot
    const refused = this.#ask(this.#guards, counted, now, place, cost)
    if (refused !== ADMITTED) {
      if (holds) addresses.unpin(counted)
      return refused
    }
    const network = holds ? this.#pinNetwork(address, now) : prefixSlot
    if (network !== -1) {
      const ofNetwork = this.#ask(this.#prefixGuards.request, network, now, place, cost)
      if (ofNetwork !== ADMITTED) {
        if (this.#counts) addresses.leaveRequest(counted)
        if (holds) {
          addresses.unpin(network)
          addresses.unpin(counted)
        }
        return ofNetwork
      }
    }
    place.requestSlot = counted
    place.requestPrefixSlot = network
    place.holdsSlot = holds
    if (!holds && !this.#counts) return ADMITTED
    place.requestLine = this.#free.take()
    const { requestLine: line } = place
    requestLedger.write(this.#worker, line, counted, holds, this.#counts)
    if (network !== -1) {
      prefixRequestLedger.write(this.#worker, line, network, holds, this.#counts)
    }
    return ADMITTED
  }

  /**
   * Asks whether the address may make one more request that nobody can read. It takes a token as any
   * other: reading is work, and who sends rubbish shall not get it for nothing.
   *
   * @param slot of the connection's address
   * @param prefixSlot of its network; -1 for none
   */
  enterBad(slot: number, prefixSlot: number, now: number, place: RequestPlace): number {
    const refused = this.#ask(this.#badGuards, slot, now, place)
    if (refused !== ADMITTED || prefixSlot === -1) return refused
    return this.#ask(this.#prefixGuards.badRequest, prefixSlot, now, place)
  }

  /**
   * Counts an error that was provoked.
   *
   * @param slot of the address, held by the caller; -1 where there is none
   * @param prefixSlot of its network, likewise
   */
  erred(slot: number, prefixSlot: number, now: number): void {
    if (this.#errors === null || slot === -1) return
    this.#errors.spend(slot, now)
    if (prefixSlot !== -1) this.#prefixErrors?.spend(prefixSlot, now)
  }

  /** Gives back what {@link enter} counted; more than once does no harm. */
  leave(place: RequestPlace): void {
    const { requestSlot: slot, requestPrefixSlot: network, requestLine: line } = place
    place.requestSlot = -1
    place.requestPrefixSlot = -1
    place.requestLine = -1
    if (line === -1) return
    const { addresses, requestLedger, prefixRequestLedger } = this.#shared
    requestLedger.erase(this.#worker, line)
    this.#free.give(line)
    if (this.#counts) addresses.leaveRequest(slot)
    if (place.holdsSlot) addresses.unpin(slot)
    if (network === -1) return
    prefixRequestLedger.erase(this.#worker, line)
    if (this.#counts) addresses.leaveRequest(network)
    if (place.holdsSlot) addresses.unpin(network)
  }

  /** Of a connection it was asked at the door. */
  #isInBannedBlock(address: Int32Array, place: RequestPlace): boolean {
    const blocks = this.#blocks
    if (blocks === null || blocks.check(address) === ADMITTED) return false
    if (this.#shadow.passes(BANNED, place)) {
      place.banCounted = true
      return false
    }
    place.retryAfter = blocks.secondsLeft(address)
    return true
  }

  /** @returns -1 where it is not counted */
  #pinNetwork(address: Int32Array, now: number): number {
    const network = this.#prefix.of(address)
    return network === null ? -1 : this.#shared.addresses.pin(network, now)
  }

  #ask(
    guards: readonly RequestGuard[],
    slot: number,
    now: number,
    place: RequestPlace,
    cost = 1,
  ): number {
    for (let i = 0; i < guards.length; i++) {
      const guard = guards[i]!
      const refused = guard.check(slot, now, cost, place)
      if (refused === ADMITTED) continue
      if (this.#shadow.passesOnce(refused, place)) {
        guard.letIn?.(slot)
        continue
      }
      this.#penalties.add(slot, refused, now, place.isDirect)
      place.retryAfter = Math.max(1, Math.ceil(guard.waitTicks / TICKS_PER_SECOND))
      return refused
    }
    return ADMITTED
  }
}
