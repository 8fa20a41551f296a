/** Weighted least connections: the backend that would have the fewest per weight with one more. */
import type { BackendTable } from '../shared/backend-table.ts'
import type { Balancer } from './balancer.ts'
import type { Candidates } from './candidates.ts'

export class LeastConnections implements Balancer {
  readonly #backends: BackendTable
  #turn = 0

  constructor(backends: BackendTable) {
    this.#backends = backends
  }

  choose(candidates: Candidates): number {
    const { list, count } = candidates
    // Start one further each time: ties would otherwise all go to the first backend.
    this.#turn = this.#turn + 1 < count ? this.#turn + 1 : 0
    let best = -1
    let bestLoad = 0
    let bestWeight = 1
    for (let i = 0; i < count; i++) {
      const backend = list[this.#turn + i < count ? this.#turn + i : this.#turn + i - count]!
      // One more, so that a weight tells among idle backends too (slow start begins with one).
      const load = this.#backends.active(backend) + 1
      const weight = this.#backends.weight(backend)
      // load / weight < bestLoad / bestWeight, without the divisions
      if (best === -1 || load * bestWeight < bestLoad * weight) {
        best = backend
        bestLoad = load
        bestWeight = weight
      }
    }
    return best
  }
}
