/**
 * `/metrics`: what the workers counted, and what main knows, in prom-client's registry.
 *
 * The counters live in shared memory; a metric here is only a way to read them when somebody asks.
 * Labels take their values from the config and from tables of ours, never from what a client sent.
 */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Config } from '../config/config.ts'
import { ticks } from '../core/clock.ts'
import { ejectionCauses, stateNames, WEIGHT_SCALE } from '../shared/backend-table.ts'
import { breakerStates, CLOSED } from '../shared/breaker-table.ts'
import {
  type CounterName,
  type CounterRow,
  counterRows,
  type Label,
  labelValues,
} from '../shared/counters.ts'
import type { Shared } from '../shared/layout.ts'
import { sharedMetric } from './shared-metric.ts'

export interface MetricSources {
  readonly config: Config
  readonly shared: Shared
  readonly version: string
  readonly restarts: () => number
  readonly stateChanges: { readonly up: readonly number[]; readonly down: readonly number[] }
  readonly logLinesDropped: () => number
  /** Seconds since 1970 by certificate file. */
  readonly certificateExpiry: () => ReadonlyMap<string, number>
}

export function createRegistry(sources: MetricSources): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const [name, row] of Object.entries(counterRows) as [CounterName, CounterRow][]) {
    registry.registerMetric(sharedMetric(name, row, labelsOf(row, sources.config), sources.shared))
  }
  addHostGauges(registry, sources)
  addBackendGauges(registry, sources)
  return registry
}

/** Every value of every label of a row. */
function labelsOf(row: CounterRow, config: Config): readonly (readonly string[])[] {
  return row.labels.map((label: Label) => {
    if (label === 'listener') return config.listeners.map(({ name }) => name)
    if (label === 'route') return config.routes.map(({ name }) => name)
    if (label === 'backend') return backendNames(config)
    return labelValues[label]
  })
}

/** `pool/host:port`: a backend may stand in several pools. */
function backendNames(config: Config): string[] {
  return config.pools.flatMap(pool => pool.backends.map(backend => `${pool.name}/${backend.name}`))
}

function addHostGauges(registry: Registry, sources: MetricSources): void {
  const { shared, config } = sources
  const gauge = (name: string, help: string, read: () => number): void => {
    const each: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect: () => each.set(read()),
    })
  }
  gauge('weir_connections', 'Connections now, all workers together', () =>
    shared.workers.hostConnections(),
  )
  gauge(
    'weir_connections_max',
    'Connections at once that are let in',
    () => config.guards.connectionsMax,
  )
  gauge('weir_draining', '1 while weir is stopping', () => Number(shared.workers.isDraining()))
  gauge('weir_workers', 'Data-plane threads', () => config.workers)
  gauge('weir_worker_restarts_total', 'Workers that died and were replaced', sources.restarts)
  gauge('weir_address_table_size', 'Addresses the table is made for', () => shared.addresses.size)
  gauge('weir_address_table_used', 'Addresses remembered now', () => shared.addresses.used())
  gauge(
    'weir_main_log_lines_dropped_total',
    'Log lines standard output did not take',
    sources.logLinesDropped,
  )

  const perWorker = new Gauge({
    name: 'weir_worker_connections',
    help: 'Connections now, by worker',
    labelNames: ['worker'],
    registers: [registry],
    collect() {
      for (let worker = 0; worker < config.workers; worker++) {
        perWorker.set({ worker: String(worker) }, shared.workers.connections(worker))
      }
    },
  })
  const expiry = new Gauge({
    name: 'weir_certificate_expiry_timestamp_seconds',
    help: 'When a certificate expires, seconds since 1970',
    labelNames: ['certificate'],
    registers: [registry],
    collect() {
      for (const [certificate, seconds] of sources.certificateExpiry())
        expiry.set({ certificate }, seconds)
    },
  })
  new Gauge({
    name: 'weir_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'node', 'openssl'],
    registers: [registry],
  }).set(
    { version: sources.version, node: process.versions.node, openssl: process.versions.openssl },
    1,
  )
}

function addBackendGauges(
  registry: Registry,
  { config, shared, stateChanges }: MetricSources,
): void {
  const names = backendNames(config)
  const gauge = (name: string, help: string, read: (backend: number) => number): void => {
    const each = new Gauge({
      name,
      help,
      labelNames: ['backend'],
      registers: [registry],
      collect() {
        for (const [i, backend] of names.entries()) each.set({ backend }, read(i))
      },
    })
  }
  const { backends, breakers } = shared
  gauge('weir_backend_up', '1 if new connections may go there', i =>
    Number(backends.isUsable(i, ticks()) && breakers.state(i) === CLOSED),
  )
  gauge('weir_backend_active_connections', 'Connections now', i => backends.active(i))
  gauge(
    'weir_backend_weight',
    'Weight now; grows during slow start',
    i => backends.weight(i) / WEIGHT_SCALE,
  )
  gauge('weir_backend_ejected', '1 while ejected', i => Number(backends.isEjected(i, ticks())))
  const ejections = new Gauge({
    name: 'weir_backend_ejections_total',
    help: 'Ejections, by cause: failed dials in a row, errors in a row, slower than its pool',
    labelNames: ['backend', 'cause'],
    registers: [registry],
    collect() {
      for (const [i, backend] of names.entries()) {
        for (const [number, cause] of ejectionCauses.entries()) {
          ejections.set({ backend, cause }, backends.ejectionsTotal(i, number))
        }
      }
    },
  })

  gauge('weir_backend_breaker_opens_total', 'Times its circuit breaker opened', i =>
    breakers.opensTotal(i),
  )
  const breaker = new Gauge({
    name: 'weir_backend_breaker_state',
    help: '1 for the state of its circuit breaker',
    labelNames: ['backend', 'state'],
    registers: [registry],
    collect() {
      for (const [i, backend] of names.entries()) {
        for (const [value, name] of breakerStates.entries()) {
          breaker.set({ backend, state: name }, Number(breakers.state(i) === value))
        }
      }
    },
  })

  const state = new Gauge({
    name: 'weir_backend_state',
    help: '1 for the state the probes see',
    labelNames: ['backend', 'state'],
    registers: [registry],
    collect() {
      for (const [i, backend] of names.entries()) {
        for (const [value, name] of stateNames.entries()) {
          state.set({ backend, state: name }, Number(backends.state(i) === value))
        }
      }
    },
  })
  const changes = new Gauge({
    name: 'weir_backend_state_changes_total',
    help: 'Changes of state, by the new one',
    labelNames: ['backend', 'state'],
    registers: [registry],
    collect() {
      for (const [i, backend] of names.entries()) {
        changes.set({ backend, state: 'up' }, stateChanges.up[i]!)
        changes.set({ backend, state: 'down' }, stateChanges.down[i]!)
      }
    },
  })
}
