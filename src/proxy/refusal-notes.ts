/**
 * What one worker notes of each refusal and fault, for `weir why` and `weir top`: who, why, and what was known then.
 *
 * Paid for by what is refused only, and least where a flood comes from: each is counted for its address, and an address
 * that was noted often in this window is not written down any more (connections), or in a ring of its own kind
 * (requests, whose ids may be asked for). So one flood does not push out what happened to everybody else.
 */
import { performance } from 'node:perf_hooks'
import { ADDRESS_WORDS, type CountedPrefixes, parseAddress } from '../core/address.ts'
import { faultNumber, type Reason } from '../core/faults.ts'
import { refusal, type RefusalName } from '../core/refusals.ts'
import { CountedAddress } from '../guard/counted-address.ts'
import { STATE_WORDS } from '../shared/address-table.ts'
import type { Shared, WorkerRefusals } from '../shared/layout.ts'
import type { Refused } from '../shared/refusal-ring.ts'
import { TALKER_WORDS, textWords, windowAt } from '../shared/talkers.ts'
import type { Exchange } from './exchange.ts'
import { retryAfterOf } from './http-answer.ts'
import type { Http1Session } from './http1-session.ts'
import type { RequestClient } from './request-client.ts'
import type { TcpSession } from './tcp-session.ts'

/** One request of so many, in the mean, is counted for its address. */
export const SAMPLED = 16

/** Of an address and a window; those that follow go where the repeats are. */
const CALM = 64

const FINGERPRINT_DENIED = refusal('fingerprint-denied')
const FINGERPRINT_RATE = refusal('fingerprint-rate')

export class RefusalNotes {
  readonly #shared: Shared
  readonly #kept: WorkerRefusals
  readonly #counted: CountedAddress
  readonly #keepsFingerprints: boolean
  #window = windowAt(performance.now())
  /** The one that is being noted; there is never more than one. */
  readonly #it: Refused = {
    reason: 0,
    timeMs: 0,
    listener: 0,
    route: -1,
    status: 0,
    retryAfter: 0,
    address: new Int32Array(ADDRESS_WORDS),
    state: new Int32Array(STATE_WORDS),
    hasState: false,
    id: '',
    note: '',
  }
  readonly #text = new Int32Array(TALKER_WORDS)
  /** Requests until one is looked at. */
  #unsampled = SAMPLED

  constructor(
    shared: Shared,
    worker: number,
    prefixes: CountedPrefixes,
    keepsFingerprints: boolean,
  ) {
    this.#shared = shared
    this.#kept = shared.refusals[worker]!
    this.#counted = new CountedAddress(prefixes)
    this.#keepsFingerprints = keepsFingerprints
  }

  /** Called a few times a second. */
  step(): void {
    this.#window = windowAt(performance.now())
    this.#kept.repeats.publish()
  }

  /**
   * A connection that was refused right after accept.
   *
   * @param address whole
   * @param slot    it had; -1 if it was not looked up
   */
  door(listener: number, address: Int32Array, refused: number, slot: number): void {
    const it = this.#it
    for (let i = 0; i < ADDRESS_WORDS; i++) it.address[i] = address[i]!
    const counted = this.#counted.of(address)
    if (this.#kept.addresses.count(counted, this.#window, 1) > CALM) return
    it.hasState = slot !== -1 && this.#shared.addresses.copyStateOf(slot, counted, it.state)
    this.#writeConnection(listener, refused, '')
  }

  /** A connection that was refused later. */
  session(session: TcpSession, refused: number): void {
    if (!this.#readAddress(session.slot, session.address)) return
    const isFingerprint = refused === FINGERPRINT_DENIED || refused === FINGERPRINT_RATE
    if (isFingerprint) this.fingerprint(session.ja4, 1)
    if (this.#count(1) > CALM) return
    this.#readState(session.slot)
    const note = isFingerprint ? `,"ja4":"${session.ja4}"` : ''
    this.#writeConnection(session.entrance.index, refused, note)
  }

  /** An exchange that ended. @param nowMs as performance.now() tells it */
  exchange({ client: connection }: Http1Session, exchange: Exchange, nowMs: number): void {
    const { client, reason, facts, status } = exchange
    if (--this.#unsampled === 0) this.#sample(connection, client)
    if (facts !== null) {
      this.#kept.identities.count(facts.talker, this.#window, isRefusal(reason) ? 1 : 0)
    }
    if (reason === '') return
    // Nobody was told no.
    if (reason === 'client-gone' || reason === 'drained' || reason === 'evicted') return
    const it = this.#it
    const slot = client.isNamed ? -1 : connection.slot
    if (!this.#readAddress(slot, client.address)) return
    it.route = exchange.route.index
    it.id = exchange.requestId
    it.status = status
    it.retryAfter = retryAfterOf(status, client.retryAfter)
    it.note = facts === null ? client.judgeNote : facts.json
    this.#writeRequest(connection, slot, reason, nowMs)
    client.judgeNote = ''
  }

  /** A request that could not be read. */
  unread(session: Http1Session, status: number, reason: RefusalName, requestId: string): void {
    const it = this.#it
    const { client, requestClient, routes } = session
    if (!this.#readAddress(client.slot, client.address)) return
    it.route = routes.last.index
    it.id = requestId
    it.status = status
    it.retryAfter = retryAfterOf(status, requestClient.retryAfter)
    it.note = ''
    this.#writeRequest(client, client.slot, reason, performance.now())
  }

  /** A client that shows this JA4. @param refused 1 if it was refused for it */
  fingerprint(ja4: string, refused: number): void {
    if (!this.#keepsFingerprints) return
    textWords(ja4, this.#text)
    this.#kept.fingerprints.count(this.#text, this.#window, refused)
  }

  /** Stands for SAMPLED requests. The next one is drawn by lot, or whoever asks in step with it would be all, or none. */
  #sample({ slot }: TcpSession, { isNamed, address }: RequestClient): void {
    this.#unsampled = 1 + Math.floor(Math.random() * (2 * SAMPLED - 1))
    if (!this.#readAddress(isNamed ? -1 : slot, address)) return
    const counted = this.#counted.of(this.#it.address)
    this.#kept.served.count(counted, this.#window, 0, SAMPLED)
  }

  #count(refused: number): number {
    const counted = this.#counted.of(this.#it.address)
    return this.#kept.addresses.count(counted, this.#window, refused)
  }

  #writeConnection(listener: number, refused: number, note: string): void {
    const it = this.#it
    it.reason = refused
    it.timeMs = performance.now()
    it.listener = listener
    it.route = -1
    it.status = 0
    it.retryAfter = 0
    it.id = ''
    it.note = note
    this.#kept.connections.write(it)
  }

  #writeRequest({ entrance }: TcpSession, slot: number, reason: Reason, nowMs: number): void {
    const it = this.#it
    const fault = faultNumber(reason)
    const often = this.#count(fault === -1 ? 1 : 0)
    it.reason = fault === -1 ? refusal(reason as RefusalName) : ~fault
    it.timeMs = nowMs
    it.listener = entrance.index
    this.#readState(slot)
    const { requests, repeats } = this.#kept
    if (often <= CALM) requests.write(it)
    else repeats.write(it)
  }

  /** As it is counted where it has a slot, which is quicker than to read it. @returns false if it is none */
  #readAddress(slot: number, text: string): boolean {
    const { address } = this.#it
    return (
      (slot !== -1 && this.#shared.addresses.copyAddress(slot, address)) ||
      parseAddress(text, address)
    )
  }

  /** @param slot held by the session; -1 where it is another's, or was never given one */
  #readState(slot: number): void {
    const it = this.#it
    const { addresses } = this.#shared
    const found = slot === -1 ? addresses.pinKnown(this.#counted.of(it.address)) : slot
    it.hasState = found !== -1
    if (found === -1) return
    addresses.copyState(found, it.state)
    if (slot === -1) addresses.unpin(found)
  }
}

function isRefusal(reason: Reason): boolean {
  return reason !== '' && faultNumber(reason) === -1
}
