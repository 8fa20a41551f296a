/**
 * What was counted of routes and reasons a minute ago, so that what they do now can be told from all they ever did.
 *
 * A look every ten seconds, at two rows of counters, as long as there is somebody who may ask.
 */
import { performance } from 'node:perf_hooks'
import { labelValues } from '../shared/counters.ts'
import type { Shared } from '../shared/layout.ts'

const LOOK_MS = 10_000
const KEPT = 6
const METHODS = labelValues.method.length
const STATUSES = labelValues.status.length
const FAULTS = labelValues.fault.length

/** Sums over all workers, since the start. */
export interface Totals {
  readonly atMs: number
  /** By route, and class of status. */
  readonly requests: readonly (readonly number[])[]
  /** By route. */
  readonly faults: readonly number[]
  /** By reason, of all listeners. */
  readonly refused: readonly number[]
  readonly shadowed: readonly number[]
}

export class RouteSamples {
  readonly #shared: Shared
  readonly #kept: Totals[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(shared: Shared) {
    this.#shared = shared
    this.#kept.push(this.now())
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  /** The oldest that is kept: about a minute ago, or the start. */
  get before(): Totals {
    return this.#kept[0]!
  }

  now(): Totals {
    const { counters, options } = this.#shared
    const { routes, listeners, workers } = options
    const requests = Array.from({ length: routes }, () => labelValues.status.map(() => 0))
    const faults = Array.from({ length: routes }, () => 0)
    const refused = labelValues.reason.map(() => 0)
    const shadowed = labelValues.reason.map(() => 0)
    for (let worker = 0; worker < workers; worker++) {
      const slice = counters.slice(worker)
      const { at } = counters
      for (let route = 0; route < routes; route++) {
        for (let i = 0; i < METHODS * STATUSES; i++) {
          requests[route]![i % STATUSES]! += slice[at.requests + route * METHODS * STATUSES + i]!
        }
        for (let i = 0; i < FAULTS; i++)
          faults[route]! += slice[at.requestFaults + route * FAULTS + i]!
      }
      for (let i = 0; i < listeners * refused.length; i++) {
        refused[i % refused.length]! += slice[at.refused + i]!
      }
      for (let i = 0; i < shadowed.length; i++) shadowed[i]! += slice[at.shadowed + i]!
    }
    return { atMs: performance.now(), requests, faults, refused, shadowed }
  }

  #look(): void {
    this.#kept.push(this.now())
    if (this.#kept.length > KEPT) this.#kept.shift()
  }
}
