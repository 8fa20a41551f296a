/**
 * The same client to the same backend, by weighted rendezvous hashing.
 *
 * Every backend draws a score from the pair of client and backend; the highest wins. When one leaves,
 * only the clients it had won move, each to its second best: no ring to build or to share. What is drawn
 * depends on the backend's name and not on its place: the same on each host that has the same backends, in
 * whatever order, and after a restart with one more or less.
 */
import { hashName, mix } from '../core/hash.ts'
import type { BackendTable } from '../shared/backend-table.ts'
import type { Balancer } from './balancer.ts'
import type { Candidates } from './candidates.ts'

export class SourceHash implements Balancer {
  readonly #backends: BackendTable
  readonly #names: Int32Array

  constructor(backends: BackendTable, names: readonly string[]) {
    this.#backends = backends
    this.#names = Int32Array.from(names, hashName)
  }

  choose(candidates: Candidates, source: number): number {
    const { list, count } = candidates
    let best = list[0]!
    let bestScore = -1
    for (let i = 0; i < count; i++) {
      const backend = list[i]!
      // Uniform in (0, 1): weight / -ln(u) makes the shares follow the weights.
      const drawn = ((mix(source ^ this.#names[backend]!) >>> 0) + 0.5) / 0x1_0000_0000
      const score = this.#backends.weight(backend) / -Math.log(drawn)
      if (score > bestScore) {
        best = backend
        bestScore = score
      }
    }
    return best
  }
}
