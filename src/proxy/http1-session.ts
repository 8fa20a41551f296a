/**
 * A client connection that speaks HTTP/1.1: reads one request after the other, and lets one exchange at a
 * time answer it. Requests that come early wait their turn in the order in which they came.
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { CR } from '../codec/http1/characters.ts'
import { NEED_MORE, OK } from '../codec/http1/head.ts'
import { RequestHead } from '../codec/http1/request-head.ts'
import { ticks } from '../core/clock.ts'
import type { EndingName } from '../core/endings.ts'
import { ADMITTED, refusal, type RefusalName, refusals } from '../core/refusals.ts'
import { CLOSE, REJECT } from '../guard/actions.ts'
import { Deadline, type DeadlineOwner } from '../transport/deadlines.ts'
import type { Dialed } from '../transport/dial.ts'
import type { Held } from '../transport/held.ts'
import type { PlainSocket } from '../transport/plain-socket.ts'
import { listen, stopListening } from '../transport/listen.ts'
import { type SessionReadBuffer, CopyingReader, type Reader } from '../transport/read-buffer.ts'
import { BodyIntake, type BodyOwner } from './body-intake.ts'
import { ClientAnswers } from './client-answers.ts'
import { ClientInput } from './client-input.ts'
import { ClientWriter, type ClientWriterOwner } from './client-writer.ts'
import type { Edge } from './edge.ts'
import { Exchange } from './exchange.ts'
import { countExchange } from './exchange-counters.ts'
import { ExchangeDeadline } from './exchange-deadline.ts'
import { headRefusal } from './http-answer.ts'
import type { LineParts } from './line-parts.ts'
import type { Pool } from './pool.ts'
import { type Origin, originOf } from './origin.ts'
import { RequestClient } from './request-client.ts'
import type { Routes } from './routes.ts'
import type { TcpSession } from './tcp-session.ts'

const SESSION = Symbol('http1-session')
const REQUEST_TIMEOUT = refusal('request-timeout')
/** Bytes of requests that came early; then the client is not read until its turn. */
const EARLY_MAX = 65_536

type ClientSocket = (Socket | PlainSocket) & { [SESSION]?: Http1Session }

/** What the reader is at. */
const HEAD = 0
const BODY = 1
/** The request is whole, its response is not. */
const TURN = 2
const CLOSED = 3

export class Http1Session implements Reader, ClientWriterOwner, BodyOwner, DeadlineOwner {
  readonly client: TcpSession
  readonly edge: Edge
  readonly routes: Routes
  readonly origin: Origin
  /** Of the exchange that runs. */
  readonly requestClient: RequestClient
  readonly writer: ClientWriter
  readonly answers: ClientAnswers
  /** Requests so far. */
  requests = 0
  /** Of its access lines, once there is more than one. */
  lineParts: LineParts | null = null
  /** The connection serves another request after the one that runs. */
  keepsAlive = true

  readonly #socket: ClientSocket
  /** Where its bytes arrive; null if they come as 'data', as those of a TLS socket do. */
  readonly #readBuffer: SessionReadBuffer | null
  readonly #head: RequestHead
  /** Of the exchange that runs. */
  readonly exchangeDeadline: ExchangeDeadline
  /** Of what the client owes. */
  readonly #deadline: Deadline
  #state = HEAD
  readonly #input = new ClientInput()
  /** null before its first body. */
  #intake: BodyIntake | null = null
  /** Unused bytes that are known to hold no end of a head. */
  #scanned = 0
  #exchange: Exchange | null = null
  #ended = false
  /** Of a client that closed its side: how far its response had come when it was looked at. */
  #comeFar = 0
  /** In {@link #advance}: what ends meanwhile goes on there, and not one level deeper. */
  #advancing = false

  constructor(
    client: TcpSession,
    socket: Socket | PlainSocket,
    routes: Routes,
    readBuffer: SessionReadBuffer | null,
  ) {
    const { edge } = client
    this.client = client
    this.edge = edge
    this.routes = routes
    this.#socket = socket
    this.#readBuffer = readBuffer
    this.writer = new ClientWriter({
      socket,
      plain: client.socket,
      deadlines: edge.deadlines,
      limits: edge.config.http,
      owner: this,
    })
    this.origin = originOf(client)
    this.requestClient = new RequestClient(client)
    this.#head = new RequestHead({
      keepsEncodedSlash: edge.config.http.encodedSlash === 'keep',
      isSecure: client.handshake !== null || this.origin.forwarders !== null,
    })
    this.answers = new ClientAnswers(this, this.#head)
    this.exchangeDeadline = new ExchangeDeadline(edge.deadlines, this)
    this.#deadline = new Deadline(this)
    this.#socket[SESSION] = this
  }

  static readonly #listeners = {
    drain(this: ClientSocket): void {
      this[SESSION]!.writer.drained()
    },
    end(this: ClientSocket): void {
      this[SESSION]!.ended()
    },
    error(this: ClientSocket, error: NodeJS.ErrnoException): void {
      this[SESSION]!.#gone('client-reset', error.code ?? error.message)
    },
    close(this: ClientSocket): void {
      this[SESSION]!.#gone('client-gone', '')
    },
  }

  /** Of a client without a read buffer, besides. */
  static readonly #streamListeners = {
    data(this: ClientSocket, bytes: Buffer): void {
      this[SESSION]!.#read(bytes, bytes.length, true, true)
    },
  }

  /** @param headTimeMs for the first head */
  start(headTimeMs: number): void {
    listen(this.#socket, Http1Session.#listeners)
    if (this.#readBuffer === null) listen(this.#socket, Http1Session.#streamListeners)
    else this.#readBuffer.reader = this
    this.edge.deadlines.set(this.#deadline, headTimeMs)
    // What came before there was a buffer to read it into.
    const early = this.#readBuffer === null ? null : (this.#socket.read() as Buffer | null)
    if (early !== null) this.#read(early, early.length, true, true)
    this.#socket.resume()
  }

  /** Adds what it holds now. */
  hold(held: Held): void {
    held.fromClient += this.#input.held
    this.#exchange?.hold(held)
  }

  onBytes(bytes: Buffer, count: number): boolean {
    const buffer = this.#readBuffer!
    const { isOwn, isFresh } = buffer
    this.#read(bytes, count, isFresh, isOwn)
    if (isOwn && !isFresh && this.#isBodyPaused()) return false
    // What is sent on as it stands, if the backend does not take it at once, needs a buffer of its own.
    if (this.#state === BODY && !this.#intake!.isAwaited) buffer.takeOwn()
    else buffer.giveOwn()
    return true
  }

  #read(bytes: Buffer, count: number, owned: boolean, lasting: boolean): void {
    if (this.#state === CLOSED) return
    this.client.countReceived(count)
    this.#take(bytes, count, owned, lasting)
  }

  /** What came before it was there. */
  takeUp(bytes: Buffer): void {
    this.#take(bytes, bytes.length, true, true)
  }

  #take(bytes: Buffer, count: number, owned: boolean, lasting: boolean): void {
    this.#input.add(bytes, count, owned, lasting)
    this.#advance()
    this.#input.keepRest(this.#isBodyPaused())
  }

  #isBodyPaused(): boolean {
    return this.#intake?.isPaused === true
  }

  /** Goes on with what has been read, as far as it leads. */
  #advance(): void {
    if (this.#advancing) return
    this.#advancing = true
    let before = -1
    // Each turn uses up bytes or changes what is waited for.
    while (this.#progress() !== before && this.#state !== CLOSED) {
      before = this.#progress()
      if (this.#state === HEAD) this.#readHead()
      else if (this.#state === BODY) this.#intake!.read(this.#exchange)
    }
    this.#advancing = false
    // What there is of a head never becomes whole.
    if (this.#state === HEAD && this.#ended && !this.#isHeldBack()) return this.#close()
    this.writer.flush()
    if (this.#isAhead()) this.#socket.pause()
  }

  #progress(): number {
    return this.#input.at * 4 + this.#state + this.requests * 0x1_0000_0000
  }

  /** Requests that wait until the client takes the answers it has: those of who only asks would pile up. */
  #isHeldBack(): boolean {
    return !this.#input.isEmpty && !this.writer.hasRoom()
  }

  #readHead(): void {
    const { edge } = this
    const input = this.#input
    const { length } = input
    if (length === 0 || !this.writer.hasRoom()) return
    const code = this.#head.parse(input.bytes, input.at, input.end, this.#scanned)
    if (code === NEED_MORE) {
      // One line end too many after a body (RFC 9112 §2.2) is not yet the next request.
      if (input.bytes[input.at] === CR && length <= 2) return
      // From its first byte on a head has its own time, however it drips.
      if (this.#scanned === 0 && this.requests > 0) {
        edge.deadlines.set(this.#deadline, edge.config.http.headTimeoutMs)
      }
      this.#scanned = length
      return
    }
    this.#scanned = 0
    edge.deadlines.suspend(this.#deadline)
    this.requests++
    if (code !== OK) return this.#refuseHead(code)
    input.at += this.#head.size
    this.#beginExchange()
  }

  #beginExchange(): void {
    const { edge } = this
    this.#state = TURN
    if (this.#head.hasBody) {
      this.#state = BODY
      this.#intake ??= new BodyIntake(this, this.#socket, this.#input, this.#deadline)
      this.#intake.begin(this.#head.body)
    }
    const { requestsPerConnection } = edge.config.http
    const isLast = this.requests >= requestsPerConnection || edge.shared.workers.isDraining()
    if (isLast || edge.overload.endsAfterAnswer(this.client.slot)) this.keepsAlive = false
    const exchange = new Exchange(this, this.#head)
    this.#exchange = exchange
    if (this.#ended) this.#watchEnded()
    exchange.begin()
  }

  /** @returns whether a part of the body is waited for; then the exchange is told to choose */
  awaitsBody(head: RequestHead, bytes: number): boolean {
    if (!this.#intake!.awaits(head, bytes)) return false
    if (!this.#advancing) this.#goOn()
    return true
  }

  /** Bytes behind the request that was read last. */
  get hasMore(): boolean {
    return !this.#input.isEmpty
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  isInBodyOf(exchange: Exchange): boolean {
    return this.#state === BODY && this.#exchange === exchange
  }

  onBodyWhole(exchange: Exchange): void {
    this.#state = TURN
    if (this.#ended) this.#watchEnded()
    exchange.onBodyEnd()
  }

  onBodyRefused(refused: number): void {
    this.#exchange!.onRefused(refused, 429, '')
  }

  /** The exchange is connected, its backend takes more, or its address has paid; one of them alone is not enough. */
  feedBody(): void {
    if (this.#exchange?.takesBody === false) return
    this.#intake?.goOn()
    if (!this.#advancing) this.#goOn()
    else if (this.#state === BODY) this.#intake!.read(this.#exchange)
  }

  /** After a time in which the client may not have been read. */
  #goOn(): void {
    this.#advance()
    this.#input.keepRest(this.#isBodyPaused())
    if (this.#isBodyPaused() || !this.#socket.isPaused()) return
    // Behind its body, too: else nobody would notice that it has left.
    if (this.#state !== CLOSED && !this.#isAhead()) this.#socket.resume()
  }

  /** So much has come early that it is not read before its turn. */
  #isAhead(): boolean {
    const waits = this.#state === TURN || (this.#state === HEAD && this.writer.isWaiting)
    return waits && this.#input.length > EARLY_MAX
  }

  pauseBody(): void {
    this.#intake!.pause()
  }

  onClientDrain(): void {
    if (this.#exchange !== null) return this.#exchange.onClientDrain()
    if (this.#state !== HEAD) return
    // Its time for the next request, or the rest of one, begins now.
    this.edge.deadlines.set(this.#deadline, this.edge.overload.keepAliveMs)
    if (!this.#advancing) this.#goOn()
  }

  onClientSlow(): void {
    if (this.#exchange === null) this.cut('client-slow', '')
    else this.#exchange.onClientSlow()
  }

  /** Sends what was written for the client. */
  flushSoon(): void {
    // In advance() more may follow; where a failure far away is told, nobody else would send it.
    if (!this.#advancing) this.writer.flush()
  }

  onExchangeEnd(exchange: Exchange): void {
    this.#exchange = null
    this.#intake?.drop()
    const { edge } = this
    const nowMs = performance.now()
    edge.slice[edge.at.bytesSent + this.client.entrance.index]! += exchange.bytesSent
    countExchange(this, exchange, nowMs)
    edge.log.exchange(this, exchange, nowMs)
    if (this.#state === CLOSED) return this.exchangeDeadline.stop()
    if (exchange.status === 101) return
    if (!this.keepsAlive || this.#state !== TURN) return this.#close()
    this.#state = HEAD
    if (this.#ended && this.#input.isEmpty) return this.#close()
    edge.deadlines.set(this.#deadline, edge.overload.keepAliveMs)
    if (this.#socket.isPaused()) this.#socket.resume()
    // In advance() it goes on by itself.
    if (this.#advancing || this.#input.isEmpty) return
    // What came along with the end of a body may stand where the next read goes to.
    this.#input.keepRest(false)
    this.#advance()
    this.#input.keepRest(this.#isBodyPaused())
  }

  /** 101: from here on both sides say what they like. */
  switchTo(dialed: Dialed, rest: Buffer, pool: Pool, backend: number): void {
    this.writer.flush()
    this.#stop()
    stopListening(this.#socket, Http1Session.#listeners)
    const socket = this.client.toStreams()
    if (this.#readBuffer === null) stopListening(socket, Http1Session.#streamListeners)
    else this.#readBuffer.reader = new CopyingReader(socket)
    if (rest.length > 0) socket.write(rest)
    const early = this.#input.rest()
    if (early.length > 0) dialed.socket.write(Buffer.from(early))
    this.client.tunnelTo(dialed, pool, backend)
  }

  /** Ends the connection so that the client sees it is not the end of a message. */
  cut(how: EndingName, cause: string): void {
    this.#stop()
    this.client.end(how, cause)
  }

  /** Ends without an answer to what was asked; what was answered before goes out. */
  turnAway(action: number, cause: string): void {
    if (action === CLOSE) return this.#close()
    this.writer.flush()
    this.#stop()
    this.client.turnAway(action, cause)
  }

  /** Steps since it waits for a request, of which nothing has come; else -1. @param now step of the wheel */
  idleSteps(now: number): number {
    const isIdle = this.#state === HEAD && this.#scanned === 0 && !this.writer.isWaiting
    return isIdle ? now - this.#deadline.since : -1
  }

  /** weir is stopping. */
  drain(): void {
    this.keepsAlive = false
    if (this.#state === HEAD && this.#scanned === 0) this.#close()
  }

  /** The session is over: called once, by its owner. */
  abort(): void {
    this.#stop()
    this.#exchange?.abort()
  }

  #refuseHead(code: number): void {
    const flooding = this.requestClient.enterUnread(this.client, ticks())
    if (flooding === ADMITTED) {
      this.answers.penalize(headRefusal(code))
      this.#refuseUnread(code, headRefusal(code))
    } else {
      this.answers.countRefusal(flooding)
      const action = this.edge.turnAway.ofRequest(flooding, this.origin.forwarders !== null)
      if (action !== REJECT) {
        this.edge.notes.session(this.client, flooding)
        return this.turnAway(action, refusals[flooding]![0])
      }
      this.#refuseUnread(429, refusals[flooding]![0])
    }
    this.#close()
  }

  #refuseUnread(status: number, reason: RefusalName): void {
    const toHead = this.#input.rest().toString('latin1', 0, 5) === 'HEAD '
    this.answers.refuseUnread(status, reason, toHead)
  }

  refuseBody(status: number, reason: RefusalName): void {
    this.answers.penalizeRequest(reason)
    this.keepsAlive = false
    this.#exchange?.refuse(status, reason)
  }

  onExchangeDeadline(): void {
    this.#exchange?.onDeadline()
  }

  /** What the client owes has not come in time. */
  onDeadline(): void {
    // It has not taken its last answers yet, for which the writer has deadlines.
    if (this.#state === HEAD && this.writer.isWaiting) return
    if (this.#state === HEAD && this.requests > 0 && this.#scanned === 0) return this.#close()
    if (this.#state === HEAD) {
      // Who has said nothing gets no answer: it may be about to ask, and would take it for its own.
      this.answers.penalize('request-timeout')
      if (this.#scanned > 0) this.#refuseUnread(408, 'request-timeout')
      else this.edge.notes.session(this.client, REQUEST_TIMEOUT)
      return this.#close()
    }
    // Who said no more before its body was read owes none of it: what is missing is refused when that is seen.
    if (this.#state === BODY && !this.#ended) {
      if (this.#exchange !== null && this.#intake!.endsWait(this.#exchange)) return this.#goOn()
      return this.refuseBody(408, 'request-timeout')
    }
    // It said no more, and what it asked for does not begin to come, or stands still: it is taken to be gone.
    const progress = this.#exchange?.progress ?? -1
    if (progress !== -1 && progress === this.#comeFar) {
      return this.#gone('client-gone', 'closed before the end of its answer')
    }
    this.#comeFar = progress
    this.edge.deadlines.set(this.#deadline, this.edge.config.http.halfCloseMs)
  }

  /** A client that says no more may still read; one in the middle of a request will never end it. */
  ended(): void {
    this.#ended = true
    if (this.#state === TURN) {
      this.keepsAlive = !this.#input.isEmpty && this.keepsAlive
      this.#watchEnded()
      return
    }
    if (this.#state === HEAD) return this.#isHeldBack() ? undefined : this.#close()
    this.#gone('client-gone', 'closed in the middle of a request')
  }

  #watchEnded(): void {
    this.#comeFar = 0
    this.edge.deadlines.set(this.#deadline, this.edge.config.http.halfCloseMs)
  }

  #gone(how: 'client-reset' | 'client-gone', cause: string): void {
    if (this.#state === CLOSED) return
    const idle = this.#state === HEAD && this.#scanned === 0
    this.#stop()
    this.client.end(idle ? 'finished' : how, cause)
  }

  /** Says what there is to say, and closes. */
  #close(): void {
    this.writer.flush()
    this.#stop()
    this.client.closeHttp()
  }

  #stop(): void {
    this.#state = CLOSED
    this.#deadline.stop()
    this.#intake?.stop()
    if (this.#exchange === null) this.exchangeDeadline.stop()
    this.writer.close()
  }
}
