/**
 * Passive detection: dials that fail one after the other eject a backend for a while.
 *
 * It needs no probe and no main thread: the worker that sees the failure decides, in shared memory.
 * Never more than a set share of a pool is ejected: if most of it fails, the fault lies elsewhere,
 * and sending on is better than sending nowhere.
 */
import { msToTicks } from '../core/clock.ts'
import type { BackendTable } from '../shared/backend-table.ts'

export interface OutlierOptions {
  /** Consecutive failures; 0 never ejects. */
  readonly ejectAfter: number
  readonly ejectMs: number
  readonly ejectMaxMs: number
  /** Percent. */
  readonly ejectShareMax: number
}

export class Outlier {
  readonly #backends: BackendTable
  readonly #first: number
  readonly #size: number
  readonly #options: OutlierOptions

  constructor(backends: BackendTable, first: number, size: number, options: OutlierOptions) {
    this.#backends = backends
    this.#first = first
    this.#size = size
    this.#options = options
  }

  succeeded(backend: number): void {
    this.#backends.clearFailures(backend)
  }

  /** @returns whether this failure ejected the backend */
  failed(backend: number, now: number): boolean {
    const { ejectAfter, ejectMs, ejectMaxMs } = this.#options
    const failures = this.#backends.addFailure(backend)
    if (ejectAfter === 0 || failures < ejectAfter || !this.#mayEject(now)) return false
    const doublings = Math.min(this.#backends.ejections(backend), 16)
    const ms = Math.min(ejectMs * 2 ** doublings, ejectMaxMs)
    return this.#backends.eject(backend, (now + msToTicks(ms)) | 0)
  }

  #mayEject(now: number): boolean {
    let ejected = 0
    for (let i = this.#first; i < this.#first + this.#size; i++) {
      if (this.#backends.isEjected(i, now)) ejected++
    }
    return (ejected + 1) * 100 <= this.#options.ejectShareMax * this.#size
  }
}
