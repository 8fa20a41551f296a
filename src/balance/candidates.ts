/**
 * The backends of one pool that could take a connection now.
 *
 * Backups stand in only when no other backend is usable: one that is merely full is waited for.
 */
import type { BackendTable } from '../shared/backend-table.ts'
import type { Breaker } from './breaker.ts'
import type { Concurrency } from './concurrency.ts'

/** Why there are none. */
export const NONE_UP = -1
export const ALL_FULL = -2
/** Those that are up are spared by their circuit breakers. */
export const ALL_OPEN = -3
/** As many requests wait for one at least as its adaptive limit lets wait, and the others are full. */
export const ALL_LIMITED = -4

export class Candidates {
  /** Backends; the first {@link count} are valid. */
  readonly list: Int32Array
  count = 0
  readonly #backends: BackendTable
  readonly #first: number
  readonly #end: number
  readonly #breaker: Breaker | null
  readonly #concurrency: Concurrency | null

  /**
   * The pool is the backends from `first` to before `first + size`.
   *
   * @param breaker     null where there is none
   * @param concurrency null where there is no adaptive limit
   */
  constructor(
    backends: BackendTable,
    first: number,
    size: number,
    breaker: Breaker | null,
    concurrency: Concurrency | null = null,
  ) {
    this.#backends = backends
    this.#first = first
    this.#end = first + size
    this.#breaker = breaker
    this.#concurrency = concurrency
    this.list = new Int32Array(size)
  }

  /**
   * Looks at the whole pool.
   *
   * @param tried backends that failed this session already, and how many of them
   * @param now   ticks
   * @returns how many there are, or NONE_UP, ALL_FULL, ALL_LIMITED or ALL_OPEN
   */
  collect(now: number, tried: Int32Array, triedCount: number): number {
    const found = this.#collectRole(false, now, tried, triedCount)
    if (found > 0 || found === ALL_FULL || found === ALL_LIMITED) return found
    const spare = this.#collectRole(true, now, tried, triedCount)
    return spare === NONE_UP ? found : spare
  }

  /**
   * Whether a client that was with `backend` before may go there again: a backend that drains keeps its
   * clients, and a backup those it got when it stood in.
   */
  mayReturnTo(backend: number, now: number, tried: Int32Array, triedCount: number): boolean {
    return (
      this.#backends.isServing(backend, now) &&
      !this.#backends.isFull(backend) &&
      (this.#concurrency === null || !this.#concurrency.isFull(backend)) &&
      !includes(tried, triedCount, backend) &&
      (this.#breaker === null || this.#breaker.allows(backend))
    )
  }

  #collectRole(backup: boolean, now: number, tried: Int32Array, triedCount: number): number {
    const backends = this.#backends
    const breaker = this.#breaker
    const concurrency = this.#concurrency
    let count = 0
    let full = false
    let limited = false
    let open = false
    for (let backend = this.#first; backend < this.#end; backend++) {
      if (backends.isBackup(backend) !== backup || !backends.isUsable(backend, now)) continue
      if (includes(tried, triedCount, backend)) continue
      if (breaker !== null && !breaker.allows(backend)) open = true
      else if (backends.isFull(backend)) full = true
      else if (concurrency !== null && concurrency.isFull(backend)) limited = true
      else this.list[count++] = backend
    }
    this.count = count
    if (count > 0) return count
    if (limited) return ALL_LIMITED
    if (full) return ALL_FULL
    return open ? ALL_OPEN : NONE_UP
  }
}

function includes(list: Int32Array, count: number, value: number): boolean {
  for (let i = 0; i < count; i++) if (list[i] === value) return true
  return false
}
