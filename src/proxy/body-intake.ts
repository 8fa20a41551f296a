/**
 * The bodies that one client sends, request after request: what of them is waited for, when they are read, how fast, and
 * what is wrong with them.
 *
 * A backend is taken for a body once a part of it is there (`--request-buffer`): one that comes drop by drop costs it nothing. A
 * client that falls silent may be waiting for an answer, and is believed to.
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { RequestHead } from '../codec/http1/request-head.ts'
import type { RouteConfig } from '../config/config.ts'
import type { RefusalName } from '../core/refusals.ts'
import type { Deadline } from '../transport/deadlines.ts'
import type { PlainSocket } from '../transport/plain-socket.ts'
import { BodyShaper, FREE, HELD } from './body-shaper.ts'
import { ClientBody, FINE, MALFORMED } from './client-body.ts'
import type { ClientInput } from './client-input.ts'
import type { Edge } from './edge.ts'
import type { Exchange } from './exchange.ts'
import type { RequestClient } from './request-client.ts'

/** A session. */
export interface BodyOwner {
  readonly edge: Edge
  /** Of the exchange that runs. */
  readonly requestClient: RequestClient
  /** The client has closed its side: nothing more comes. */
  readonly hasEnded: boolean
  /** Whether it is this one's body that is read now. */
  isInBodyOf(exchange: Exchange): boolean
  feedBody(): void
  onBodyWhole(exchange: Exchange): void
  onBodyRefused(refused: number): void
  refuseBody(status: number, reason: RefusalName): void
}

export class BodyIntake {
  readonly #owner: BodyOwner
  readonly #socket: Socket | PlainSocket
  readonly #input: ClientInput
  /** Of what the client owes. */
  readonly #deadline: Deadline
  readonly #body = new ClientBody(() => this.pause())
  readonly #shaper: BodyShaper | null
  /** Bytes that are to be there before a backend is taken; 0 once it is. */
  #awaited = 0
  #isPaused = false

  constructor(
    owner: BodyOwner,
    socket: Socket | PlainSocket,
    input: ClientInput,
    deadline: Deadline,
  ) {
    this.#owner = owner
    this.#socket = socket
    this.#input = input
    this.#deadline = deadline
    const { bodyRate: rate, deadlines, slice, at } = owner.edge
    const onFree = (): void => owner.feedBody()
    const onRefused = (refused: number): void => owner.onBodyRefused(refused)
    const place = owner.requestClient
    this.#shaper =
      rate === null
        ? null
        : new BodyShaper({ rate, deadlines, slice, at, onFree, onRefused, place })
  }

  /** The client is not read before somebody has taken what it sent. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  /** A part is waited for: whatever came of it is kept where it was read. */
  get isAwaited(): boolean {
    return this.#awaited > 0
  }

  /** A new body. */
  begin(length: number): void {
    this.#isPaused = false
    this.#body.begin(length)
    this.#shaper?.begin()
  }

  /**
   * Waits for the first `bytes` of the body, or for all of it if it is shorter; then the exchange is told to choose.
   *
   * Not where the client waits too: for 100 (Continue), or with a body in chunks maybe for an answer to each of them.
   *
   * @returns false if there is nothing to wait for
   */
  awaits(head: RequestHead, bytes: number): boolean {
    if (head.expectsContinue) return false
    // Of chunks the length is negative.
    const wanted = Math.min(bytes, head.body)
    if (this.#input.length >= wanted) return false
    this.#awaited = wanted
    return true
  }

  /** Nobody takes what still comes. */
  drop(): void {
    this.#awaited = 0
    this.#isPaused = false
    this.#body.drop()
  }

  /** The session is over. */
  stop(): void {
    this.#shaper?.stop()
  }

  /** Reads on, as far as the bytes lead. @param exchange null once it is over */
  read(exchange: Exchange | null): void {
    const owner = this.#owner
    if (exchange !== null && this.#awaited > 0 && !this.#hasCome(exchange)) return
    if (exchange === null || !exchange.takesBody || this.#isPaused) {
      // Not read before there is somewhere to put it.
      this.#socket.pause()
      return
    }
    if (this.#shaper !== null && this.#waits(exchange, this.#shaper)) return
    if (!this.#input.isEmpty) {
      const code = this.#take(exchange)
      if (code === MALFORMED) return owner.refuseBody(400, 'bad-request')
      if (code !== FINE) return owner.refuseBody(413, 'request-too-large')
    }
    if (!owner.isInBodyOf(exchange)) return
    if (!this.#body.isWhole) {
      if (!exchange.onBodyRead()) return this.pause()
      if (this.#shaper !== null && this.#waits(exchange, this.#shaper)) return
      return this.#listen(exchange, 0)
    }
    owner.edge.deadlines.suspend(this.#deadline)
    owner.onBodyWhole(exchange)
  }

  /** Whether as much is there as was waited for, and a backend is being taken; else the client is listened to. */
  #hasCome(exchange: Exchange): boolean {
    const { length } = this.#input
    if (length < this.#awaited) {
      this.#listen(exchange, length)
      return false
    }
    this.#choose(exchange)
    return this.#owner.isInBodyOf(exchange)
  }

  #choose(exchange: Exchange): void {
    this.#awaited = 0
    // From here on it is others who are waited for.
    this.#owner.edge.deadlines.suspend(this.#deadline)
    this.#body.pace.pause(performance.now())
    exchange.choose()
  }

  /** The client was silent. @returns whether it may be waiting for an answer, and a backend is being taken */
  endsWait(exchange: Exchange): boolean {
    if (this.#awaited === 0 || !endsWithSilence(exchange.route.config)) return false
    this.#choose(exchange)
    return true
  }

  /** @returns whether no more of the body is to be read now, as its address owes; or at all, as it was refused */
  #waits({ route, client }: Exchange, shaper: BodyShaper): boolean {
    const held = shaper.hold(client.requestSlot, route.config.bodyTimeoutMs)
    if (held === HELD) this.pause()
    return held !== FREE
  }

  #take(exchange: Exchange): number {
    const { bodyMax } = exchange.route.config
    if (this.#shaper === null) return this.#body.read(this.#input, exchange, bodyMax)
    const input = this.#input
    const { at, end } = input
    const turn = this.#shaper.turn(exchange.client.requestSlot)
    const code = this.#body.read(input, exchange, bodyMax, Math.min(end, at + turn))
    this.#shaper.took(exchange.client.requestSlot, input.at - at)
    return code
  }

  /** The client's turn: it may be silent, or slow, only for so long. @param ahead bytes that were not taken yet */
  #listen(exchange: Exchange, ahead: number): void {
    // Before it was told to continue it owes nothing.
    if (exchange.holdsBody || this.#isPaused) return
    // What is missing never comes: it was the turn of an earlier request when the client closed its side.
    if (this.#owner.hasEnded && this.#input.length === ahead) {
      return this.#owner.refuseBody(408, 'request-timeout')
    }
    const { deadlines, config } = this.#owner.edge
    const now = performance.now()
    this.#body.pace.listen(now)
    if (this.#body.pace.isTooSlow(now, config.http.bodyRateMin, ahead)) {
      return this.#owner.refuseBody(408, 'request-timeout')
    }
    const { config: limits } = exchange.route
    const isShort = this.#awaited > 0 && endsWithSilence(limits)
    deadlines.set(this.#deadline, isShort ? limits.requestBufferSilenceMs : limits.bodyTimeoutMs)
  }

  /** Somebody takes more. */
  goOn(): void {
    this.#isPaused = false
  }

  /** The backend is waited for: until then the client owes nothing. */
  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#body.pace.pause(performance.now())
    this.#owner.edge.deadlines.clear(this.#deadline)
    this.#socket.pause()
  }
}

/** Whether a backend is taken for who is silent, before the silence is too long for any body. */
function endsWithSilence({ requestBufferSilenceMs, bodyTimeoutMs }: RouteConfig): boolean {
  return requestBufferSilenceMs !== 0 && requestBufferSilenceMs < bodyTimeoutMs
}
