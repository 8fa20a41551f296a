/**
 * The client of an exchange: the connection's, or the one a trusted proxy speaks for. Under its address
 * the request is counted, balanced and logged. One for all exchanges of a connection, one after the other.
 */
import type { PeerIdentity } from '../auth/peer-identity.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { ADDRESS_WORDS, formatAddress } from '../core/address.ts'
import { ticks, ticksAt } from '../core/clock.ts'
import { hashSource } from '../core/hash.ts'
import { ADMITTED } from '../core/refusals.ts'
import type { Delays } from '../guard/delays.ts'
import type { GoodRecord } from '../guard/good-record.ts'
import type { RequestPlace } from '../guard/request-admission.ts'
import type { KnownClient } from './known-client.ts'
import { DOUBTFUL, FOUND, findClient } from './forwarded-chain.ts'
import type { Origin } from './origin.ts'
import type { TcpSession } from './tcp-session.ts'

/** Of the exchange that begins; there is never more than one. */
const found = new Int32Array(ADDRESS_WORDS)

const MINUTE_MS = 60_000
const SERVER_ERROR = 500

/** An exchange that ended with an error, as far as it matters whose fault that is. */
export interface Erring {
  readonly status: number
  readonly refused: number
  /** 0 if no backend has answered. */
  readonly firstByteMs: number
}

export class RequestClient implements RequestPlace {
  address: string
  readonly listener: string
  /** The same for every request of an address, for balancers that keep clients together. */
  source: number
  /** It is not the peer: a trusted proxy named it. */
  isNamed = false
  /** What the fields of a trusted proxy say cannot be used: none of it counts, or goes on. */
  isDoubtful = false

  /** Who the peer is by its certificate; null if it showed none. */
  readonly peer: PeerIdentity | null
  /** TLS ends here, and not in front of us or nowhere. */
  readonly isTls: boolean

  // Place: where the request is counted.
  requestSlot = -1
  requestPrefixSlot = -1
  requestLine = -1
  holdsSlot = false
  isDirect = true
  banCounted: boolean
  bodyCounted = false
  retryAfter = 0
  delayTicks = 0
  delayedBy = 0
  /** How long the request was held, as far as that was foreseen. */
  delayedMs = 0
  /** Where it is held now. */
  #heldBy: Delays | null = null

  /** The scheme that rejected the request which ends now, as part of a JSON line; '' for none. */
  judgeNote = ''

  /** Of its last good deed: each minute one is enough. */
  #goodMinute = -1

  /** Made with the first request of a client that may be known again. */
  known: KnownClient | null = null

  constructor({
    address,
    listener,
    source,
    peerIdentity,
    handshake,
    banCounted,
  }: Pick<
    TcpSession,
    'address' | 'listener' | 'source' | 'peerIdentity' | 'handshake' | 'banCounted'
  >) {
    this.banCounted = banCounted
    this.isTls = handshake !== null
    this.peer = peerIdentity
    this.address = address
    this.listener = listener
    this.source = source
  }

  /**
   * Finds out who asks, and whether it may.
   *
   * @param now ticks
   * @param cost tokens
   * @returns 0 or the refusal; {@link leave} is owed in any case
   */
  enter(connection: TcpSession, origin: Origin, head: RequestHead, now: number, cost = 1): number {
    const { forwarding, forwarders } = origin
    if (forwarders !== null) {
      this.#identify(connection, findClient(head, forwarding, forwarders, found))
    }
    this.isDirect = connection.isDirect && !this.isNamed
    this.delayedMs = 0
    const { requests } = connection.edge.admission
    const { slot, prefixSlot } = connection
    return requests.enter(slot, prefixSlot, this.isNamed ? found : null, now, this, cost)
  }

  #identify({ address, source, edge, entrance }: TcpSession, result: number): void {
    this.isDoubtful = result === DOUBTFUL
    if (this.isDoubtful) edge.slice[edge.at.forwardedDoubtful + entrance.index]!++
    this.isNamed = result === FOUND
    this.#goodMinute = -1
    this.address = this.isNamed ? formatAddress(found) : address
    this.source = this.isNamed ? hashSource(found) : source
  }

  /** It waits until its tokens are due. */
  beginHold(delays: Delays, ms: number): void {
    this.#heldBy = delays
    this.delayedMs = ms
  }

  get isHeld(): boolean {
    return this.#heldBy !== null
  }

  /** Idempotent. */
  endHold(): void {
    this.#heldBy?.leave()
    this.#heldBy = null
  }

  /** It got what it asked for. @param ms the time, as `performance.now()` tells it */
  didWell(record: GoodRecord, ms: number): void {
    const minute = (ms / MINUTE_MS) | 0
    if (minute === this.#goodMinute) return
    this.#goodMinute = minute
    record.earn(this.requestSlot, ticksAt(ms))
  }

  /**
   * What it asked for ended in an error. Not its own are those of weir in place of a backend; refusals, by whomever, have budgets
   * of their own.
   */
  erred({ edge }: TcpSession, { status, refused, firstByteMs }: Erring): void {
    if (refused !== ADMITTED || (status >= SERVER_ERROR && firstByteMs === 0)) return
    edge.admission.requests.erred(this.requestSlot, this.requestPrefixSlot, ticks())
  }

  /** A head that cannot be read: whom it is from is not known, so it is the connection's. */
  enterUnread(connection: TcpSession, now: number): number {
    this.isDirect = connection.isDirect
    this.address = connection.address
    const { slot, prefixSlot, edge } = connection
    return edge.admission.requests.enterBad(slot, prefixSlot, now, this)
  }

  /** The exchange is over; more than once does no harm. */
  leave(connection: TcpSession): void {
    this.endHold()
    connection.edge.admission.requests.leave(this)
  }
}
