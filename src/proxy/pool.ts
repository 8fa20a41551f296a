/**
 * A pool as one worker sees it: chooses a backend, counts what it sends there, and keeps the line of
 * those who wait for one below its limit.
 */
import { ALL_FULL, ALL_LIMITED, ALL_OPEN, type Candidates } from '../balance/candidates.ts'
import type { Balancer } from '../balance/balancer.ts'
import type { Breaker } from '../balance/breaker.ts'
import type { Concurrency } from '../balance/concurrency.ts'
import type { Outlier } from '../balance/outlier.ts'
import { RetryBudget } from '../balance/retry-budget.ts'
import { ticks } from '../core/clock.ts'
import type { PoolConfig } from '../config/config.ts'
import type { BackendTable } from '../shared/backend-table.ts'
import type { DialTarget } from '../transport/dial.ts'
import { NO_WISH, type Sticky } from './sticky.ts'

/** `take()`: no backend is up, or all that are up failed this session already. */
export const NO_BACKEND = -1
/** `take()`: every backend that is up is at its limit. */
export const WAIT = -2
/** `take()`: the circuit breaker of every backend that is up is open. */
export const CIRCUIT_OPEN = -3
/** `take()`: WAIT, and the adaptive limit is what is waited for. */
export const LIMITED = -4

/** A session in the line. */
export interface Waiter {
  /** A place may be free: take one, or call `wait()` again. */
  onTurn(): void
}

export interface PoolParts {
  readonly config: PoolConfig
  /** Index of the pool's first backend among all. */
  readonly first: number
  readonly targets: readonly DialTarget[]
  readonly candidates: Candidates
  readonly balancer: Balancer
  readonly outlier: Outlier
  /** null where there is none. */
  readonly breaker: Breaker | null
  /** null where there is no adaptive limit. */
  readonly concurrency: Concurrency | null
  /** null where clients have no cookie. */
  readonly sticky: Sticky | null
  readonly backends: BackendTable
  readonly worker: number
}

/** Of descriptors, ports or memory. With none of them left no backend can be dialed, and all would be ejected. */
const LACKS: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
  'ENOMEM',
])

export class Pool {
  readonly config: PoolConfig
  readonly sticky: Sticky | null
  readonly retryBudget: RetryBudget
  /** Its backends are the numbers from `first` to before `end`. */
  readonly first: number
  readonly end: number
  readonly #parts: PoolParts
  /** Whether somebody counts who waits for a response: `sent()` and `settled()` are called then. */
  readonly countsWaiting: boolean
  /** Whether answers are of any interest. */
  readonly #watches: boolean
  /** First come, first served; a Set, because those who leave may stand anywhere. */
  readonly #line = new Set<Waiter>()
  #isStepDue = false
  readonly #stepNow = (): void => {
    this.#isStepDue = false
    this.step()
  }

  constructor(parts: PoolParts) {
    this.config = parts.config
    this.sticky = parts.sticky
    this.retryBudget = new RetryBudget(parts.config.retryBudget)
    this.first = parts.first
    this.end = parts.first + parts.targets.length
    this.#parts = parts
    this.countsWaiting = parts.concurrency !== null
    this.#watches =
      parts.outlier.watchesAnswers || parts.breaker !== null || parts.concurrency !== null
  }

  /**
   * Chooses a backend and counts one connection on it.
   *
   * @param source hash of the client's address
   * @param tried  backends to leave out
   * @param wished where the client was before, or NO_WISH
   * @returns the backend, NO_BACKEND, WAIT, LIMITED or CIRCUIT_OPEN
   */
  take(source: number, tried: Int32Array, triedCount: number, wished = NO_WISH): number {
    const { candidates, balancer } = this.#parts
    if (wished !== NO_WISH && candidates.mayReturnTo(wished, ticks(), tried, triedCount)) {
      if (this.#enter(wished)) return wished
    }
    // Another worker may fill the chosen one in between; each turn then finds one candidate less.
    for (let turn = 0; turn <= candidates.list.length; turn++) {
      const count = candidates.collect(ticks(), tried, triedCount)
      if (count === ALL_FULL) return WAIT
      if (count === ALL_LIMITED) return LIMITED
      if (count <= 0) return count === ALL_OPEN ? CIRCUIT_OPEN : NO_BACKEND
      const backend = balancer.choose(candidates, source)
      if (this.#enter(backend)) return backend
    }
    return WAIT
  }

  #enter(backend: number): boolean {
    const { breaker, concurrency, backends, worker } = this.#parts
    if (!backends.enter(backend, worker)) return false
    if (concurrency === null || concurrency.enter(backend)) {
      if (breaker === null || breaker.enter(backend)) return true
      // Another worker's request is the trial.
      concurrency?.leave(backend)
    }
    backends.leave(backend, worker)
    return false
  }

  /** A request that was not whole when its backend was taken, and was `settled()` then, is: now it waits. */
  sent(backend: number): void {
    this.#parts.concurrency?.add(backend)
  }

  /** A request waits for `backend` no longer; it may still hold its place there. */
  settled(backend: number): void {
    this.#parts.concurrency?.leave(backend)
    if (this.#line.size === 0 || this.#isStepDue) return
    // Not at once: the exchange that settled is in the middle of a head. And for all that settle in this turn of the loop.
    this.#isStepDue = true
    queueMicrotask(this.#stepNow)
  }

  /** Gives a place back, and it to the first in the line. */
  leave(backend: number): void {
    this.#parts.backends.leave(backend, this.#parts.worker)
    if (this.#line.size > 0) this.#callFirst()
  }

  target(backend: number): DialTarget {
    return this.#parts.targets[backend - this.#parts.first]!
  }

  dialed(backend: number): void {
    this.#parts.outlier.dialed(backend)
  }

  /** @param cause the system's code: what weir lacks itself says nothing of the backend */
  dialFailed(backend: number, cause: string): void {
    if (LACKS.has(cause)) return
    this.#parts.outlier.dialFailed(backend, ticks())
    this.#parts.breaker?.failed(backend)
  }

  /**
   * The head of a response came from `backend`.
   *
   * @param ms since the request was whole; negative if it was not yet
   */
  answered(backend: number, status: number, ms: number): void {
    if (!this.#watches) return
    const { outlier, breaker, concurrency } = this.#parts
    outlier.answered(backend, status, ms, ticks())
    // Errors are often told at once: they would make a backend look fast that is not.
    if (status < SERVER_ERROR && ms >= 0) concurrency?.waited(backend, ms)
    if (breaker === null) return
    if (status >= SERVER_ERROR) breaker.failed(backend)
    else breaker.succeeded(backend)
  }

  /**
   * An exchange ended without an answer, by the fault of `backend`.
   *
   * @param ms it was waited for, which was too long; negative for what broke by itself
   */
  broke(backend: number, ms = -1): void {
    if (!this.#watches) return
    const { outlier, breaker, concurrency } = this.#parts
    outlier.broke(backend, ticks())
    if (ms >= 0) concurrency?.waited(backend, ms)
    breaker?.failed(backend)
  }

  /** Whether `backend` is in doubt, or gets no requests: connections to it are not kept. */
  isOut(backend: number): boolean {
    const { backends, breaker } = this.#parts
    if (breaker !== null && !breaker.isClosed(backend)) return true
    // One that drains goes on serving the clients it has.
    return this.sticky === null
      ? !backends.isUsable(backend, ticks())
      : !backends.isServing(backend, ticks())
  }

  /** Joins the line. @returns false if it is full */
  wait(waiter: Waiter): boolean {
    if (this.#line.size >= this.config.queueMax) return false
    this.#line.add(waiter)
    return true
  }

  /** Leaves the line; idempotent. */
  stopWaiting(waiter: Waiter): void {
    this.#line.delete(waiter)
  }

  get waiting(): number {
    return this.#line.size
  }

  /** Called each step of the wheel: another worker's session may have left a place. */
  step(): void {
    // As many as there are at most: one that finds nothing joins the end again.
    for (let left = this.#line.size; left > 0 && this.#isAnswerDue(); left--) this.#callFirst()
  }

  /** There is room, or every breaker has opened meanwhile. */
  #isAnswerDue(): boolean {
    const count = this.#parts.candidates.collect(ticks(), NONE, 0)
    return count > 0 || count === ALL_OPEN
  }

  #callFirst(): void {
    for (const waiter of this.#line) {
      this.#line.delete(waiter)
      waiter.onTurn()
      return
    }
  }
}

const SERVER_ERROR = 500
const NONE = new Int32Array(0)
