/**
 * The door: what is asked of an address right after accept, cheapest first, and what is counted for
 * a session that came in.
 *
 * A session that was let in holds a place in three counts (its address, its worker, the host) until
 * `leave()`. A refused one holds nothing.
 */
import { ADDRESS_WORDS, isIpv4, maskAddress } from '../core/address.ts'
import { TICKS_PER_SECOND } from '../core/clock.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { Shared } from '../shared/layout.ts'
import { AddressList } from './address-list.ts'
import type { Guard } from './guard.ts'
import { connectionGuards, type GuardLimits, handshakeGuards, requestGuards } from './guards.ts'

const CONNECTIONS_MAX = refusal('connections-max')

export interface AdmissionOptions extends GuardLimits {
  readonly connectionsMax: number
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly ipv4Prefix: number
  readonly ipv6Prefix: number
}

/** Where a session that was let in is counted. */
export interface Place {
  /** Of its address; -1 while it has none. */
  slot: number
  /** Its line in the ledger of this worker. */
  entry: number
}

export class Admission {
  readonly #shared: Shared
  readonly #worker: number
  readonly #options: AdmissionOptions
  readonly #list: AddressList
  readonly #connection: readonly Guard[]
  readonly #handshake: readonly Guard[]
  readonly #request: readonly Guard[]
  readonly #counted = new Int32Array(ADDRESS_WORDS)
  /** Ledger lines that are free, as a stack. */
  readonly #free: Int32Array
  #freeCount: number

  constructor(shared: Shared, worker: number, options: AdmissionOptions) {
    this.#shared = shared
    this.#worker = worker
    this.#options = options
    this.#list = new AddressList(options.allow, options.deny)
    this.#connection = connectionGuards(shared.addresses, options)
    this.#handshake = handshakeGuards(shared.addresses, options)
    this.#request = requestGuards(shared.addresses, options)
    const entries = shared.options.sessionsPerWorker
    this.#free = Int32Array.from({ length: entries }, (_, i) => entries - 1 - i)
    this.#freeCount = entries
  }

  /**
   * Asks whether a client may come in, and counts it if so.
   *
   * @param address four words; a copy is masked to what counts as one client
   * @param place   is written only if the answer is 0
   * @returns 0 or the refusal
   */
  enter(address: Int32Array, now: number, place: Place): number {
    const listed = this.#list.check(address)
    if (listed !== ADMITTED) return listed
    const { addresses, workers, ledger } = this.#shared

    const slot = addresses.acquire(this.#mask(address), now)
    const refused = check(this.#connection, slot, now)
    if (refused !== ADMITTED) {
      addresses.leave(slot)
      return refused
    }
    if (this.#freeCount === 0 || !workers.enter(this.#worker, this.#options.connectionsMax)) {
      addresses.leave(slot)
      return CONNECTIONS_MAX
    }
    place.slot = slot
    place.entry = this.#free[--this.#freeCount]!
    ledger.write(this.#worker, place.entry, slot)
    return ADMITTED
  }

  /** Asks whether the address may start a TLS handshake now. */
  handshake(place: Place, now: number): number {
    return check(this.#handshake, place.slot, now)
  }

  /** Asks whether the address may make a request now. */
  request(place: Place, now: number): number {
    return check(this.#request, place.slot, now)
  }

  /** Whole seconds until the address may make a request again, as far as it can be known; at least 1. */
  requestWait(place: Place, now: number): number {
    let wait = 0
    for (const guard of this.#request) wait = Math.max(wait, guard.wait?.(place.slot, now) ?? 0)
    return Math.max(1, Math.ceil(wait / TICKS_PER_SECOND))
  }

  /** Gives back what {@link enter} counted; once per session. */
  leave(place: Place): void {
    if (place.slot === -1) return
    this.#shared.ledger.erase(this.#worker, place.entry)
    this.#shared.addresses.leave(place.slot)
    this.#shared.workers.leave(this.#worker)
    this.#free[this.#freeCount++] = place.entry
    place.slot = -1
  }

  #mask(address: Int32Array): Int32Array {
    const counted = this.#counted
    for (let i = 0; i < ADDRESS_WORDS; i++) counted[i] = address[i]!
    const { ipv4Prefix, ipv6Prefix } = this.#options
    maskAddress(counted, isIpv4(counted) ? 96 + ipv4Prefix : ipv6Prefix)
    return counted
  }
}

function check(guards: readonly Guard[], slot: number, now: number): number {
  for (let i = 0; i < guards.length; i++) {
    const refused = guards[i]!.check(slot, now)
    if (refused !== ADMITTED) return refused
  }
  return ADMITTED
}
