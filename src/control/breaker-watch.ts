/**
 * Tells the log when a circuit breaker opens and closes: the workers change it, main only looks.
 *
 * It sees the state a few times a second. What changed and changed back in between is in the count of
 * openings, which the line of an opening has.
 */
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { type BreakerTable, breakerStates, CLOSED, OPEN } from '../shared/breaker-table.ts'

const SWEEP_MS = 200

/** One backend under watch. */
interface Watched {
  readonly backend: number
  readonly facts: { readonly pool: string; readonly backend: string }
  state: number
  opens: number
}

export class BreakerWatch {
  readonly #breakers: BreakerTable
  readonly #log: Logger
  readonly #watched: Watched[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(config: Config, breakers: BreakerTable, log: Logger) {
    this.#breakers = breakers
    this.#log = log
    let backend = 0
    for (const pool of config.pools) {
      for (const { name } of pool.backends) {
        const facts = { pool: pool.name, backend: name }
        if (pool.breaker.errors !== 0) {
          this.#watched.push({ backend, facts, state: CLOSED, opens: 0 })
        }
        backend++
      }
    }
  }

  /** Nothing, where no pool has breakers. */
  start(): void {
    if (this.#watched.length > 0) this.#timer = setInterval(() => this.sweep(), SWEEP_MS)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  sweep(): void {
    for (const each of this.#watched) {
      const state = this.#breakers.state(each.backend)
      const opens = this.#breakers.opensTotal(each.backend)
      if (opens !== each.opens) this.#log.warn({ ...each.facts, opens }, 'circuit breaker opened')
      // An opening has its line already.
      if (state !== each.state && state !== OPEN) {
        this.#log.info(each.facts, `circuit breaker is ${breakerStates[state]!}`)
      }
      each.state = state
      each.opens = opens
    }
  }
}
