/** A pool as a worker has it, over memory that was made for a test. */
import type { Breaker } from '../../src/balance/breaker.ts'
import { Candidates } from '../../src/balance/candidates.ts'
import type { Concurrency } from '../../src/balance/concurrency.ts'
import { LeastConnections } from '../../src/balance/least-connections.ts'
import { Outlier } from '../../src/balance/outlier.ts'
import type { PoolConfig } from '../../src/config/config.ts'
import { Pool } from '../../src/proxy/pool.ts'
import type { BackendTable } from '../../src/shared/backend-table.ts'

const EJECT = {
  ...{ ejectAfter: 0, ejectErrors: 0, ejectSlow: 0, ejectMs: 60_000 },
  ...{ ejectMaxMs: 60_000, ejectShareMax: 50 },
}

export interface PoolParts {
  /** Of its backends `b0`, `b1`…, on this host; null is one whose name has no address yet. */
  readonly ports: readonly (number | null)[]
  readonly breaker?: Breaker | null
  readonly concurrency?: Concurrency | null
}

/** @param config of the pool, where it differs: no backend is ejected, nobody waits */
export function makePool(
  backends: BackendTable,
  { ports, breaker = null, concurrency = null }: PoolParts,
  config: Partial<PoolConfig> = {},
): Pool {
  const size = ports.length
  const rules = { ...EJECT, ...config }
  return new Pool({
    config: { name: 'a', queueMax: 0, queueTimeoutMs: 0, sendProxy: 'off', ...rules } as PoolConfig,
    first: 0,
    targets: ports.map((port, i) => ({
      ...{ name: `b${i}`, address: port === null ? null : '127.0.0.1' },
      ...{ port: port ?? 1, timeoutMs: 5000, tls: null },
    })),
    candidates: new Candidates(backends, 0, size, breaker, concurrency),
    balancer: new LeastConnections(backends),
    ...{ breaker, concurrency, sticky: null },
    outlier: new Outlier(backends, 0, size, rules),
    ...{ backends, worker: 0 },
  })
}
