/**
 * ONE REQUEST, TOP TO BOTTOM:
 *
 *   begin → admit → route → authorize → await the body → choose → connect → send → receive → relay → finish
 *
 * Each step ends in the next, in an answer of our own, or in a cut; `#finish` runs exactly once, however
 * it ended, and gives back all that the exchange counted.
 */
import { performance } from 'node:perf_hooks'
import type { Scheme } from '../auth/scheme.ts'
import { CHUNKED } from '../codec/http1/framing.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import type { ResponseHead } from '../codec/http1/response-head.ts'
import { ticksAt } from '../core/clock.ts'
import type { Reason } from '../core/faults.ts'
import { ADMITTED, type RefusalName, refusals } from '../core/refusals.ts'
import { REJECT } from '../guard/actions.ts'
import { BANNED } from '../guard/banned.ts'
import type { Held } from '../transport/held.ts'
import { BackendChoice } from './backend-choice.ts'
import type { BodyTaker } from './client-body.ts'
import { countResponse, leftBecause } from './exchange-counters.ts'
import type { Http1Backend } from './http1-backend.ts'
import type { Http1Session } from './http1-session.ts'
import type { IdentityFacts } from './identity-facts.ts'
import type { Pool } from './pool.ts'
import { redirect } from './redirect.ts'
import { RequestBody } from './request-body.ts'
import type { RequestClient } from './request-client.ts'
import { nextRequestId } from './request-id.ts'
import { writeRequest } from './request-writer.ts'
import type { BackendFailure, ResponseOwner } from './response-owner.ts'
import { sendsChunks, writeInterim, writeResponse, writeSwitch } from './response-writer.ts'
import type { Route } from './route.ts'
import { NO_WISH } from './sticky.ts'

const CONTINUE = 100
const BAD_STATUS = 400

export class Exchange implements ResponseOwner, BodyTaker {
  readonly head: RequestHead
  readonly startedMs = performance.now()
  readonly requestId: string
  readonly client: RequestClient
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
  refused = ADMITTED
  /** Spent waiting for a backend below its limit; 0 if it did not have to. */
  queuedMs = 0
  /** The last dial; 0 without one. */
  connectMs = 0
  /** Request sent to head of the response; 0 without one. */
  firstByteMs = 0
  bytesReceived = 0
  bytesSent = 0
  /** Who the client turned out to be; null where nobody asked. */
  facts: IdentityFacts | null = null
  judge: Scheme | null = null
  identitySlot = -1
  identityLine = -1
  isOver = false

  readonly #session: Http1Session
  /** Where the client's cookie says it was. */
  #wished = NO_WISH
  /** null until it was routed. */
  #choice: BackendChoice | null = null
  #sentMs = 0
  #connection: Http1Backend | null = null
  /** Of a request with a body. */
  #body: RequestBody | null = null
  #requestWhole = false
  /** The client sends no body before it was told to continue. */
  #holds = false
  /** It was told, or did not wait for that: by an earlier try, too. */
  #continues = false
  #chunksOut = false
  #responseWhole = false
  /** The client takes no more for now. */
  #stalled = false

  constructor(session: Http1Session, head: RequestHead) {
    this.#session = session
    this.head = head
    this.route = session.routes.last
    this.client = session.requestClient
    this.requestId = session.origin.keptRequestId(head) || nextRequestId()
  }

  begin(): void {
    const { client, origin, routes } = this.#session
    const cost = routes.costOf(this.head)
    const refused = this.client.enter(client, origin, this.head, ticksAt(this.startedMs), cost)
    if (refused !== ADMITTED) return this.onRefused(refused, 429, '')
    this.#chooseRoute()
  }

  #chooseRoute(): void {
    const { head } = this
    const { redirectPort } = this.#session.client.entrance.config
    if (redirectPort !== 0) return this.#redirect(redirectPort)
    const route = this.#session.routes.find(head.authority, head.target.path)
    this.route = route
    const { pool, config } = route
    if (pool === null) return this.#answer(404, 'no-route')
    if (this.#session.edge.routeBudgets.refuses(this)) return
    const { bodyMax, exchangeTimeoutMs } = config
    if (bodyMax !== 0 && head.body > bodyMax) {
      this.#session.answers.penalizeRequest('request-too-large')
      return this.#answer(413, 'request-too-large')
    }
    if (exchangeTimeoutMs !== 0) {
      this.#session.exchangeDeadline.begin(this.startedMs + exchangeTimeoutMs)
    }
    if (this.client.delayTicks === 0) this.#askWho()
    else this.#session.edge.delays!.hold(this)
  }

  #askWho(): void {
    const { head, route } = this
    const policy = route.access === null ? null : route.access.policyFor(head)
    if (policy === null) this.#session.edge.authorizer.pass(this)
    else this.#session.edge.authorizer.authorize(this, policy)
  }

  /** @param lines further fields of the answer */
  onRefused(refused: number, status: number, lines: string): void {
    this.refused = refused
    const { answers, edge, origin } = this.#session
    answers.countRefusal(refused)
    if (this.#responseBegan()) return this.#cut(refusals[refused]![0])
    const action = edge.turnAway.ofRequest(refused, origin.forwarders !== null)
    if (action !== REJECT) {
      this.reason = refusals[refused]![0]
      this.#session.turnAway(action, this.reason)
      return this.#finish(false)
    }
    // A proxy that speaks for one that is banned goes on with the others.
    if (refused === BANNED && !this.client.isNamed) this.#session.keepsAlive = false
    this.#answer(status, refusals[refused]![0], lines)
  }

  onAuthorized(): void {
    const { head, client } = this
    // A client behind a proxy; who comes by itself was asked at the door. Who has said who it is is no stranger.
    if (client.isNamed && this.facts === null) {
      const refused = this.#session.edge.overload.checkRequest(client)
      if (refused !== ADMITTED) return this.onRefused(refused, 503, '')
    }
    const pool = this.#pool()
    pool.retryBudget.deposit()
    if (pool.sticky !== null) this.#wished = pool.sticky.find(head)
    if (!head.hasBody) return this.choose()
    // The client is what is waited for, but no longer than the whole exchange may take.
    this.waitFor(0)
    const { requestBuffer } = this.route.config
    if (!this.#session.awaitsBody(head, requestBuffer)) this.choose()
  }

  /** Takes a backend: as much of the body is there as one is to be taken for. */
  choose(): void {
    this.#choice = new BackendChoice(this, this.#session, this.#pool(), this.#wished)
    this.#choice.onTurn()
  }

  #redirect(port: number): void {
    if (!redirect(this.#session, this.head, this.requestId, port)) {
      this.#session.answers.penalizeRequest('bad-request')
      return this.#answer(400, 'bad-request')
    }
    this.status = 308
    this.#finish(false)
  }

  #pool(): Pool {
    return this.route.pool!
  }

  onNoBackend(): void {
    if (!this.#choice!.isRetry) return this.#answer(503, 'no-backend')
    this.#answer(this.reason === 'connect-timeout' ? 504 : 502, this.reason)
  }

  onCircuitOpen(): void {
    if (this.#choice!.isRetry) this.#answer(502, this.reason)
    else this.#answer(503, 'circuit-open')
  }

  onQueueFull(): void {
    this.#answer(503, this.#choice!.lineFault(true))
  }

  onDialFailed(timedOut: boolean, cause: string): void {
    this.reason = timedOut ? 'connect-timeout' : 'connect-failed'
    this.cause = cause
    // Nothing was sent: trying elsewhere cannot do it twice, and costs that backend nothing.
    if (this.#choice!.mayRetry) this.#choice!.again(true)
    else this.#answer(timedOut ? 504 : 502, this.reason)
  }

  onConnected(connection: Http1Backend): void {
    const { edge, origin } = this.#session
    const { head, route } = this
    this.#connection = connection
    connection.begin(this, head.method === 'HEAD', head.upgrade)
    const text = route.editRequest(writeRequest(this, origin))
    this.#sentMs = performance.now()
    if (head.hasBody) return this.#sendWithBody(connection, text)
    this.#requestWhole = true
    this.waitFor(route.config.responseTimeoutMs)
    if (this.#choice!.mayShare) {
      connection.queueText(text)
      edge.idleBackends.gather(connection)
    } else connection.writeText(text)
  }

  #sendWithBody(connection: Http1Backend, text: string): void {
    const { head } = this
    const body = new RequestBody(connection, text, head.body === CHUNKED)
    this.#body = body
    this.#holds = head.expectsContinue && !this.#continues
    // Until the body is whole it is the client who is waited for, unless it waits for a word itself.
    this.waitFor(this.#holds ? this.route.config.responseTimeoutMs : 0)
    // What lies there of the body goes into the same write.
    this.#session.feedBody()
    if (this.#connection === connection && !body.flush()) this.#session.pauseBody()
  }

  /** Adds what it holds now. */
  hold(held: Held): void {
    this.#connection?.hold(held)
  }

  /** There is somewhere to put the body: not while the backend has not taken what it was given. */
  get takesBody(): boolean {
    return this.#body !== null && !this.#body.isBehind
  }

  /** The client waits for 100 before it sends its body. */
  get holdsBody(): boolean {
    return this.#holds
  }

  onBody(bytes: Buffer, start: number, end: number, lasting: boolean): boolean {
    if (this.#holds) this.#clientContinues()
    this.bytesReceived += end - start
    if (this.#body!.add(bytes, start, end, lasting)) return true
    this.#waitForBackend()
    return false
  }

  /** Called after each read. @returns false if the backend is to be waited for */
  onBodyRead(): boolean {
    if (this.#body!.flush()) return true
    this.#waitForBackend()
    return false
  }

  onBodyEnd(): void {
    this.#body!.end()
    this.#requestWhole = true
    this.#sentMs = performance.now()
    if (!this.#responseBegan()) {
      this.#choice!.sent()
      this.waitFor(this.route.config.responseTimeoutMs)
    }
    if (this.#responseWhole && !this.#stalled) this.#finish(true)
  }

  onBackendDrain(): void {
    if (this.#body === null) return
    this.#body.isBehind = false
    if (!this.#responseBegan() && !this.#requestWhole) this.waitFor(0)
    this.#session.feedBody()
  }

  #waitForBackend(): void {
    if (!this.#responseBegan()) this.waitFor(this.route.config.responseTimeoutMs)
  }

  #clientContinues(): void {
    this.#holds = false
    this.#continues = true
    if (!this.#responseBegan()) this.waitFor(0)
  }

  onInterim(head: ResponseHead): void {
    if (this.head.minor === 1) this.#session.writer.text(writeInterim(head))
    if (head.status !== CONTINUE || !this.#holds) return
    this.#clientContinues()
    this.#session.feedBody()
  }

  #responseBegan(): boolean {
    return this.status !== 0
  }

  onHead(head: ResponseHead): void {
    const session = this.#session
    const { minor, method } = this.head
    this.status = head.status
    this.#answered()
    this.#chunksOut = sendsChunks(head, minor)
    // Without an end of its own the body ends with the connection.
    const delimited = head.isDelimited ? head.body >= 0 || minor === 1 : minor === 1
    // One that was to be told to go on and is not may send its body all the same, or not.
    if (!delimited || this.#holds || !this.head.connection.keepAlive) session.keepsAlive = false
    const written = writeResponse(head, {
      minor,
      keepAlive: session.keepsAlive,
      toHead: method === 'HEAD',
      hsts: session.client.entrance.hsts,
      cookie: this.#cookie(),
    })
    const told = session.edge.limitFields.add(written, this.client.requestSlot)
    session.writer.text(this.route.editResponse(told))
    this.waitFor(session.edge.config.idleTimeoutMs)
  }

  /** Where the client comes from another backend than its cookie says, or has none. */
  #cookie(): string {
    const { sticky } = this.#pool()
    if (sticky === null || this.#wished === this.#choice!.backend) return ''
    return sticky.line(this.#choice!.backend, this.#session.origin.proto === 'https')
  }

  #answered(): void {
    // What an earlier try failed with is of no more interest.
    this.reason = ''
    this.cause = ''
    this.firstByteMs = performance.now() - this.#sentMs
    if (this.status < BAD_STATUS) this.client.didWell(this.#session.edge.goodRecord, this.startedMs)
    countResponse(this.#session.edge, this.#choice!.backend, this.firstByteMs)
    // An early answer to a request that is not whole says nothing of how fast the backend is.
    this.#choice!.answered(this.status, this.#requestWhole ? this.firstByteMs : -1)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    const { writer, edge } = this.#session
    this.bytesSent += end - start
    this.waitFor(edge.config.idleTimeoutMs)
    if (this.#chunksOut) writer.text(`${(end - start).toString(16)}\r\n`)
    const done = writer.bytes(bytes, start, end)
    if (this.#chunksOut) writer.text('\r\n')
    if (!done) this.#stall()
    return done
  }

  onRead(): void {
    if (this.#session.writer.flush() || this.isOver) return
    this.#stall()
  }

  /** The client is waited for, by its writer: the backend is not to blame for this silence. */
  #stall(): void {
    if (this.#stalled) return
    this.#stalled = true
    this.#connection?.pause()
    this.waitFor(0)
  }

  onClientDrain(): void {
    if (!this.#stalled) return
    this.#stalled = false
    this.#connection?.resume()
    if (this.#responseWhole && this.#requestWhole) return this.#finish(true)
    this.waitFor(this.#session.edge.config.idleTimeoutMs)
  }

  onClientSlow(): void {
    this.#cut('client-slow')
  }

  /** How far the response has come; -1 while it is the client that does not take it. */
  get progress(): number {
    return this.#stalled ? -1 : this.bytesSent + (this.#responseBegan() ? 1 : 0)
  }

  onResponse(): void {
    if (this.#chunksOut) this.#session.writer.text('0\r\n\r\n')
    this.#responseWhole = true
    if (!this.#requestWhole) {
      // Answered before it was asked: what still comes of the body has nobody to go to.
      this.#session.keepsAlive = false
      return this.#finish(false)
    }
    if (!this.#stalled) this.#finish(true)
  }

  onSwitched(head: ResponseHead, rest: Buffer): void {
    const connection = this.#connection!
    this.status = head.status
    this.#answered()
    this.#session.writer.text(writeSwitch(head, this.#cookie()))
    const backend = this.#choice!.handOver()
    this.#connection = null
    this.#finish(false)
    this.#session.switchTo(connection.dialed, rest, this.#pool(), backend)
  }

  onBackendFailed(failure: BackendFailure): void {
    this.#connection = null
    if (this.#responseWhole) return this.#finish(false)
    if (failure.blame) this.#pool().broke(this.#choice!.backend)
    this.cause = failure.cause
    if (this.#responseBegan()) return this.#cut('backend-reset')
    this.reason = failure.malformed ? 'bad-response' : 'backend-reset'
    if (this.#choice!.mayAskAgain(failure, this.#requestWhole)) {
      const { edge } = this.#session
      edge.slice[edge.at.requestRetries + this.route.index]!++
      this.#body = null
      return this.#choice!.again(failure.blame)
    }
    this.#answer(502, this.reason)
  }

  /** The client is gone, or sent what is no body. */
  abort(): void {
    if (this.reason === '') this.reason = leftBecause(this.#session)
    this.#finish(false)
  }

  /** Refuses what came of the body, or ends the exchange where an answer has begun. */
  refuse(status: number, reason: RefusalName): void {
    if (this.#responseBegan()) this.#cut(reason)
    else this.#answer(status, reason)
  }

  /** @param ms for what comes next; 0 for as long as the whole exchange may take */
  waitFor(ms: number): void {
    this.#session.exchangeDeadline.waitFor(ms)
  }

  /** What was waited for did not come in time. */
  onDeadline(): void {
    const over = this.#session.exchangeDeadline.isOver
    if (this.#responseBegan()) return this.#cut(over ? 'exchange-timeout' : 'idle-timeout')
    if (this.#choice === null) {
      if (over) return this.#answer(504, 'exchange-timeout')
      if (!this.client.isHeld) return this.#session.edge.authorizer.late(this)
      this.client.endHold()
      return this.#askWho()
    }
    if (this.#choice.isWaiting) {
      if (over) return this.#answer(504, 'exchange-timeout')
      return this.#answer(503, this.#choice.lineFault(false))
    }
    // Whatever it was about, it was the backend's turn.
    if (this.#connection !== null && (this.#requestWhole || !over)) {
      const ms = this.#requestWhole ? performance.now() - this.#sentMs : -1
      this.#pool().broke(this.#choice.backend, ms)
    }
    this.#answer(504, over ? 'exchange-timeout' : 'response-timeout')
  }

  #answer(status: number, reason: Reason, lines = ''): void {
    this.status = status
    this.reason = reason
    const whole = !this.head.hasBody || this.#requestWhole
    const keepAlive = whole && this.head.connection.keepAlive
    this.bytesSent = this.#session.answers.answer(status, reason, this.requestId, keepAlive, lines)
    this.#finish(false)
  }

  /** The client has got a part: only a broken connection tells it that this is not all. */
  #cut(reason: Reason): void {
    this.reason = reason
    const cause = this.cause === '' ? reason : `${this.backendName}: ${this.cause}`
    // It ends this exchange as well: were that over before, the session would go on, or take leave as after a whole one.
    this.#session.cut(reason === 'client-slow' ? reason : 'backend-reset', cause)
  }

  /** @param clean both messages are whole: the connection to the backend may serve another */
  #finish(clean: boolean): void {
    if (this.isOver) return
    this.isOver = true
    const { edge, exchangeDeadline } = this.#session
    exchangeDeadline.suspend()
    const connection = this.#connection
    this.#connection = null
    if (connection !== null) {
      connection.release(this, clean && this.#pool().config.sendProxy === 'off')
    }
    this.#choice?.stop()
    if (this.status >= BAD_STATUS) this.client.erred(this.#session.client, this)
    this.client.leave(this.#session.client)
    if (this.identitySlot !== -1) edge.authorizer.leave(this)
    this.#session.onExchangeEnd(this)
  }
}
