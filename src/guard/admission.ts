/**
 * The door: what is asked of an address right after accept, cheapest first, and what is counted for
 * a session that came in.
 *
 * A session that was let in holds a place in three counts (its address, its worker, the host) until
 * `leave()`. A refused one holds nothing.
 */
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { Shared } from '../shared/layout.ts'
import { AddressList } from './address-list.ts'
import { BannedBlocks } from './banned-blocks.ts'
import type { CountedPrefixes } from '../core/address.ts'
import { CountedAddress } from './counted-address.ts'
import { type FingerprintLimits, FingerprintRules } from './fingerprint-rules.ts'
import type { Delays } from './delays.ts'
import { FreeLines } from './free-lines.ts'
import type { Guard } from './guard.ts'
import { type HostHandshakeLimits, HostHandshakeRate, type Records } from './host-handshake-rate.ts'
import {
  connectionGuards,
  type GuardLimits,
  handshakeGuards,
  type PrefixGuards,
  prefixGuards,
} from './guards.ts'
import type { Overload } from './overload.ts'
import type { Penalties } from './penalties.ts'
import { RequestAdmission, type RequestPlace } from './request-admission.ts'
import type { Shadow, Tried } from './shadow.ts'
import { OF_ADDRESS, OF_HOST, TicketTrust } from './ticket-trust.ts'
import { type PrefixLimits, WiderPrefix } from './wider-prefix.ts'

const CONNECTIONS_MAX = refusal('connections-max')
const HANDSHAKE_RATE = refusal('handshake-rate')

export interface AdmissionOptions
  extends GuardLimits,
    FingerprintLimits,
    CountedPrefixes,
    HostHandshakeLimits,
    PrefixLimits {
  readonly connectionsMax: number
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

/** Where a session that was let in is counted. */
export interface Place extends Tried {
  /** Of its address; -1 while it has none. */
  slot: number
  /** Of the network of the address; -1 where networks are not counted. */
  prefixSlot: number
  /** Its line in the ledger of this worker. */
  entry: number
  /** The client is the peer: no proxy spoke for it. */
  readonly isDirect: boolean
  /** In shadow: that it is banned has been counted of this connection. */
  banCounted: boolean
}

export class Admission {
  /** Of the requests on http and https listeners. */
  readonly requests: RequestAdmission
  /** Of the last one that {@link enter} refused: its slot, which it no longer holds; -1 if it was not looked up. */
  refusedSlot = -1
  readonly #shared: Shared
  readonly #worker: number
  readonly #options: AdmissionOptions
  readonly #list: AddressList
  readonly #connection: readonly Guard[]
  readonly #handshake: readonly Guard[]
  readonly #fingerprints: FingerprintRules
  readonly #host: HostHandshakeRate | null
  /** Of the last handshake asked for: its address, and which tokens were not there and it was let in all the same (`--shadow`). */
  #asked = -1
  #unpaid = 0
  readonly #tickets: TicketTrust
  readonly #counted: CountedAddress
  readonly #prefix: WiderPrefix
  readonly #prefixGuards: PrefixGuards
  readonly #free: FreeLines
  readonly #shadow: Shadow
  readonly #penalties: Penalties
  readonly #overload: Overload | null
  /** What an operator banned at runtime. */
  readonly blocks: BannedBlocks

  constructor(
    shared: Shared,
    worker: number,
    options: AdmissionOptions,
    shadow: Shadow,
    penalties: Penalties,
    records: Records,
    overload: Overload | null = null,
    delays: Delays | null = null,
  ) {
    this.#overload = overload
    this.#shared = shared
    this.#penalties = penalties
    this.blocks = new BannedBlocks(address => penalties.isExempt(address))
    this.#shadow = shadow
    this.#worker = worker
    this.#options = options
    this.#list = new AddressList(options.allow, options.deny)
    this.#connection = connectionGuards(shared.addresses, options)
    this.#handshake = handshakeGuards(shared.addresses, options)
    this.#fingerprints = new FingerprintRules(shared.addresses, options)
    const { addresses, hostBuckets } = shared
    this.#host =
      options.hostHandshakeRate === 0 ? null : new HostHandshakeRate(hostBuckets, options, records)
    this.#tickets = new TicketTrust(addresses, hostBuckets, options, this.#host)
    this.#counted = new CountedAddress(options)
    this.#prefix = new WiderPrefix(options)
    this.#prefixGuards = prefixGuards(shared.addresses, options)
    this.#free = new FreeLines(shared.options.sessionsPerWorker)
    this.requests = new RequestAdmission(
      shared,
      worker,
      options,
      shadow,
      penalties,
      this.blocks,
      delays,
    )
  }

  /**
   * Asks whether a client may come in, and counts it if so.
   *
   * @param address four words; a copy is masked to what counts as one client
   * @param place   counts only if the answer is 0
   * @returns 0 or the refusal
   */
  enter(address: Int32Array, now: number, place: Place): number {
    this.refusedSlot = -1
    const listed = this.#list.check(address)
    if (listed !== ADMITTED && !this.#shadow.passes(listed, place)) return listed
    const banned = this.blocks.check(address)
    if (banned !== ADMITTED && !this.#shadow.passes(banned, place)) return banned
    place.banCounted = banned !== ADMITTED
    const overloaded = this.#overload === null ? ADMITTED : this.#overload.check(address, place)
    if (overloaded !== ADMITTED) return overloaded
    const { addresses, ledger, prefixLedger } = this.#shared

    const slot = addresses.acquire(this.#counted.of(address), now)
    const refused = this.#check(this.#connection, slot, now, place)
    if (refused !== ADMITTED) {
      this.refusedSlot = slot
      this.#penalties.add(slot, refused, now, place.isDirect)
      addresses.leave(slot)
      return refused
    }
    const network = this.#prefix.of(address)
    const prefixSlot = network === null ? -1 : addresses.acquire(network, now)
    const ofNetwork =
      prefixSlot === -1
        ? ADMITTED
        : this.#check(this.#prefixGuards.connection, prefixSlot, now, place)
    if (ofNetwork !== ADMITTED || this.#free.isEmpty || !this.#enterHost(place)) {
      this.refusedSlot = slot
      addresses.leave(slot)
      if (prefixSlot !== -1) addresses.leave(prefixSlot)
      return ofNetwork === ADMITTED ? CONNECTIONS_MAX : ofNetwork
    }
    place.slot = slot
    place.prefixSlot = prefixSlot
    place.entry = this.#free.take()
    ledger.write(this.#worker, place.entry, slot)
    if (prefixSlot !== -1) prefixLedger.write(this.#worker, place.entry, prefixSlot)
    return ADMITTED
  }

  /** Asks whether the address may start a TLS handshake now. */
  handshake(place: Place, now: number): number {
    this.#asked = place.slot
    this.#unpaid = this.#tickets.isSpent(place.slot, now) ? OF_ADDRESS : 0
    const refused = this.#check(this.#handshake, place.slot, now, place)
    if (refused !== ADMITTED || place.prefixSlot === -1) return refused
    return this.#check(this.#prefixGuards.handshake, place.prefixSlot, now, place)
  }

  /** Asks whether the host has a TLS handshake left for the address: after all that is asked of the address itself. */
  hostHandshake(place: Place, now: number): number {
    const refused = this.#host === null ? ADMITTED : this.#host.check(place.slot, now)
    if (refused !== ADMITTED) this.#unpaid |= OF_HOST
    return refused === ADMITTED || this.#shadow.passes(refused, place) ? ADMITTED : refused
  }

  /**
   * Whether a client with a ticket of ours is believed to resume: then neither {@link handshake} nor {@link hostHandshake}
   * is asked. In shadow it counts who would not be, and is refused.
   */
  believesTicket(place: Place, now: number): boolean {
    const { slot } = place
    if (this.#tickets.believes(slot, now)) return true
    // Who is not believed for its address alone is believed where there is no such limit, so in shadow too.
    return this.#tickets.isOnlySpent(slot, now) && this.#shadow.passes(HANDSHAKE_RATE, place)
  }

  /**
   * What became of a ticket of ours.
   *
   * @param slot that the address had: a hello that TLS does not understand may have ended the session already
   */
  settleTicket(slot: number, believed: boolean, resumed: boolean, now: number): void {
    this.#tickets.settle(slot, believed, resumed, now, this.#asked === slot ? this.#unpaid : 0)
  }

  /** Whether {@link fingerprint} is to be asked: else nobody needs to make one. */
  get asksFingerprint(): boolean {
    return !this.#fingerprints.isIdle
  }

  /** Asks whether a client with this JA4 may go on. */
  fingerprint(ja4: string, place: Place, now: number): number {
    const denied = this.#fingerprints.checkDenied(ja4)
    if (denied !== ADMITTED && !this.#shadow.passes(denied, place)) return denied
    const refused = this.#fingerprints.checkRate(ja4, now)
    return refused === ADMITTED || this.#shadow.passes(refused, place) ? ADMITTED : refused
  }

  /** Counts a refusal that came later against the address. Those of {@link enter} are counted by it. */
  penalize(place: Place, refused: number, now: number): void {
    this.#penalties.add(place.slot, refused, now, place.isDirect)
  }

  /** The same against the address a request is counted for, which a proxy may have named. */
  penalizeRequest(place: RequestPlace, refused: number, now: number): void {
    this.#penalties.add(place.requestSlot, refused, now, place.isDirect)
  }

  /** Gives back what {@link enter} counted; once per session. */
  leave(place: Place): void {
    if (place.slot === -1) return
    const { addresses, ledger, prefixLedger, workers } = this.#shared
    ledger.erase(this.#worker, place.entry)
    addresses.leave(place.slot)
    if (place.prefixSlot !== -1) {
      prefixLedger.erase(this.#worker, place.entry)
      addresses.leave(place.prefixSlot)
      place.prefixSlot = -1
    }
    workers.leave(this.#worker)
    this.#free.give(place.entry)
    place.slot = -1
  }

  #check(guards: readonly Guard[], slot: number, now: number, place: Place): number {
    for (let i = 0; i < guards.length; i++) {
      const refused = guards[i]!.check(slot, now)
      if (refused !== ADMITTED && !this.#shadow.passesOnce(refused, place)) return refused
    }
    return ADMITTED
  }

  /** In shadow the ledger is the limit that stays: it has room for what the descriptors allow. */
  #enterHost(place: Place): boolean {
    const { workers } = this.#shared
    if (workers.enter(this.#worker, this.#options.connectionsMax)) return true
    return this.#shadow.passes(CONNECTIONS_MAX, place) && workers.enter(this.#worker, 0)
  }
}
