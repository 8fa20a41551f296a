/** Connections to backends that wait for the next request: the last used first, few and not for long. */
import type { Deadlines } from '../transport/deadlines.ts'
import type { Http1Backend } from './http1-backend.ts'

/** Of its pool. */
export interface IdleOptions {
  /** Per backend. */
  readonly backendIdleMax: number
  readonly backendIdleMs: number
}

export class IdleBackends {
  readonly #kept: Http1Backend[][]
  readonly #deadlines: Deadlines

  constructor(backends: number, deadlines: Deadlines) {
    this.#kept = Array.from({ length: backends }, () => [])
    this.#deadlines = deadlines
  }

  /** @returns null if there is none */
  take(backend: number): Http1Backend | null {
    const connection = this.#kept[backend]!.pop()
    if (connection === undefined) return null
    this.#deadlines.clear(connection.deadline)
    return connection
  }

  /** Keeps it, or ends it where it is of no use or there are enough. */
  give(connection: Http1Backend, { backendIdleMax, backendIdleMs }: IdleOptions): void {
    const kept = this.#kept[connection.backend]!
    if (!connection.isReusable || kept.length >= backendIdleMax) {
      connection.destroy()
      return
    }
    connection.rest(() => this.#forget(connection))
    this.#deadlines.set(connection.deadline, backendIdleMs)
    kept.push(connection)
  }

  /** Drain: none is kept any longer. */
  clear(): void {
    for (const kept of this.#kept) for (const connection of kept.splice(0)) connection.destroy()
  }

  #forget(connection: Http1Backend): void {
    this.#deadlines.clear(connection.deadline)
    const kept = this.#kept[connection.backend]!
    const at = kept.indexOf(connection)
    if (at !== -1) kept.splice(at, 1)
  }
}
