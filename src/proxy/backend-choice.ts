/**
 * Choose and connect, two steps of an exchange: a backend with room, or a place in the line for one; then a kept
 * connection to it, or a new one. Where a dial fails another backend is tried, for nothing was sent.
 */
import { performance } from 'node:perf_hooks'
import type { FaultCode } from '../core/errors.ts'
import type { FaultName } from '../core/faults.ts'
import { counterRows, observe } from '../shared/counters.ts'
import { Dial, type Dialed, type DialOwner } from '../transport/dial.ts'
import type { Edge } from './edge.ts'
import type { Exchange } from './exchange.ts'
import { Http1Backend } from './http1-backend.ts'
import type { Http1Session } from './http1-session.ts'
import { isIdempotent, isShareable } from './methods.ts'
import { CIRCUIT_OPEN, LIMITED, NO_BACKEND, type Pool, WAIT, type Waiter } from './pool.ts'
import { proxyHeaderFor } from './proxy-header.ts'
import type { BackendFailure } from './response-owner.ts'

export class BackendChoice implements Waiter, DialOwner {
  /** The backend the exchange is counted on; -1 for none. */
  backend = -1
  readonly #exchange: Exchange
  readonly #session: Http1Session
  readonly #edge: Edge
  readonly #pool: Pool
  readonly #wished: number
  /** Backends that failed the exchange. */
  #tried: Int32Array = NONE_TRIED
  #triedCount = 0
  /** Tries after the first. */
  #retries = 0
  #dial: Dial | null = null
  #dialedMs = 0
  #waiting = false
  #waitingSinceMs = 0
  /** What it waits for in the line is the adaptive limit. */
  #limited = false
  /** It counts as one that waits for its response. */
  #isCounted = false

  /** @param wished the backend the client was on; see sticky.ts */
  constructor(exchange: Exchange, session: Http1Session, pool: Pool, wished: number) {
    this.#exchange = exchange
    this.#session = session
    this.#edge = session.edge
    this.#pool = pool
    this.#wished = wished
  }

  /** Whether it stands in the line. */
  get isWaiting(): boolean {
    return this.#waiting
  }

  /** Why there is no place in the line, or none came free in time. */
  lineFault(isFull: boolean): FaultName {
    if (this.#limited) return 'adaptive-concurrency'
    return isFull ? 'queue-full' : 'queue-timeout'
  }

  /** Whether another backend may be tried. */
  get mayRetry(): boolean {
    return this.#retries < this.#pool.config.retries
  }

  /** Once something went wrong with an exchange it shares its connection with no other. */
  get isRetry(): boolean {
    return this.#retries > 0
  }

  /** Whether the request may stand in line with others on one connection. */
  get mayShare(): boolean {
    const { head } = this.#exchange
    const { pipeline, sendProxy } = this.#pool.config
    return (
      pipeline > 1 &&
      sendProxy === 'off' &&
      isShareable(head.method) &&
      !head.hasBody &&
      !head.upgrade &&
      !this.isRetry
    )
  }

  /**
   * Whether a backend that broke may be followed by another: doing it twice must be doing it once, and nobody may
   * have seen a part of the answer.
   *
   * @param requestWhole all of the request was sent
   */
  mayAskAgain({ answering, blame }: BackendFailure, requestWhole: boolean): boolean {
    const { head, bytesReceived } = this.#exchange
    if (answering || bytesReceived > 0 || !isIdempotent(head.method)) return false
    // With a body that is whole, empty chunks for one, there is nothing left to send again.
    if (head.hasBody && requestWhole) return false
    if (!this.mayRetry) return false
    // Kept connections end now and then; each of them costs one try at most.
    return !blame || this.#pool.retryBudget.take(performance.now())
  }

  /** Takes a backend, or a place in the line. */
  onTurn(): void {
    const pool = this.#pool
    const { source } = this.#exchange.client
    const backend = pool.take(source, this.#tried, this.#triedCount, this.#wished)
    this.#limited = backend === LIMITED
    if (backend === WAIT || backend === LIMITED) return this.#wait(pool)
    this.#stopWaiting()
    if (backend === CIRCUIT_OPEN) return this.#exchange.onCircuitOpen()
    if (backend === NO_BACKEND) return this.#exchange.onNoBackend()
    this.#exchange.tries++
    this.backend = backend
    if (pool.countsWaiting) {
      this.#isCounted = true
      // Until all of it is sent the client is waited for: one that sends slowly would hold a place for nothing.
      if (this.#exchange.head.hasBody) this.#settle()
    }
    this.#connect(pool, backend)
  }

  /** The body is whole. */
  sent(): void {
    if (!this.#pool.countsWaiting || this.#isCounted || this.backend === -1) return
    this.#isCounted = true
    this.#pool.sent(this.backend)
  }

  /** @param ms since the request was whole; negative if it was not yet */
  answered(status: number, ms: number): void {
    this.#pool.answered(this.backend, status, ms)
    this.#settle()
  }

  #settle(): void {
    if (!this.#isCounted) return
    this.#isCounted = false
    this.#pool.settled(this.backend)
  }

  /** @param avoid leave out the backend that was tried last */
  again(avoid: boolean): void {
    this.#retries++
    if (avoid) {
      if (this.#tried === NONE_TRIED) this.#tried = new Int32Array(this.#pool.config.retries)
      this.#tried[this.#triedCount++] = this.backend
    }
    this.leave()
    this.onTurn()
  }

  /** Gives the place at the backend back; idempotent. */
  leave(): void {
    if (this.backend === -1) return
    this.#settle()
    const { backend } = this
    this.backend = -1
    this.#pool.leave(backend)
  }

  /** The place is somebody else's now: that of a tunnel. */
  handOver(): number {
    const { backend } = this
    this.backend = -1
    return backend
  }

  /** The exchange is over, or gives up; idempotent. */
  stop(): void {
    this.#stopWaiting()
    this.#dial?.cancel()
    this.#dial = null
    this.leave()
  }

  onDialFailed(code: FaultCode, cause: string): void {
    this.#dial = null
    this.#edge.slice[this.#edge.at.dialsFailed + this.backend]!++
    this.#pool.dialFailed(this.backend, cause)
    const timedOut = code === 'WEIR_CONNECT_TIMEOUT'
    this.#exchange.onDialFailed(timedOut, cause)
  }

  onDialed(dialed: Dialed): void {
    this.#dial = null
    const { slice, at, idleBackends } = this.#edge
    const { buckets } = counterRows.dialSeconds
    const ms = performance.now() - this.#dialedMs
    this.#exchange.connectMs = ms
    observe(slice, at.dialSeconds + this.backend * (buckets.length + 2), buckets, ms / 1000)
    this.#pool.dialed(this.backend)
    this.#exchange.onConnected(new Http1Backend(this.backend, dialed, idleBackends))
  }

  #connect(pool: Pool, backend: number): void {
    const exchange = this.#exchange
    const { slice, at, idleBackends } = this.#edge
    const target = pool.target(backend)
    exchange.backendName = target.name
    const shared = this.mayShare ? idleBackends.join(backend, pool.config.pipeline) : null
    const kept = shared ?? idleBackends.take(backend)
    if (kept !== null) {
      slice[at.backendReuses + backend]!++
      return exchange.onConnected(kept)
    }
    exchange.dials++
    slice[at.dials + backend]!++
    exchange.waitFor(0)
    this.#dialedMs = performance.now()
    this.#dial = new Dial(target, this, this.#edge.deadlines)
    const header = proxyHeaderFor(this.#session.client, pool.config.sendProxy)
    this.#dial.start(header, this.#edge.readBuffers, false)
  }

  #wait(pool: Pool): void {
    if (!pool.wait(this)) return this.#exchange.onQueueFull()
    if (this.#waiting) return
    this.#waiting = true
    this.#waitingSinceMs = performance.now()
    this.#edge.slice[this.#edge.at.queued]!++
    this.#exchange.waitFor(pool.config.queueTimeoutMs)
  }

  #stopWaiting(): void {
    if (!this.#waiting) return
    this.#waiting = false
    this.#pool.stopWaiting(this)
    this.#exchange.queuedMs += performance.now() - this.#waitingSinceMs
  }
}

const NONE_TRIED = new Int32Array(0)
