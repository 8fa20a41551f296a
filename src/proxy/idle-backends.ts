/**
 * Connections to backends that wait for the next request: the last used first, few and not for long.
 *
 * Those of pools that pipeline may be shared by the requests of one turn of the event loop: all are written
 * at its end, at once.
 *
 * What was opened before a backend was in doubt, or had another address, is not used again: neither
 * what waits then nor what comes back later.
 */
import { performance } from 'node:perf_hooks'
import type { PoolConfig } from '../config/config.ts'
import { type Deadlines, STEP_MS } from '../transport/deadlines.ts'
import type { BackendKeeper, Http1Backend } from './http1-backend.ts'

/** How many are kept and how long: a pool's settings. */
export type IdleLimits = Pick<PoolConfig, 'backendIdleMax' | 'backendIdleMs' | 'backendMaxAgeMs'>

/** A step of the wheel that never comes: 1.7 years. */
const NEVER = 0x3fff_ffff

export class IdleBackends implements BackendKeeper {
  readonly #kept: Http1Backend[][]
  /** What was opened before is not used; by backend, ms. */
  readonly #purgedMs: Float64Array
  /** By backend: the one that gathers requests in this turn. */
  readonly #gathering: (Http1Backend | null)[]
  readonly #toFlush: Http1Backend[] = []
  readonly #limits: readonly IdleLimits[]
  readonly #deadlines: Deadlines
  readonly #flush = (): void => this.#flushAll()

  /** @param limits by backend */
  constructor(limits: readonly IdleLimits[], deadlines: Deadlines) {
    this.#kept = limits.map(() => [])
    this.#purgedMs = new Float64Array(limits.length)
    this.#gathering = limits.map(() => null)
    this.#limits = limits
    this.#deadlines = deadlines
  }

  /** @returns null if there is none */
  take(backend: number): Http1Backend | null {
    const kept = this.#kept[backend]!
    for (let connection = kept.pop(); connection !== undefined; connection = kept.pop()) {
      this.#deadlines.suspend(connection.deadline)
      if (this.#deadlines.now < connection.retireStep) return connection
      connection.destroy()
    }
    return null
  }

  /**
   * One that other requests of this turn use already.
   *
   * @param depth requests it may carry at once
   * @returns null if there is none, or it is full
   */
  join(backend: number, depth: number): Http1Backend | null {
    const connection = this.#gathering[backend]!
    return connection !== null && connection.isOpen && connection.depth < depth ? connection : null
  }

  /** What was queued on `connection` is written at the end of this turn; others may join it until then. */
  gather(connection: Http1Backend): void {
    if (this.#gathering[connection.backend] === connection) return
    this.#gathering[connection.backend] = connection
    if (this.#toFlush.push(connection) === 1) setImmediate(this.#flush)
  }

  /** Keeps it, or ends it where it is of no use, too old, or there are enough. */
  give(connection: Http1Backend): void {
    const kept = this.#kept[connection.backend]!
    const { backendIdleMax, backendIdleMs, backendMaxAgeMs } = this.#limits[connection.backend]!
    if (connection.retireStep === 0) {
      connection.retireStep = this.#retireStep(connection.openedMs, backendMaxAgeMs)
    }
    if (
      !connection.isReusable ||
      kept.length >= backendIdleMax ||
      this.#deadlines.now >= connection.retireStep ||
      connection.openedMs < this.#purgedMs[connection.backend]!
    ) {
      connection.destroy()
      return
    }
    this.#deadlines.set(connection.deadline, backendIdleMs)
    kept.push(connection)
  }

  forget(connection: Http1Backend): void {
    const kept = this.#kept[connection.backend]!
    const at = kept.indexOf(connection)
    if (at !== -1) kept.splice(at, 1)
  }

  /** Its answers have as long as an idle connection has. */
  abandon(connection: Http1Backend): void {
    const { backendIdleMs } = this.#limits[connection.backend]!
    this.#deadlines.set(connection.deadline, backendIdleMs)
  }

  adopt(connection: Http1Backend): void {
    this.#deadlines.suspend(connection.deadline)
  }

  /** Ends what is kept of `backend`; what is in use is not kept when it comes back. */
  purge(backend: number): void {
    // Not earlier than before: after clear() it is for good.
    this.#purgedMs[backend] = Math.max(this.#purgedMs[backend]!, performance.now())
    for (const connection of this.#kept[backend]!.splice(0)) connection.destroy()
  }

  /** Drain: none is kept any longer. */
  clear(): void {
    this.#purgedMs.fill(Infinity)
    for (const kept of this.#kept) for (const each of kept.splice(0)) each.destroy()
  }

  /** The step after the last in which it may be used. @param maxAgeMs 0 is no limit */
  #retireStep(openedMs: number, maxAgeMs: number): number {
    if (maxAgeMs === 0) return NEVER
    const leftMs = Math.max(0, openedMs + maxAgeMs - performance.now())
    return this.#deadlines.now + Math.floor(leftMs / STEP_MS)
  }

  #flushAll(): void {
    this.#gathering.fill(null)
    for (const connection of this.#toFlush.splice(0)) connection.flush()
  }
}
