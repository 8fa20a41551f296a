/**
 * Choose and connect, for a session whose bytes go as they are: a backend with room, or a place in the line for one;
 * then a dial. Where it fails another backend is tried, for nothing was sent.
 */
import { performance } from 'node:perf_hooks'
import type { FaultCode } from '../core/errors.ts'
import { counterRows, observe } from '../shared/counters.ts'
import type { Deadline } from '../transport/deadlines.ts'
import { Dial, type Dialed, type DialOwner } from '../transport/dial.ts'
import type { Edge } from './edge.ts'
import { NO_BACKEND, type Pool, WAIT, type Waiter } from './pool.ts'
import { proxyHeaderFor } from './proxy-header.ts'
import type { TcpSession } from './tcp-session.ts'

/** Backends one session is tried on. */
const DIALS_MAX = 4

export class TunnelBackend implements Waiter, DialOwner {
  readonly #session: TcpSession
  readonly #edge: Edge
  readonly #pool: Pool
  /** Of the wait in the line. */
  readonly #deadline: Deadline
  /** The backend the session is counted on; -1 for none. */
  #backend: number
  /** Backends that failed; made when the first one did. */
  #tried: Int32Array = NONE_TRIED
  #dial: Dial | null = null
  #dialedMs = 0
  #waitingSinceMs = 0

  /**
   * @param deadline the session's
   * @param backend a place that it has already; -1 if one is to be chosen
   */
  constructor(session: TcpSession, pool: Pool, deadline: Deadline, backend: number) {
    this.#session = session
    this.#edge = session.edge
    this.#pool = pool
    this.#deadline = deadline
    this.#backend = backend
    if (backend !== -1) session.backendName = pool.target(backend).name
  }

  /** Whether it stands in the line. */
  get isWaiting(): boolean {
    return this.#waitingSinceMs !== 0
  }

  /** Takes a backend, or a place in the line. */
  onTurn(): void {
    const session = this.#session
    const pool = this.#pool
    const backend = pool.take(session.source, this.#tried, session.dials)
    if (backend === WAIT) return this.#wait(pool)
    this.#stopWaiting()
    if (backend === NO_BACKEND) {
      return session.dials === 0
        ? session.end('no-backend', `no backend of pool ${pool.config.name} is up`)
        : session.end(session.ending, session.cause)
    }
    this.#backend = backend
    this.#connect(pool, backend)
  }

  onDialFailed(code: FaultCode, cause: string): void {
    const session = this.#session
    const backend = this.#backend
    this.#dial = null
    if (this.#tried === NONE_TRIED) this.#tried = new Int32Array(DIALS_MAX)
    this.#tried[session.dials - 1] = backend
    this.#edge.slice[this.#edge.at.dialsFailed + backend]!++
    this.#pool.dialFailed(backend, cause)
    this.#leave()
    session.ending = code === 'WEIR_CONNECT_TIMEOUT' ? 'connect-timeout' : 'connect-failed'
    session.cause = `${session.backendName}: ${cause}`
    if (this.mayRetry) this.onTurn()
    else session.end(session.ending, session.cause)
  }

  onDialed(dialed: Dialed): void {
    const session = this.#session
    this.#dial = null
    session.connectedMs = performance.now()
    const { slice, at } = this.#edge
    const { buckets } = counterRows.dialSeconds
    const first = at.dialSeconds + this.#backend * (buckets.length + 2)
    observe(slice, first, buckets, (session.connectedMs - this.#dialedMs) / 1000)
    this.#pool.dialed(this.#backend)
    session.onConnected(dialed)
  }

  /** Whether another backend may be tried. */
  get mayRetry(): boolean {
    return this.#session.dials < DIALS_MAX
  }

  /** The session is over, or gives up; idempotent. */
  stop(): void {
    this.#stopWaiting()
    this.#dial?.cancel()
    this.#dial = null
    this.#leave()
  }

  #leave(): void {
    if (this.#backend === -1) return
    const backend = this.#backend
    this.#backend = -1
    this.#pool.leave(backend)
  }

  #connect(pool: Pool, backend: number): void {
    const session = this.#session
    const target = pool.target(backend)
    session.dials++
    session.backendName = target.name
    this.#dialedMs = performance.now()
    this.#edge.slice[this.#edge.at.dials + backend]!++
    this.#dial = new Dial(target, this, this.#edge.deadlines)
    const header = proxyHeaderFor(session, pool.config.sendProxy)
    // What goes to a client over TLS is encrypted at once.
    this.#dial.start(header, this.#edge.readBuffers, session.handshake !== null)
  }

  #wait(pool: Pool): void {
    if (!pool.wait(this)) {
      this.#stopWaiting()
      return this.#session.end('queue-full', `pool ${pool.config.name} has ${pool.waiting} waiting`)
    }
    if (this.#waitingSinceMs !== 0) return
    this.#waitingSinceMs = performance.now()
    this.#edge.slice[this.#edge.at.queued]!++
    this.#edge.deadlines.set(this.#deadline, pool.config.queueTimeoutMs)
  }

  #stopWaiting(): void {
    this.#pool.stopWaiting(this)
    if (this.#waitingSinceMs === 0) return
    this.#session.queuedMs += performance.now() - this.#waitingSinceMs
    this.#waitingSinceMs = 0
    this.#edge.deadlines.clear(this.#deadline)
  }
}

const NONE_TRIED = new Int32Array(0)
