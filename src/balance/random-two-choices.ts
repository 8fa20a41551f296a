/**
 * The less loaded of two backends drawn at random (Mitzenmacher's power of two choices).
 *
 * Many proxies that each send to the least loaded backend all send to the same one; a random pair
 * avoids the herd and is nearly as even.
 */
import type { BackendTable } from '../shared/backend-table.ts'
import type { Balancer } from './balancer.ts'
import type { Candidates } from './candidates.ts'

export class RandomTwoChoices implements Balancer {
  readonly #backends: BackendTable

  constructor(backends: BackendTable) {
    this.#backends = backends
  }

  choose(candidates: Candidates): number {
    const { list, count } = candidates
    const first = Math.floor(Math.random() * count)
    if (count === 1) return list[first]!
    // Drawn from the others, so that a pair is always two.
    const second = (first + 1 + Math.floor(Math.random() * (count - 1))) % count
    const a = list[first]!
    const b = list[second]!
    const backends = this.#backends
    const loadA = (backends.active(a) + 1) * backends.weight(b)
    const loadB = (backends.active(b) + 1) * backends.weight(a)
    return loadB < loadA ? b : a
  }
}
