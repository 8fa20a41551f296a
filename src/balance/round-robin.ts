/**
 * Weighted round robin, smooth: a backend of weight 5 among ones of 1 gets every second turn or so,
 * not five in a row.
 *
 * Each turn every candidate gains its weight as credit; the richest is chosen and pays all that was
 * gained. Each worker keeps its own credits: their turns add up to the same shares.
 */
import type { BackendTable } from '../shared/backend-table.ts'
import type { Balancer } from './balancer.ts'
import type { Candidates } from './candidates.ts'

export class RoundRobin implements Balancer {
  readonly #backends: BackendTable
  readonly #credit: Float64Array

  constructor(backends: BackendTable) {
    this.#backends = backends
    this.#credit = new Float64Array(backends.count)
  }

  choose(candidates: Candidates): number {
    const { list, count } = candidates
    const credit = this.#credit
    let best = list[0]!
    let gained = 0
    for (let i = 0; i < count; i++) {
      const backend = list[i]!
      const weight = this.#backends.weight(backend)
      credit[backend]! += weight
      gained += weight
      if (credit[backend]! > credit[best]!) best = backend
    }
    credit[best]! -= gained
    return best
  }
}
