/** What a balancing algorithm is. The algorithms themselves are listed in `balancers.ts`. */
import type { BackendTable } from '../shared/backend-table.ts'
import type { Candidates } from './candidates.ts'

export interface Balancer {
  /**
   * Chooses among the candidates, of which there is at least one. Must not allocate.
   *
   * @param source a hash of the client's address, the same for each of its connections
   * @returns a backend
   */
  choose(candidates: Candidates, source: number): number
}

/** @param names of all backends, in the order of the table */
export type BalancerFactory = new (backends: BackendTable, names: readonly string[]) => Balancer
