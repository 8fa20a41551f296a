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
import { CountedAddress } from './counted-address.ts'
import { FreeLines } from './free-lines.ts'
import type { RequestGuard } from './guard.ts'
import type { Penalties } from './penalties.ts'
import { badRequestGuards, type GuardLimits, requestGuards } from './guards.ts'
import type { Shadow } from './shadow.ts'

const CONNECTIONS_MAX = refusal('connections-max')

/** Where a request that was let in is counted. */
export interface RequestPlace {
  /** Of its address; -1 while it is not counted. */
  requestSlot: number
  /** Its line in the request ledger of this worker; -1 if it owes nothing. */
  requestLine: number
  /** Holds the slot itself: it is not the connection's. */
  holdsSlot: boolean
  /** The client is the peer of the connection: no proxy spoke for it. */
  readonly isDirect: boolean
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
  readonly #free: FreeLines
  readonly #shadow: Shadow
  readonly #penalties: Penalties

  constructor(
    shared: Shared,
    worker: number,
    options: GuardLimits & CountedPrefixes,
    shadow: Shadow,
    penalties: Penalties,
  ) {
    this.#shared = shared
    this.#penalties = penalties
    this.#shadow = shadow
    this.#worker = worker
    this.#guards = requestGuards(shared.addresses, options)
    this.#badGuards = badRequestGuards(shared.addresses, options)
    this.#counts = options.requestsPerAddress !== 0
    this.#counted = new CountedAddress(options)
    this.#free = new FreeLines(shared.options.requestsPerWorker)
  }

  /**
   * Asks whether a request may be made now, and counts it if so.
   *
   * @param slot    of the connection's address, held by the connection
   * @param address four words, where the request is another's than the connection's; else null
   * @param now     ticks
   * @param place   of no request that was let in and has not left
   * @returns 0 or the refusal; then `place.retryAfter` is set
   */
  enter(slot: number, address: Int32Array | null, now: number, place: RequestPlace): number {
    // One each for a connection; were it ever to run out, weir is as full as with connections.
    if (this.#free.isEmpty) {
      place.retryAfter = 1
      return CONNECTIONS_MAX
    }
    const { addresses, requestLedger } = this.#shared
    const holds = address !== null
    const counted = holds ? addresses.pin(this.#counted.of(address), now) : slot
    const refused = this.#ask(this.#guards, counted, now, place)
    if (refused !== ADMITTED) {
      if (holds) addresses.unpin(counted)
      return refused
    }
    place.requestSlot = counted
    place.holdsSlot = holds
    if (!holds && !this.#counts) return ADMITTED
    place.requestLine = this.#free.take()
    requestLedger.write(this.#worker, place.requestLine, counted, holds, this.#counts)
    return ADMITTED
  }

  /**
   * Asks whether the address may make one more request that nobody can read. It takes a token as any
   * other: reading is work, and who sends rubbish shall not get it for nothing.
   *
   * @param slot of the connection's address
   */
  enterBad(slot: number, now: number, place: RequestPlace): number {
    return this.#ask(this.#badGuards, slot, now, place)
  }

  /** Gives back what {@link enter} counted; more than once does no harm. */
  leave(place: RequestPlace): void {
    const { requestSlot: slot, requestLine: line } = place
    place.requestSlot = -1
    place.requestLine = -1
    if (line === -1) return
    const { addresses, requestLedger } = this.#shared
    requestLedger.erase(this.#worker, line)
    this.#free.give(line)
    if (this.#counts) addresses.leaveRequest(slot)
    if (place.holdsSlot) addresses.unpin(slot)
  }

  #ask(guards: readonly RequestGuard[], slot: number, now: number, place: RequestPlace): number {
    for (let i = 0; i < guards.length; i++) {
      const guard = guards[i]!
      const refused = guard.check(slot, now)
      if (refused === ADMITTED) continue
      if (this.#shadow.passes(refused, slot)) {
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
