/**
 * One client connection, top to bottom:
 *
 *   begin → (PROXY header) → admit → (ClientHello → handshake) → connect → tunnel → finish
 *
 * Each step ends in the next or in `#finish`, which runs exactly once, however the session ends, and
 * gives back all that the session counted.
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { PeerIdentity } from '../auth/peer-identity.ts'
import type { ClientHello } from '../codec/client-hello.ts'
import type { ProxyHeader } from '../codec/proxy-protocol.ts'
import { ADDRESS_WORDS, parseAddress } from '../core/address.ts'
import { ticks } from '../core/clock.ts'
import { type EndingName, ending, endings } from '../core/endings.ts'
import { hashSource } from '../core/hash.ts'
import { ADMITTED, refusal, refusals } from '../core/refusals.ts'
import type { Place } from '../guard/admission.ts'
import { Deadline, type DeadlineOwner } from '../transport/deadlines.ts'
import type { Dialed } from '../transport/dial.ts'
import { Gate, type GateOwner } from '../transport/gate.ts'
import { Handshake, type HandshakeOwner } from '../transport/handshake.ts'
import type { Held } from '../transport/held.ts'
import { listen } from '../transport/listen.ts'
import { PlainSocket } from '../transport/plain-socket.ts'
import type { SessionReadBuffer } from '../transport/read-buffer.ts'
import { reset } from '../transport/reset.ts'
import { TlsReadBuffer } from '../transport/tls-read-buffer.ts'
import { Tunnel, type TunnelOwner } from '../transport/tunnel.ts'
import type { Edge, Entrance } from './edge.ts'
import { FirstBytes } from './first-bytes.ts'
import { Http1Session } from './http1-session.ts'
import { LINGER_MS, Linger } from './linger.ts'
import { readPeerCertificate } from './peer-certificate.ts'
import type { Pool } from './pool.ts'
import { routeServerName } from './server-name-routes.ts'
import { TunnelBackend } from './tunnel-backend.ts'

const UNKNOWN_SERVER_NAME = refusal('unknown-server-name')
const TLS_VERSION = refusal('tls-version')

const SESSION = Symbol('session')
const REASONS = refusals.length
const ENDINGS = endings.length

/** The socket of a client knows its session. */
type ClientSocket = (Socket | PlainSocket) & { [SESSION]?: TcpSession }

export class TcpSession implements Place, GateOwner, HandshakeOwner, TunnelOwner, DeadlineOwner {
  readonly edge: Edge
  readonly entrance: Entrance
  /** The plain socket; under TLS the handshake's socket speaks through it. */
  socket: ClientSocket
  readonly startedMs: number

  // Facts for the access line.
  address: string
  port: number
  /** Where the client connected to, if a PROXY header said so; '' is the socket's own address. */
  destination = ''
  destinationPort = 0
  /** The proxy in front of us, where there is one. */
  peer = ''
  serverName = ''
  #ja4 = ''
  /** Until the handshake is over, and the fingerprint taken where it is needed later. */
  #hello: ClientHello | null = null
  handshake: Handshake | null = null
  /** Who the client is by its certificate; null if it showed none. */
  peerIdentity: PeerIdentity | null = null
  connectedMs = 0
  backendName = ''
  dials = 0
  queuedMs = 0
  ending: EndingName = 'finished'
  refused = ADMITTED
  cause = ''
  tunnel: Tunnel | null = null
  http: Http1Session | FirstBytes | null = null
  /** Where the bytes of the client arrive; null if they come as 'data'. */
  readBuffer: SessionReadBuffer | null = null

  /** Among the sessions of the worker. */
  seat = -1

  // Place: where it is counted.
  slot = -1
  prefixSlot = -1
  entry = -1
  isDirect = true
  banCounted = false
  /** The same for every connection of an address, for balancers that keep clients together. */
  source = 0
  readonly #deadline: Deadline
  /** Reads what comes before the handshake. */
  #gate: Gate | null = null
  /** Of the server's name, for after the handshake; -1 for none. */
  #pool = -1
  /** null until the bytes are to go somewhere as they are. */
  #backend: TunnelBackend | null = null
  #finished = false
  /** null until the last response of HTTP is written. */
  #linger: Linger | null = null
  /** Its socket is somebody else's now. */
  #isTaken = false
  #isEvicted = false

  constructor(
    edge: Edge,
    entrance: Entrance,
    socket: Socket | PlainSocket,
    address: string,
    port: number,
  ) {
    this.edge = edge
    this.entrance = entrance
    this.socket = socket
    this.startedMs = performance.now()
    this.address = address
    this.port = port
    this.#deadline = new Deadline(this)
    edge.sessions.add(this)
    // Before anything else: an unheard 'error' would end the worker (CVE-2025-59465).
    this.socket[SESSION] = this
    listen(socket, TcpSession.#clientListeners)
  }

  /** A connection of a trusted proxy: who the client is stands in the header. */
  beginWithProxyHeader(): void {
    this.#gate = new Gate(this.toStreams(), this, this.edge.deadlines)
    this.#gate.readProxyHeader()
  }

  onProxyHeader(header: ProxyHeader): void {
    this.#gate = null
    this.peer = this.address
    this.isDirect = false
    if (!header.local) {
      this.address = header.source
      this.port = header.sourcePort
      this.destination = header.destination
      this.destinationPort = header.destinationPort
    }
    const words = new Int32Array(ADDRESS_WORDS)
    parseAddress(this.address, words)
    const refused = this.edge.admission.enter(words, ticks(), this)
    if (refused !== ADMITTED) return this.#refuse(refused)
    this.source = hashSource(words)
    this.beginAdmitted()
  }

  /** The address was admitted and is counted; `source` and the place are filled in. */
  beginAdmitted(): void {
    const { mode, pool } = this.entrance.config
    if (mode === 'tcp') return this.#connect(pool)
    if (mode === 'http') return this.#speakHttp(this.socket)
    this.#gate = new Gate(this.toStreams(), this, this.edge.deadlines)
    this.#gate.readHello(this.edge.config.tls.helloTimeoutMs)
  }

  onHello(hello: ClientHello): void {
    this.#gate = null
    this.#hello = hello
    this.serverName = hello.serverName
    const { config, routes, tls } = this.entrance
    const pool = routeServerName(routes, hello.serverName, config.pool)
    // Of https each request says where it goes.
    if (pool === -1 && config.mode !== 'https') return this.#refuse(UNKNOWN_SERVER_NAME)
    if (tls === null) {
      const refused = this.#askFingerprint()
      if (refused !== ADMITTED) return this.#refuse(refused)
      this.#letGoOfHello()
      return this.#connect(pool)
    }

    const tlsConfig = this.edge.config.tls
    const versionKnown =
      hello.supportsTls13 || (hello.supportsTls12 && tlsConfig.profile !== 'modern')
    if (!versionKnown) return this.#refuse(TLS_VERSION)
    const context = tls.pick(hello.serverName, hello.ticketName)
    if (context === null) return this.#refuse(UNKNOWN_SERVER_NAME)
    const isTicketOurs = tls.isTicketOurs && !hello.isRetried
    const believed = isTicketOurs && this.edge.admission.believesTicket(this, ticks())
    const refused = this.#askHandshake(believed)
    if (refused !== ADMITTED) return this.#refuse(refused)

    this.#pool = pool
    this.edge.deadlines.set(this.#deadline, tlsConfig.handshakeTimeoutMs)
    const begin = (): boolean => {
      if (this.#finished) return false
      const { alpn, clientCertificate: rule } = this.entrance
      this.handshake = new Handshake(this.toStreams(), hello, context, alpn, this, rule)
      this.handshake.start()
      // Node reads the hello in the next tick, which it has asked for by now.
      if (isTicketOurs) process.nextTick(settleTicket, this, this.slot, believed)
      return true
    }
    if (believed) begin()
    else this.edge.handshakeTurns.take(this.edge.overload.knowsSlot(this.slot), begin)
  }

  /** @param resumes is charged to no budget, then */
  #askHandshake(resumes: boolean): number {
    if (resumes) return this.#askFingerprint()
    const { admission } = this.edge
    return (
      admission.handshake(this, ticks()) ||
      this.#askFingerprint() ||
      admission.hostHandshake(this, ticks())
    )
  }

  #askFingerprint(): number {
    const { admission } = this.edge
    return admission.asksFingerprint ? admission.fingerprint(this.ja4, this, ticks()) : ADMITTED
  }

  /** Its name. */
  get listener(): string {
    return this.entrance.config.name
  }

  /** What software the client is, by its hello; '' where there was none, or nobody needed it in time. */
  get ja4(): string {
    if (this.#hello !== null) {
      this.#ja4 = this.#hello.ja4
      this.#hello = null
    }
    return this.#ja4
  }

  /** Its hello holds the bytes it was read from: not for the life of a connection. */
  #letGoOfHello(): void {
    if (this.edge.keepsFingerprints) this.edge.notes.fingerprint(this.ja4, 0)
    this.#hello = null
  }

  onGateRefused(refused: number): void {
    this.#gate = null
    this.#refuse(refused)
  }

  onGateClosed(): void {
    this.#gate = null
    this.#finish('client-gone', 'closed before it said enough')
  }

  onSecure(): void {
    this.#letGoOfHello()
    this.edge.deadlines.clear(this.#deadline)
    this.handshake?.count(this.edge.slice, this.edge.at)
    const { socket } = this.handshake!
    const { clientCertificate } = this.entrance
    const { identity, refused, cause } = readPeerCertificate(socket, clientCertificate)
    this.peerIdentity = identity
    this.cause = cause
    if (refused !== ADMITTED) return this.#refuse(refused)
    if (this.entrance.config.mode === 'https') this.#speakHttp(socket)
    else this.#connect(this.#pool)
  }

  onHandshakeFailed(cause: string): void {
    this.handshake?.countFailure(this.edge.slice, this.edge.at)
    this.#finish('handshake-failed', cause)
  }

  onSecureClosed(): void {
    if (this.#linger !== null) this.#finish('finished', '')
    else if (this.tunnel === null && this.http === null) this.#finish('client-gone', '')
  }

  #speakHttp(socket: Socket | PlainSocket): void {
    const { readBuffers, config } = this.edge
    if (socket instanceof PlainSocket) {
      this.http = new FirstBytes(this, socket, this.readBuffer!, this.#deadline)
      return this.http.start()
    }
    if (this.handshake !== null) {
      this.readBuffer = TlsReadBuffer.attach(this.handshake.socket, readBuffers)
    }
    this.http = new Http1Session(this, socket, this.entrance.httpRoutes!, this.readBuffer)
    this.http.start(config.http.headTimeoutMs)
  }

  /** The last response is written: waits for the client to have read it (RFC 9112 §9.6). */
  closeHttp(): void {
    if (this.#finished) return
    const socket = this.handshake?.socket ?? this.socket
    this.#linger = new Linger(socket, this.socket, this.edge.config.http)
    this.edge.deadlines.set(this.#deadline, LINGER_MS)
    socket.end()
    socket.resume()
  }

  #endLinger(linger: Linger): void {
    if (linger.isOver()) this.#finish(linger.isOut ? 'finished' : 'client-slow', '')
    else this.edge.deadlines.set(this.#deadline, LINGER_MS)
  }

  /** Ends it, for who has the word now. */
  end(how: EndingName, cause: string): void {
    this.#finish(how, cause)
  }

  /** Ends without a word; see turn-away.ts for the action. */
  turnAway(action: number, cause: string): void {
    this.#isTaken = true
    this.edge.turnAway.take(action, this.socket, this.handshake?.socket ?? this.socket)
    this.#finish('refused', cause)
  }

  /** What a tunnel is made of: from here on its bytes come and go as streams. */
  toStreams(): Socket {
    if (this.socket instanceof PlainSocket) {
      this.socket = this.socket.toNodeSocket()
      this.socket[SESSION] = this
      listen(this.socket, TcpSession.#clientListeners)
    }
    return this.handshake?.socket ?? this.socket
  }

  /** A protocol was switched: the place at the backend is the session's from here on. */
  tunnelTo(dialed: Dialed, pool: Pool, backend: number): void {
    this.#backend = new TunnelBackend(this, pool, this.#deadline, backend)
    this.http = null
    this.#tunnel(dialed)
  }

  /** Adds what it holds now. */
  hold(held: Held): void {
    const socket = this.handshake?.socket ?? this.socket
    held.fromClient += socket.readableLength + (this.readBuffer?.size ?? 0)
    held.toClient += socket.writableLength
    if (this.#gate !== null) held.fromClient += this.#gate.size
    this.http?.hold(held)
    this.tunnel?.hold(held)
  }

  /** weir is stopping: what runs goes on, what waits for a next request ends. */
  drain(): void {
    this.http?.drain()
  }

  get isHttp(): boolean {
    return this.http !== null
  }

  /** Steps since its last byte, of a session that waits for its client; -1 for one that is at work. */
  idleSteps(): number {
    const { now } = this.edge.deadlines
    if (this.http !== null) return this.http.idleSteps(now)
    return this.tunnel === null ? -1 : now - this.#deadline.since
  }

  /** To make room for others. @param cause which victim it is */
  evict(cause: string): void {
    this.#isEvicted = true
    // Who waits between requests may still read the last response.
    if (this.idleSteps() !== -1 && this.http !== null) this.http.drain()
    else this.#finish('evicted', cause)
  }

  #connect(pool: number): void {
    this.#backend = new TunnelBackend(this, this.edge.pools[pool]!, this.#deadline, -1)
    this.#backend.onTurn()
  }

  onConnected(dialed: Dialed): void {
    this.ending = 'finished'
    this.cause = ''
    this.#tunnel(dialed)
  }

  #tunnel(dialed: Dialed): void {
    const { deadlines, config } = this.edge
    this.tunnel = new Tunnel(this.toStreams(), dialed, this)
    deadlines.set(this.#deadline, config.idleTimeoutMs)
    this.handshake?.leave()
    this.tunnel.start()
  }

  /** Bytes of what it sends. */
  countReceived(count: number): void {
    this.edge.slice[this.edge.at.bytesReceived + this.entrance.index]! += count
  }

  onClientBytes(count: number): void {
    const { deadlines, config } = this.edge
    this.countReceived(count)
    deadlines.set(this.#deadline, config.idleTimeoutMs)
  }

  onBackendBytes(count: number): void {
    const { slice, at, deadlines, config } = this.edge
    slice[at.bytesSent + this.entrance.index]! += count
    deadlines.set(this.#deadline, config.idleTimeoutMs)
  }

  onTunnelDone(): void {
    const { bytesFromClient, bytesFromBackend } = this.tunnel!
    if (bytesFromClient > 0 && bytesFromBackend > 0) this.edge.goodRecord.earn(this.slot, ticks())
    this.#finish('finished', '')
  }

  onClientBroke(cause: string): void {
    this.#finish('client-reset', cause)
  }

  onBackendBroke(cause: string, untouched: boolean): void {
    const backend = this.#backend!
    if (!untouched || !backend.mayRetry) return this.#finish('backend-reset', cause)
    // It took the connection and died before a byte was said: as good as a failed dial.
    this.tunnel = null
    this.handshake?.hear()
    this.edge.deadlines.clear(this.#deadline)
    backend.onDialFailed('WEIR_CONNECT_FAILED', cause)
  }

  /** The drain is over: cuts what still runs. */
  cut(): void {
    this.#finish('drained', '')
  }

  onDeadline(): void {
    if (this.#linger !== null) return this.#endLinger(this.#linger)
    if (this.http instanceof FirstBytes) return this.http.onDeadline()
    if (this.tunnel !== null) return this.#finish('idle-timeout', '')
    if (this.#backend?.isWaiting) return this.#finish('queue-timeout', '')
    this.handshake?.timedOut()
    this.handshake?.countFailure(this.edge.slice, this.edge.at)
    this.#finish('handshake-timeout', '')
  }

  /** Until the tunnel or the handshake listens. */
  static readonly #clientListeners = {
    error(this: ClientSocket, error: NodeJS.ErrnoException): void {
      this[SESSION]!.#clientGone(error.code ?? error.message)
    },
    close(this: ClientSocket): void {
      this[SESSION]!.#clientGone('')
    },
  }

  #clientGone(cause: string): void {
    if (this.#linger !== null) this.#finish('finished', '')
    else if (this.tunnel === null && this.handshake === null && this.http === null) {
      this.#finish('client-gone', cause)
    }
  }

  #refuse(refused: number): void {
    this.refused = refused
    const { slice, at } = this.edge
    slice[at.refused + this.entrance.index * REASONS + refused]!++
    this.edge.admission.penalize(this, refused, ticks())
    this.edge.notes.session(this, refused)
    // After a handshake it is closed by the end alone: a reset under the TLS socket ends the process (SIGSEGV).
    if (this.handshake === null) this.edge.turnAway.beforeTls(this.toStreams(), refused)
    this.#finish('refused', this.cause)
  }

  #finish(ended: EndingName, cause: string): void {
    if (this.#finished) return
    this.#finished = true
    const { edge, entrance } = this
    const how = this.#isEvicted ? 'evicted' : ended
    this.ending = how
    this.cause = cause
    edge.deadlines.clear(this.#deadline)
    this.#gate?.cancel()
    this.http?.abort()
    this.tunnel?.cut()
    this.readBuffer?.release(false)
    if (!this.#isTaken) this.#closeSockets(how)
    this.#backend?.stop()
    edge.admission.leave(this)
    edge.sessions.delete(this)
    const { slice, at } = edge
    slice[at.ended + entrance.index * ENDINGS + ending(how)]!++
    edge.log.session(this)
  }

  #closeSockets(how: EndingName): void {
    this.handshake?.socket.destroy()
    // Reset, so that a client does not take a failure for an answer of no bytes; a session that
    // finished is closed by now, a refused one has got its answer, and the end of a last response may
    // still lie in the kernel, which a reset would throw away.
    if (this.handshake !== null || this.#linger !== null) this.socket.destroy()
    else if (how !== 'refused') reset(this.socket)
  }
}

/** Whether the client resumed is known once TLS has read its hello, long before the handshake is over. */
function settleTicket({ edge, handshake }: TcpSession, slot: number, believed: boolean): void {
  const resumed = handshake!.isResumption ?? false
  if (!resumed) edge.slice[edge.at.falseTickets]!++
  edge.admission.settleTicket(slot, believed, resumed, ticks())
}
