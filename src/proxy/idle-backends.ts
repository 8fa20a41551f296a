/**
 * Connections to backends that wait for the next request: the last used first, few and not for long.
 *
 * Those of pools that pipeline may be shared by the requests of one turn of the event loop: all are written
 * at its end, at once.
 */
import type { PoolConfig } from '../config/config.ts'
import type { Deadlines } from '../transport/deadlines.ts'
import type { BackendKeeper, Http1Backend } from './http1-backend.ts'

/** How many are kept and how long: a pool's settings. */
export type IdleLimits = Pick<PoolConfig, 'backendIdleMax' | 'backendIdleMs' | 'backendMaxAgeMs'>

export class IdleBackends implements BackendKeeper {
  readonly #kept: Http1Backend[][]
  /** By backend: the one that gathers requests in this turn. */
  readonly #gathering: (Http1Backend | null)[]
  readonly #toFlush: Http1Backend[] = []
  readonly #limits: readonly IdleLimits[]
  readonly #deadlines: Deadlines
  readonly #flush = (): void => this.#flushAll()

  /** @param limits by backend */
  constructor(limits: readonly IdleLimits[], deadlines: Deadlines) {
    this.#kept = limits.map(() => [])
    this.#gathering = limits.map(() => null)
    this.#limits = limits
    this.#deadlines = deadlines
  }

  /** @returns null if there is none */
  take(backend: number): Http1Backend | null {
    const connection = this.#kept[backend]!.pop()
    if (connection === undefined) return null
    this.#deadlines.clear(connection.deadline)
    return connection
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

  /** Keeps it, or ends it where it is of no use or there are enough. */
  give(connection: Http1Backend): void {
    const kept = this.#kept[connection.backend]!
    const { backendIdleMax, backendIdleMs, backendMaxAgeMs } = this.#limits[connection.backend]!
    const tooOld =
      backendMaxAgeMs !== 0 && performance.now() - connection.openedMs >= backendMaxAgeMs
    if (!connection.isReusable || tooOld || kept.length >= backendIdleMax) {
      connection.destroy()
      return
    }
    this.#deadlines.set(connection.deadline, backendIdleMs)
    kept.push(connection)
  }

  forget(connection: Http1Backend): void {
    this.#deadlines.clear(connection.deadline)
    const kept = this.#kept[connection.backend]!
    const at = kept.indexOf(connection)
    if (at !== -1) kept.splice(at, 1)
  }

  /** Drain: none is kept any longer. */
  clear(): void {
    for (const kept of this.#kept) {
      for (const connection of kept.splice(0)) {
        this.#deadlines.clear(connection.deadline)
        connection.destroy()
      }
    }
  }

  #flushAll(): void {
    this.#gathering.fill(null)
    for (const connection of this.#toFlush.splice(0)) connection.flush()
  }
}
