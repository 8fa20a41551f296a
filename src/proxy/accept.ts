/**
 * What happens to a connection right after accept: one look at its address, and either a session or
 * an end (`turn-away.ts`). A refused client costs no socket, no session, no listener, no timer.
 */
import type { Socket } from 'node:net'
import { ADDRESS_WORDS, parseAddress } from '../core/address.ts'
import { ticks } from '../core/clock.ts'
import { hashSource } from '../core/hash.ts'
import { ADMITTED, refusal, refusals } from '../core/refusals.ts'
import { RESET } from '../guard/actions.ts'
import type { Place } from '../guard/admission.ts'
import type { Door } from '../transport/listener.ts'
import type { PlainSocket } from '../transport/plain-socket.ts'
import { ClientReadBuffer } from '../transport/read-buffer.ts'
import type { Edge, Entrance } from './edge.ts'
import { TcpSession } from './tcp-session.ts'

const DRAINING = refusal('draining')

/** The door of one listener. */
export class Accept implements Door {
  readonly #edge: Edge
  readonly #entrance: Entrance
  readonly #refusedAt: number
  // Of the connection that stands in the door; there is never more than one.
  readonly #words = new Int32Array(ADDRESS_WORDS)
  readonly #place: DoorPlace
  #port = 0
  #isProxy = false

  constructor(edge: Edge, entrance: Entrance) {
    this.#edge = edge
    this.#entrance = entrance
    this.#place = new DoorPlace(entrance.config.name)
    this.#refusedAt = edge.at.refused + entrance.index * refusals.length
  }

  admits(address: string, port: number): number {
    const edge = this.#edge
    edge.slice[edge.at.accepted + this.#entrance.index]!++
    const words = this.#words
    if (!parseAddress(address, words)) return RESET
    this.#place.remote = address
    this.#port = port
    if (edge.shared.workers.isDraining()) return this.#refuse(DRAINING, -1)
    // Who a proxy in front of us speaks for stands in its header.
    const { proxies } = this.#entrance
    this.#isProxy = proxies !== null && proxies.find(words) !== 0
    if (this.#isProxy) {
      const shut = edge.overload.checkShut(this.#place)
      return shut === ADMITTED ? ADMITTED : this.#refuse(shut, -1)
    }
    const refused = edge.admission.enter(words, ticks(), this.#place)
    return refused === ADMITTED ? ADMITTED : this.#refuse(refused, edge.admission.refusedSlot)
  }

  newReadBuffer(): ClientReadBuffer | null {
    // TLS reads by itself, and a tunnel hands on what it reads.
    const { config, proxies } = this.#entrance
    if (config.mode !== 'http' || proxies !== null) return null
    return new ClientReadBuffer(this.#edge.readBuffers)
  }

  onConnection(socket: Socket | PlainSocket, readBuffer: ClientReadBuffer | null): void {
    const { address } = this.#place
    const session = new TcpSession(this.#edge, this.#entrance, socket, address, this.#port)
    session.readBuffer = readBuffer
    if (this.#isProxy) return session.beginWithProxyHeader()
    const place = this.#place
    session.source = hashSource(this.#words)
    session.slot = place.slot
    session.prefixSlot = place.prefixSlot
    session.entry = place.entry
    session.banCounted = place.banCounted
    place.slot = -1
    session.beginAdmitted()
  }

  /** @param slot it had in the table; -1 if it was not looked up */
  #refuse(refused: number, slot: number): number {
    const { slice, log, notes, turnAway } = this.#edge
    slice[this.#refusedAt + refused]!++
    notes.door(this.#entrance.index, this.#words, refused, slot)
    const leftOut = log.sampleRefusal(refused)
    if (leftOut !== -1) log.refusal(this.#place, refused, leftOut)
    return turnAway.atDoor(refused)
  }
}

class DoorPlace implements Place {
  readonly listener: string
  slot = -1
  prefixSlot = -1
  entry = -1
  readonly isDirect = true
  banCounted = false
  /** As the kernel writes it; of a refused one it is read by nobody, mostly. */
  remote = ''

  constructor(listener: string) {
    this.listener = listener
  }

  /** A dual-stack socket tells IPv4 as `::ffff:a.b.c.d`. */
  get address(): string {
    const { remote } = this
    return remote.startsWith('::ffff:') ? remote.slice(7) : remote
  }
}
