/** The balancing algorithms. To add one: write its file, add its line here. Nothing else. */
import type { BalancerFactory } from './balancer.ts'
import { LeastConnections } from './least-connections.ts'
import { RandomTwoChoices } from './random-two-choices.ts'
import { RoundRobin } from './round-robin.ts'
import { SourceHash } from './source-hash.ts'

export const balancers = {
  'least-connections': LeastConnections,
  'round-robin': RoundRobin,
  'random-two-choices': RandomTwoChoices,
  'source-hash': SourceHash,
} as const satisfies Record<string, BalancerFactory>

/** What `--balance` accepts. */
export type BalancerName = keyof typeof balancers
