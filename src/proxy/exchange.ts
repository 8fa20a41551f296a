/**
 * ONE REQUEST, TOP TO BOTTOM:
 *
 *   begin → admit → choose → connect → send → receive → relay → finish
 *
 * Each step ends in the next, in an answer of our own, or in a cut; `#finish` runs exactly once, however
 * it ended, and gives back all that the exchange counted.
 */
import { CHUNKED } from '../codec/http1/framing.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import type { ResponseHead } from '../codec/http1/response-head.ts'
import { ticks } from '../core/clock.ts'
import type { FaultCode } from '../core/errors.ts'
import type { Reason } from '../core/faults.ts'
import { ADMITTED, refusal, refusals } from '../core/refusals.ts'
import { counterRows, observe } from '../shared/counters.ts'
import { Deadline } from '../transport/deadlines.ts'
import { Dial, type Dialed, type DialOwner } from '../transport/dial.ts'
import { countResponse, leftBecause } from './exchange-counters.ts'
import { Http1Backend, type ResponseOwner } from './http1-backend.ts'
import type { Http1Session } from './http1-session.ts'
import { CIRCUIT_OPEN, NO_BACKEND, type Pool, WAIT, type Waiter } from './pool.ts'
import { proxyHeaderFor } from './proxy-header.ts'
import { writeRequest } from './request-writer.ts'
import type { Route } from './route.ts'
import { NO_WISH } from './sticky.ts'
import { sendsChunks, writeInterim, writeResponse, writeSwitch } from './response-writer.ts'

/** Backends one request is tried on. */
const DIALS_MAX = 4
/** Body bytes that go into the same write as the head. */
const INLINE_MAX = 16_384
/** RFC 9110 §9.2.2, and QUERY (RFC 10008): doing it twice is doing it once. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE', 'QUERY'])

export class Exchange implements Waiter, DialOwner, ResponseOwner {
  readonly head: RequestHead
  readonly startedMs = performance.now()
  readonly requestId: string
  /** The listener's last one until the request was matched. */
  route: Route
  // Facts for the access line.
  status = 0
  reason: Reason = ''
  /** What the peer that failed did, in its own or the system's words. */
  cause = ''
  backendName = ''
  dials = 0
  /** Backends it was given to, or was to be. */
  tries = 0
  reused = false
  refused = ADMITTED
  /** Spent waiting for a backend below its limit; 0 if it did not have to. */
  queuedMs = 0
  /** The last dial; 0 without one. */
  connectMs = 0
  /** Request sent to head of the response; 0 without one. */
  firstByteMs = 0
  bytesReceived = 0
  bytesSent = 0

  readonly #session: Http1Session
  readonly #deadline: Deadline
  #backend = -1
  /** Where the client's cookie says it was. */
  #wished = NO_WISH
  #tried: Int32Array = NONE_TRIED
  #triedCount = 0
  #dial: Dial | null = null
  #dialedMs = 0
  #waitingSinceMs = 0
  #sentMs = 0
  #connection: Http1Backend | null = null
  #waiting = false
  /** Of the request, not written yet. */
  #out = ''
  #bodySent = false
  #requestWhole = false
  #chunksOut = false
  #responseWhole = false
  /** The client takes no more for now. */
  #stalled = false
  #finished = false

  constructor(session: Http1Session, head: RequestHead) {
    this.#session = session
    this.head = head
    this.route = session.routes.last
    this.requestId = session.nextRequestId()
    this.#deadline = new Deadline(() => this.#expired())
  }

  begin(): void {
    const { edge, place } = this.#session
    const refused = edge.admission.request(place, ticks())
    if (refused !== ADMITTED) {
      this.refused = refused
      this.#session.countRefusal(refused)
      return this.#answer(429, refusals[refused]![0])
    }
    this.#chooseRoute()
  }

  #chooseRoute(): void {
    const { head } = this
    const route = this.#session.routes.find(head.authority, head.target.path)
    this.route = route
    if (route.pool === null) return this.#answer(404, 'no-route')
    const { bodyMax } = route.config
    if (bodyMax !== 0 && head.body > bodyMax) {
      this.#session.countRefusal(refusal('request-too-large'))
      return this.#answer(413, 'request-too-large')
    }
    if (route.pool.sticky !== null) this.#wished = route.pool.sticky.find(head)
    this.onTurn()
  }

  get #pool(): Pool {
    return this.route.pool!
  }

  /** Takes a backend, or a place in the line. */
  onTurn(): void {
    const { source, edge } = this.#session
    const backend = this.#pool.take(source, this.#tried, this.#triedCount, this.#wished)
    if (backend === WAIT) return this.#wait()
    this.#stopWaiting()
    if (backend === CIRCUIT_OPEN && this.#triedCount === 0) {
      return this.#answer(503, 'circuit-open')
    }
    if (backend === NO_BACKEND || backend === CIRCUIT_OPEN) {
      return this.#triedCount === 0
        ? this.#answer(503, 'no-backend')
        : this.#answer(502, this.reason)
    }
    this.#backend = backend
    this.tries++
    const target = this.#pool.target(backend)
    this.backendName = target.name
    const kept = edge.idleBackends.take(backend)
    if (kept !== null) {
      this.reused = true
      return this.#send(kept)
    }
    this.dials++
    this.reused = false
    this.#dialedMs = performance.now()
    edge.slice[edge.at.dials + backend]!++
    this.#dial = new Dial(target, this, edge.deadlines)
    const header = proxyHeaderFor(this.#session.client, this.#pool.config.sendProxy)
    this.#dial.start(header, edge.readBuffers, false)
  }

  #wait(): void {
    const { edge } = this.#session
    if (!this.#pool.wait(this)) return this.#answer(503, 'queue-full')
    if (this.#waiting) return
    this.#waiting = true
    this.#waitingSinceMs = performance.now()
    edge.slice[edge.at.queued]!++
    edge.deadlines.set(this.#deadline, this.#pool.config.queueTimeoutMs)
  }

  #stopWaiting(): void {
    if (!this.#waiting) return
    this.#waiting = false
    this.queuedMs += performance.now() - this.#waitingSinceMs
    this.#pool.stopWaiting(this)
    this.#session.edge.deadlines.clear(this.#deadline)
  }

  onDialFailed(code: FaultCode): void {
    this.#dial = null
    const { edge } = this.#session
    edge.slice[edge.at.dialsFailed + this.#backend]!++
    this.#pool.dialFailed(this.#backend)
    if (this.#tried === NONE_TRIED) this.#tried = new Int32Array(DIALS_MAX)
    this.#tried[this.#triedCount++] = this.#backend
    this.#leaveBackend()
    this.reason = code === 'WEIR_CONNECT_TIMEOUT' ? 'connect-timeout' : 'connect-failed'
    if (this.dials < DIALS_MAX) this.onTurn()
    else this.#answer(502, this.reason)
  }

  onDialed(dialed: Dialed): void {
    this.#dial = null
    const { edge } = this.#session
    const { buckets } = counterRows.dialSeconds
    const first = edge.at.dialSeconds + this.#backend * (buckets.length + 2)
    this.connectMs = performance.now() - this.#dialedMs
    observe(edge.slice, first, buckets, this.connectMs / 1000)
    this.#pool.dialed(this.#backend)
    this.#send(new Http1Backend(this.#backend, dialed))
  }

  #send(connection: Http1Backend): void {
    const { edge, origin } = this.#session
    const { head } = this
    this.#connection = connection
    if (connection.served > 0) edge.slice[edge.at.backendReuses + this.#backend]!++
    connection.begin(this, head.method === 'HEAD', head.upgrade)
    this.#out = writeRequest(head, origin, this.requestId, this.backendName, this.#pool.sticky)
    edge.deadlines.set(this.#deadline, this.route.config.responseTimeoutMs)
    // What lies there of the body goes into the same write.
    if (head.hasBody) this.#session.feedBody()
    else this.#requestWhole = true
    this.#sentMs = performance.now()
    this.#flushRequest()
  }

  /** The request's body may come. */
  get takesBody(): boolean {
    return this.#connection !== null
  }

  /** @param bytes are the exchange's from here on */
  onBody(bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection
    if (connection === null || start === end) return
    this.bytesReceived += end - start
    this.#bodySent = true
    const chunked = this.head.body === CHUNKED
    if (chunked) this.#out += `${(end - start).toString(16)}\r\n`
    let below = true
    if (this.#out.length + end - start <= INLINE_MAX) {
      this.#out += bytes.toString('latin1', start, end)
    } else {
      this.#flushRequest()
      below = connection.writeBytes(bytes.subarray(start, end))
    }
    if (chunked) this.#out += '\r\n'
    if (!below) this.#session.pauseBody()
  }

  /** Called after each piece that came in one read. */
  onBodyRead(): void {
    this.#flushRequest()
  }

  onBodyEnd(): void {
    const { edge } = this.#session
    if (this.head.body === CHUNKED) this.#out += '0\r\n\r\n'
    this.#requestWhole = true
    this.#sentMs = performance.now()
    this.#flushRequest()
    if (!this.#responseBegan) {
      edge.deadlines.set(this.#deadline, this.route.config.responseTimeoutMs)
    }
    if (this.#responseWhole && !this.#stalled) this.#finish(true)
  }

  #flushRequest(): void {
    if (this.#out === '' || this.#connection === null) return
    const out = this.#out
    this.#out = ''
    if (!this.#connection.writeText(out)) this.#session.pauseBody()
  }

  onBackendDrain(): void {
    if (!this.#requestWhole) this.#session.feedBody()
  }

  onInterim(head: ResponseHead): void {
    if (this.head.minor === 1) this.#session.writeText(writeInterim(head))
  }

  get #responseBegan(): boolean {
    return this.status !== 0
  }

  onHead(head: ResponseHead): void {
    const { minor, method } = this.head
    this.status = head.status
    this.#answered()
    this.#chunksOut = sendsChunks(head, minor)
    // Without an end of its own the body ends with the connection.
    const delimited = head.isDelimited ? head.body >= 0 || minor === 1 : minor === 1
    if (!delimited) this.#session.closeAfter()
    const keepAlive = this.#session.keepsAlive && this.head.connection.keepAlive
    if (!keepAlive) this.#session.closeAfter()
    this.#session.writeText(
      writeResponse(head, {
        minor,
        keepAlive: this.#session.keepsAlive,
        toHead: method === 'HEAD',
        cookie: this.#cookie(),
      }),
    )
    const { edge } = this.#session
    edge.deadlines.set(this.#deadline, edge.config.idleTimeoutMs)
  }

  /** Where the client comes from another backend than its cookie says, or has none. */
  #cookie(): string {
    const { sticky } = this.#pool
    if (sticky === null || this.#wished === this.#backend) return ''
    return sticky.line(this.#backend, this.#session.origin.proto === 'https')
  }

  #answered(): void {
    // What an earlier try failed with is of no more interest.
    this.reason = ''
    this.firstByteMs = performance.now() - this.#sentMs
    countResponse(this.#session.edge, this.#backend, this.firstByteMs)
    // An early answer to a request that is not whole says nothing of how fast the backend is.
    this.#pool.answered(this.#backend, this.status, this.#requestWhole ? this.firstByteMs : -1)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    const session = this.#session
    const { edge } = session
    this.bytesSent += end - start
    edge.deadlines.set(this.#deadline, edge.config.idleTimeoutMs)
    if (this.#chunksOut) session.writeText(`${(end - start).toString(16)}\r\n`)
    const done = session.writeBytes(bytes, start, end)
    if (this.#chunksOut) session.writeText('\r\n')
    if (!done) this.#stall()
    return done
  }

  onRead(): void {
    if (this.#session.flush() || this.#finished) return
    this.#stall()
  }

  #stall(): void {
    this.#stalled = true
    this.#connection?.pause()
  }

  onClientDrain(): void {
    if (!this.#stalled) return
    this.#stalled = false
    this.#connection?.resume()
    if (this.#responseWhole && this.#requestWhole) this.#finish(true)
  }

  onResponse(): void {
    if (this.#chunksOut) this.#session.writeText('0\r\n\r\n')
    this.#responseWhole = true
    if (!this.#requestWhole) {
      // Answered before it was asked: what still comes of the body has nobody to go to.
      this.#session.closeAfter()
      return this.#finish(false)
    }
    if (!this.#stalled) this.#finish(true)
  }

  onSwitched(head: ResponseHead, rest: Buffer): void {
    const connection = this.#connection!
    const backend = this.#backend
    this.status = head.status
    this.#answered()
    this.#session.writeText(writeSwitch(head, this.#cookie()))
    this.#connection = null
    this.#backend = -1
    this.#finish(false)
    this.#session.switchTo(connection.dialed, rest, this.#pool, backend)
  }

  onBackendFailed(cause: string): void {
    const connection = this.#connection!
    this.#connection = null
    if (this.#responseWhole) return this.#finish(false)
    const stale = connection.served > 1
    if (!stale || this.#responseBegan) this.#pool.broke(this.#backend)
    this.#leaveBackend()
    this.cause = cause
    if (this.#responseBegan) return this.#cut('backend-reset')
    // A kept connection may have been closed while the request was on its way.
    if (stale && !this.#bodySent && idempotent.has(this.head.method)) {
      const { edge } = this.#session
      edge.slice[edge.at.requestRetries + this.route.index]!++
      return this.onTurn()
    }
    this.#answer(502, cause === 'its response is malformed' ? 'bad-response' : 'backend-reset')
  }

  /** The client is gone, or sent what is no body. */
  abort(): void {
    this.reason = leftBecause(this.#session)
    this.#finish(false)
  }

  /** Refuses what came of the body, or ends the exchange where an answer has begun. */
  refuse(status: number, reason: Reason): void {
    if (this.#responseBegan) this.#cut(reason)
    else this.#answer(status, reason)
  }

  #expired(): void {
    if (this.#waiting) {
      this.#stopWaiting()
      return this.#answer(503, 'queue-timeout')
    }
    if (this.#responseBegan) return this.#cut('idle-timeout')
    // Before that it is the client who is waited for.
    if (this.#requestWhole) this.#pool.broke(this.#backend)
    this.#answer(504, 'response-timeout')
  }

  #answer(status: number, reason: Reason): void {
    this.status = status
    this.reason = reason
    const whole = !this.head.hasBody || this.#requestWhole
    this.#session.answer(status, reason, this.requestId, whole && this.head.connection.keepAlive)
    this.#finish(false)
  }

  /** The client has got a part: only a broken connection tells it that this is not all. */
  #cut(reason: Reason): void {
    this.reason = reason
    const session = this.#session
    this.#finish(false)
    session.cut(this.cause === '' ? reason : `${this.backendName}: ${this.cause}`)
  }

  #leaveBackend(): void {
    if (this.#backend === -1) return
    const backend = this.#backend
    this.#backend = -1
    this.#pool.leave(backend)
  }

  /** @param clean both messages are whole: the connection to the backend may serve another */
  #finish(clean: boolean): void {
    if (this.#finished) return
    this.#finished = true
    const { edge } = this.#session
    edge.deadlines.clear(this.#deadline)
    this.#stopWaiting()
    this.#dial?.cancel()
    const connection = this.#connection
    this.#connection = null
    if (connection !== null) {
      const { config } = this.#pool
      if (clean && config.sendProxy === 'off') edge.idleBackends.give(connection, config)
      else connection.destroy()
    }
    this.#leaveBackend()
    this.#session.onExchangeEnd(this)
  }
}

const NONE_TRIED = new Int32Array(0)
