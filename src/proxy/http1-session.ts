/**
 * A client connection that speaks HTTP/1.1: reads one request after the other, and lets one exchange at a
 * time answer it. Requests that come early wait their turn in the order in which they came.
 */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { ChunkReader } from '../codec/http1/chunks.ts'
import { CR } from '../codec/http1/characters.ts'
import { CHUNKED } from '../codec/http1/framing.ts'
import { NEED_MORE, OK } from '../codec/http1/head.ts'
import { RequestHead } from '../codec/http1/request-head.ts'
import { refusal, type RefusalName, refusals } from '../core/refusals.ts'
import { Deadline } from '../transport/deadlines.ts'
import type { Dialed } from '../transport/dial.ts'
import { listen, stopListening } from '../transport/listen.ts'
import type { Edge } from './edge.ts'
import { Exchange } from './exchange.ts'
import { countExchange, countUnread } from './exchange-counters.ts'
import { writeAnswer } from './http-answer.ts'
import type { Pool } from './pool.ts'
import type { Origin } from './request-writer.ts'
import type { Routes } from './route.ts'
import type { TcpSession } from './tcp-session.ts'

const SESSION = Symbol('http1-session')
/** Pieces of a response up to this size are gathered into one write. */
const GATHER_MAX = 16_384
/** Bytes of requests that came early; then the client is not read until its turn. */
const EARLY_MAX = 65_536

type ClientSocket = Socket & { [SESSION]?: Http1Session }

/** What the reader is at. */
const HEAD = 0
const BODY = 1
/** The request is whole, its response is not. */
const TURN = 2
const CLOSED = 3

const requestIdPrefix = randomBytes(8).toString('hex')
let requestCount = 0

export class Http1Session {
  readonly client: TcpSession
  readonly edge: Edge
  readonly routes: Routes
  readonly origin: Origin
  /** Requests so far. */
  requests = 0
  /** What its access lines begin and end with; made with the first one. */
  lineHead = ''
  lineTail = ''
  /** The connection serves another request after this one. */
  keepsAlive = true

  readonly #socket: ClientSocket
  readonly #encrypts: boolean
  readonly #head: RequestHead
  readonly #chunks = new ChunkReader()
  readonly #deadline: Deadline
  #state = HEAD
  /** Read and not used yet. */
  #bytes: Buffer = EMPTY
  #at = 0
  /** Bytes from `#at` on that are known to hold no end of a head. */
  #scanned = 0
  #left = 0
  #bodyBytes = 0
  #exchange: Exchange | null = null
  #ended = false
  #bodyPaused = false
  /** In {@link #advance}: what ends meanwhile goes on there, and not one level deeper. */
  #advancing = false
  #out = ''

  constructor(client: TcpSession, socket: Socket, routes: Routes) {
    this.client = client
    this.edge = client.edge
    this.routes = routes
    this.#socket = socket
    this.#encrypts = client.handshake !== null
    this.origin = {
      address: client.address,
      proto: this.#encrypts ? 'https' : 'http',
      trusted: client.isForwarder,
    }
    this.#head = new RequestHead({
      keepsEncodedSlash: this.edge.config.http.encodedSlash === 'keep',
      isSecure: this.#encrypts || client.isForwarder,
    })
    this.#deadline = new Deadline(() => this.#expired())
    this.#socket[SESSION] = this
  }

  static readonly #listeners = {
    data(this: ClientSocket, bytes: Buffer): void {
      this[SESSION]!.#read(bytes)
    },
    drain(this: ClientSocket): void {
      this[SESSION]!.#exchange?.onClientDrain()
    },
    end(this: ClientSocket): void {
      this[SESSION]!.#clientEnded()
    },
    error(this: ClientSocket, error: NodeJS.ErrnoException): void {
      this[SESSION]!.#gone('client-reset', error.code ?? error.message)
    },
    close(this: ClientSocket): void {
      this[SESSION]!.#gone('client-gone', '')
    },
  }

  start(): void {
    listen(this.#socket, Http1Session.#listeners)
    this.edge.deadlines.set(this.#deadline, this.edge.config.http.headTimeoutMs)
    this.#socket.resume()
  }

  get place() {
    return this.client
  }

  get source(): number {
    return this.client.source
  }

  nextRequestId(): string {
    return `${requestIdPrefix}${(requestCount++).toString(16).padStart(8, '0')}`
  }

  /** The connection is closed after the exchange that runs. */
  closeAfter(): void {
    this.keepsAlive = false
  }

  #read(bytes: Buffer): void {
    if (this.#state === CLOSED) return
    const { slice, at } = this.edge
    slice[at.bytesReceived + this.client.entrance.index]! += bytes.length
    this.#bytes = this.#at === this.#bytes.length ? bytes : this.#joined(bytes)
    if (this.#bytes === bytes) this.#at = 0
    this.#advance()
  }

  #joined(bytes: Buffer): Buffer {
    const rest = this.#bytes.subarray(this.#at)
    this.#at = 0
    return Buffer.concat([rest, bytes])
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
      else if (this.#state === BODY) this.#readBody()
    }
    this.#advancing = false
    if (this.#state === TURN && this.#bytes.length - this.#at > EARLY_MAX) this.#socket.pause()
    this.flush()
  }

  #progress(): number {
    return this.#at * 4 + this.#state + this.requests * 0x1_0000_0000
  }

  #readHead(): void {
    const { edge } = this
    const length = this.#bytes.length - this.#at
    if (length === 0) return
    const code = this.#head.parse(this.#bytes, this.#at, this.#bytes.length, this.#scanned)
    if (code === NEED_MORE) {
      // One line end too many after a body (RFC 9112 §2.2) is not yet the next request.
      if (this.#bytes[this.#at] === CR && length <= 2) return
      // From its first byte on a head has its own time, however it drips.
      if (this.#scanned === 0 && this.requests > 0) {
        edge.deadlines.set(this.#deadline, edge.config.http.headTimeoutMs)
      }
      this.#scanned = length
      return
    }
    this.#scanned = 0
    edge.deadlines.clear(this.#deadline)
    this.requests++
    if (code !== OK) return this.#refuseHead(code)
    this.#at += this.#head.size
    this.#left = this.#head.body
    this.#bodyBytes = 0
    if (this.#left === CHUNKED) this.#chunks.reset()
    this.#state = this.#head.hasBody ? BODY : TURN
    const { requestsPerConnection } = edge.config.http
    if (this.requests >= requestsPerConnection || edge.shared.workers.isDraining()) {
      this.keepsAlive = false
    }
    const exchange = new Exchange(this, this.#head)
    this.#exchange = exchange
    exchange.begin()
  }

  #readBody(): void {
    const exchange = this.#exchange
    if (exchange === null || !exchange.takesBody || this.#bodyPaused) {
      // Not read before there is somewhere to put it.
      this.#socket.pause()
      return
    }
    const { edge } = this
    const { bodyMax, bodyTimeoutMs } = exchange.route.config
    edge.deadlines.set(this.#deadline, bodyTimeoutMs)
    const bytes = this.#bytes
    if (this.#left === CHUNKED) {
      const sink = {
        onData: (from: Buffer, start: number, end: number): void => {
          this.#bodyBytes += end - start
          if (bodyMax === 0 || this.#bodyBytes <= bodyMax) exchange.onBody(from, start, end)
        },
      }
      const stopped = this.#chunks.read(bytes, this.#at, bytes.length, sink)
      if (stopped === -1) return this.#refuseBody(400, 'bad-request')
      if (bodyMax !== 0 && this.#bodyBytes > bodyMax) {
        return this.#refuseBody(413, 'request-too-large')
      }
      this.#at = stopped
      if (!this.#chunks.done) return exchange.onBodyRead()
    } else {
      const end = Math.min(bytes.length, this.#at + this.#left)
      this.#left -= end - this.#at
      const start = this.#at
      this.#at = end
      exchange.onBody(bytes, start, end)
      if (this.#left > 0) return exchange.onBodyRead()
    }
    edge.deadlines.clear(this.#deadline)
    this.#state = TURN
    exchange.onBodyEnd()
  }

  /** The exchange is connected, or its backend takes more. */
  feedBody(): void {
    this.#bodyPaused = false
    if (this.#state !== BODY) return
    if (this.#advancing) this.#readBody()
    else this.#advance()
    if (this.#state === BODY && this.#socket.isPaused() && !this.#bodyPaused) this.#socket.resume()
  }

  pauseBody(): void {
    this.#bodyPaused = true
    this.#socket.pause()
  }

  writeText(text: string): void {
    this.#out += text
  }

  /** @returns whether it is done with the bytes; if not, `drain` says when */
  writeBytes(bytes: Buffer, start: number, end: number): boolean {
    const { slice, at } = this.edge
    slice[at.bytesSent + this.client.entrance.index]! += end - start
    if (this.#out.length + end - start <= GATHER_MAX) {
      this.#out += bytes.toString('latin1', start, end)
      return true
    }
    const socket = this.#socket
    this.flush()
    const piece = bytes.subarray(start, end)
    if (this.#encrypts) {
      // Behind an earlier write that is still under way it would wait as it is.
      socket.write(socket.writableLength === 0 ? piece : Buffer.from(piece))
      return true
    }
    const below = socket.write(piece)
    if (socket.writableLength === 0) return true
    // Only a write that reaches the high-water mark is followed by 'drain'.
    if (below) socket.write(EMPTY, () => this.#exchange?.onClientDrain())
    return false
  }

  /** Writes what has gathered. @returns false if the client is to be waited for */
  flush(): boolean {
    if (this.#out !== '' && this.#state !== CLOSED) {
      const out = this.#out
      this.#out = ''
      this.#socket.write(out, 'latin1')
    }
    return !this.#socket.writableNeedDrain
  }

  /** An answer of our own. @param keepAlive whether the request leaves the connection usable */
  answer(status: number, reason: string, requestId: string, keepAlive: boolean): void {
    if (!keepAlive) this.keepsAlive = false
    const toHead = this.#head.method === 'HEAD'
    this.writeText(writeAnswer({ status, reason, requestId, keepAlive: this.keepsAlive, toHead }))
    // In advance() more may follow; where a failure far away is told, nobody else would send it.
    if (!this.#advancing) this.flush()
  }

  countRefusal(refused: number): void {
    const { slice, at } = this.edge
    slice[at.refused + this.client.entrance.index * refusals.length + refused]!++
  }

  onExchangeEnd(exchange: Exchange): void {
    this.#exchange = null
    const nowMs = performance.now()
    countExchange(this, exchange, nowMs)
    this.edge.log.exchange(this, exchange, nowMs)
    if (this.#state === CLOSED) return
    if (exchange.status === 101) return
    if (!this.keepsAlive || this.#state !== TURN) return this.#close()
    this.#state = HEAD
    if (this.#ended && this.#at === this.#bytes.length) return this.#close()
    const { deadlines, config } = this.edge
    deadlines.set(this.#deadline, config.http.keepAliveTimeoutMs)
    if (this.#socket.isPaused()) this.#socket.resume()
    if (this.#at < this.#bytes.length) this.#advance()
  }

  /** 101: from here on both sides say what they like. */
  switchTo(dialed: Dialed, rest: Buffer, pool: Pool, backend: number): void {
    this.flush()
    this.edge.deadlines.clear(this.#deadline)
    this.#state = CLOSED
    stopListening(this.#socket, Http1Session.#listeners)
    if (rest.length > 0) this.#socket.write(rest)
    const early = this.#bytes.subarray(this.#at)
    if (early.length > 0) dialed.socket.write(early)
    this.client.tunnelTo(dialed, pool, backend)
  }

  /** Ends the connection so that the client sees it is not the end of a message. */
  cut(reason: string): void {
    this.#state = CLOSED
    this.client.endHttp('backend-reset', reason)
  }

  /** weir is stopping. */
  drain(): void {
    this.keepsAlive = false
    if (this.#state === HEAD && this.#scanned === 0) this.#close()
  }

  /** The session is over: called once, by its owner. */
  abort(): void {
    this.#state = CLOSED
    this.edge.deadlines.clear(this.#deadline)
    this.#exchange?.abort()
  }

  #refuseHead(code: number): void {
    const reason: RefusalName =
      code === 400
        ? 'bad-request'
        : code === 414 || code === 431
          ? 'request-too-large'
          : 'not-supported'
    this.countRefusal(refusal(reason))
    const requestId = this.nextRequestId()
    this.answer(code, reason, requestId, false)
    countUnread(this, code)
    this.edge.log.badRequest(this, code, reason, requestId)
    this.#close()
  }

  #refuseBody(status: number, reason: RefusalName): void {
    this.countRefusal(refusal(reason))
    this.keepsAlive = false
    this.#exchange?.refuse(status, reason)
  }

  #expired(): void {
    if (this.#state === HEAD && this.requests > 0 && this.#scanned === 0) return this.#close()
    if (this.#state === HEAD) {
      this.countRefusal(refusal('request-timeout'))
      // Who has said nothing gets no answer: it may be about to ask, and would take it for its own.
      if (this.#scanned > 0) this.answer(408, 'request-timeout', this.nextRequestId(), false)
      return this.#close()
    }
    if (this.#state === BODY) this.#refuseBody(408, 'request-timeout')
  }

  /** A client that says no more may still read; one in the middle of a request will never end it. */
  #clientEnded(): void {
    this.#ended = true
    if (this.#state === TURN) {
      this.keepsAlive = this.#at < this.#bytes.length && this.keepsAlive
      return
    }
    if (this.#state === HEAD) return this.#close()
    this.#gone('client-gone', 'closed in the middle of a request')
  }

  #gone(how: 'client-reset' | 'client-gone', cause: string): void {
    if (this.#state === CLOSED) return
    const idle = this.#state === HEAD && this.#scanned === 0
    this.#state = CLOSED
    this.client.endHttp(idle ? 'finished' : how, cause)
  }

  /** Says what there is to say, and closes. */
  #close(): void {
    this.flush()
    this.#state = CLOSED
    this.edge.deadlines.clear(this.#deadline)
    this.client.closeHttp()
  }
}

const EMPTY = Buffer.alloc(0)
