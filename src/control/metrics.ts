/**
 * `/metrics`: what the workers counted, and what main knows, in prom-client's registry.
 *
 * The counters live in shared memory; a metric here is only a way to read them when somebody asks.
 * Labels take their values from the config and from tables of ours, never from what a client sent.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Config } from '../config/config.ts'
import { minutes, ticks } from '../core/clock.ts'
import { ejectionCauses, stateNames, WEIGHT_SCALE } from '../shared/backend-table.ts'
import { breakerStates, CLOSED } from '../shared/breaker-table.ts'
import {
  type CounterName,
  type CounterRow,
  counterRows,
  type Label,
  labelValues,
} from '../shared/counters.ts'
import { LOOP, signals } from '../shared/overload-table.ts'
import type { Shared } from '../shared/layout.ts'
import type { keyStates } from './api-key-watch.ts'
import { type KernelBans, leftOutCauses } from './kernel-bans.ts'
import { sharedMetric } from './shared-metric.ts'

export interface MetricSources {
  readonly config: Config
  readonly shared: Shared
  readonly version: string
  readonly restarts: () => number
  readonly stateChanges: { readonly up: readonly number[]; readonly down: readonly number[] }
  readonly logLinesDropped: () => number
  /** null without API keys. */
  readonly apiKeyStates: () => Readonly<Record<(typeof keyStates)[number], number>> | null
  /** Seconds since 1970 by certificate file. */
  readonly certificateExpiry: () => ReadonlyMap<string, number>
  readonly clientAuthorityExpiry: () => ReadonlyMap<string, number>
  /** Seconds by issuer. */
  /** How many hold now. */
  readonly bans: () => number
  readonly keySetAges: () => ReadonlyMap<string, number>
  /** null without --kernel-bans. */
  readonly kernelBans: KernelBans | null
}

export function createRegistry(sources: MetricSources): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const [name, row] of Object.entries(counterRows) as [CounterName, CounterRow][]) {
    registry.registerMetric(sharedMetric(name, row, labelsOf(row, sources.config), sources.shared))
  }
  addHostMetrics(registry, sources)
  addBackendMetrics(registry, sources)
  if (sources.kernelBans !== null) addKernelMetrics(registry, sources.kernelBans)
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

type Samples = Iterable<readonly [labels: Record<string, string>, value: number]>

/** A metric whose values are asked for at each scrape. What ends in `_total` only grows: a counter. */
function add(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  read: () => Samples | Promise<Samples>,
): void {
  const options = { name, help, labelNames: [...labelNames], registers: [] }
  const metric = name.endsWith('_total')
    ? new Counter({
        ...options,
        async collect() {
          const samples = await read()
          this.reset()
          for (const [labels, value] of samples) this.inc(labels, value)
        },
      })
    : new Gauge({
        ...options,
        async collect() {
          for (const [labels, value] of await read()) this.set(labels, value)
        },
      })
  registry.registerMetric(metric)
}

function addHostMetrics(registry: Registry, sources: MetricSources): void {
  const { shared, config } = sources
  const one = (name: string, help: string, read: () => number): void =>
    add(registry, name, help, [], () => [[{}, read()]])
  one('weir_connections', 'Connections now, all workers together', () =>
    shared.workers.hostConnections(),
  )
  one(
    'weir_connections_max',
    'Connections at once that are let in',
    () => config.guards.connectionsMax,
  )
  one('weir_draining', '1 while weir is stopping', () => Number(shared.workers.isDraining()))
  one('weir_workers', 'Data-plane threads', () => config.workers)
  one('weir_worker_restarts_total', 'Workers that died and were replaced', sources.restarts)
  one('weir_address_table_size', 'Addresses the table is made for', () => shared.addresses.size)
  one('weir_address_table_used', 'Addresses remembered now', () => shared.addresses.used())
  one('weir_good_records', 'Addresses with a good record now', () =>
    shared.goodRecords.count(minutes()),
  )
  one(
    'weir_main_log_lines_dropped_total',
    'Log lines standard output did not take',
    sources.logLinesDropped,
  )
  one('weir_bans', 'Bans that hold now and are listed', sources.bans)
  const { overload } = shared
  one(
    'weir_overload_level',
    'What weir does less of, 0 to 4: the highest of its workers',
    () => overload.highest,
  )
  add(
    registry,
    'weir_overload_signal_level',
    'The same, by what weir is short of',
    ['signal'],
    () => signals.map((signal, i) => [{ signal }, overload.highestOf(i)]),
  )
  add(
    registry,
    'weir_overload_used_ratio',
    'How much is used of what there may be: 1 is all of it',
    ['signal'],
    () => signals.slice(0, LOOP).map((signal, i) => [{ signal }, overload.share(i)]),
  )
  one(
    'weir_overload_loop_delay_seconds',
    'How late the loop of a worker is all the time: the least of the last second, of the worker that is latest',
    () => overload.loopMsMax / 1000,
  )
  add(registry, 'weir_worker_connections', 'Connections now, by worker', ['worker'], () =>
    Array.from({ length: config.workers }, (_, worker) => [
      { worker: String(worker) },
      shared.workers.connections(worker),
    ]),
  )
  add(
    registry,
    'weir_certificate_expiry_timestamp_seconds',
    'When a certificate expires, seconds since 1970',
    ['certificate'],
    () =>
      [...sources.certificateExpiry()].map(([certificate, seconds]) => [{ certificate }, seconds]),
  )
  add(
    registry,
    'weir_client_authority_expiry_timestamp_seconds',
    'When the first certificate of a file of client authorities expires, or the first of its revocation lists is to be replaced, seconds since 1970',
    ['file'],
    () => [...sources.clientAuthorityExpiry()].map(([file, seconds]) => [{ file }, seconds]),
  )
  add(registry, 'weir_api_keys', 'API keys; expiring: within 14 days', ['state'], () =>
    Object.entries(sources.apiKeyStates() ?? {}).map(([state, keys]) => [{ state }, keys]),
  )
  add(
    registry,
    'weir_issuer_keys_age_seconds',
    'Time since the keys of an issuer of tokens were last fetched',
    ['issuer'],
    () => [...sources.keySetAges()].map(([issuer, seconds]) => [{ issuer }, seconds]),
  )
  const { node, openssl } = process.versions
  add(
    registry,
    'weir_build_info',
    'Always 1; the labels say what runs',
    ['version', 'node', 'openssl'],
    () => [[{ version: sources.version, node, openssl }, 1]],
  )
}

function addBackendMetrics(
  registry: Registry,
  { config, shared, stateChanges }: MetricSources,
): void {
  const names = backendNames(config)
  const each = (name: string, help: string, read: (backend: number) => number): void =>
    add(registry, name, help, ['backend'], () => names.map((backend, i) => [{ backend }, read(i)]))
  /** One for each value of a second label, told by its place among `values`. */
  const eachOf = (
    name: string,
    help: string,
    label: string,
    values: readonly string[],
    read: (backend: number, value: number) => number,
  ): void =>
    add(registry, name, help, ['backend', label], () =>
      names.flatMap((backend, i) =>
        values.map((value, n) => [{ backend, [label]: value }, read(i, n)] as const),
      ),
    )
  const { backends, breakers, concurrency } = shared
  each('weir_backend_up', '1 if new connections may go there', i =>
    Number(backends.isUsable(i, ticks()) && breakers.state(i) === CLOSED),
  )
  each('weir_backend_active_connections', 'Connections now', i => backends.active(i))
  each(
    'weir_backend_weight',
    'Weight now; grows during slow start',
    i => backends.weight(i) / WEIGHT_SCALE,
  )
  each('weir_backend_ejected', '1 while ejected', i => Number(backends.isEjected(i, ticks())))
  eachOf(
    'weir_backend_ejections_total',
    'Ejections, by cause: failed dials in a row, errors in a row, slower than its pool',
    'cause',
    ejectionCauses,
    (i, cause) => backends.ejectionsTotal(i, cause),
  )
  each('weir_backend_breaker_opens_total', 'Times its circuit breaker opened', i =>
    breakers.opensTotal(i),
  )
  eachOf(
    'weir_backend_breaker_state',
    '1 for the state of its circuit breaker',
    'state',
    breakerStates,
    (i, state) => Number(breakers.state(i) === state),
  )
  const adaptive = config.pools.flatMap(pool => pool.backends.map(() => pool.concurrency.isOn))
  const eachAdaptive = (name: string, help: string, read: (backend: number) => number): void =>
    add(registry, name, help, ['backend'], () =>
      names.flatMap((backend, i) => (adaptive[i] ? [[{ backend }, read(i)] as const] : [])),
    )
  eachAdaptive(
    'weir_backend_concurrency_limit',
    'Requests that may wait for its response at once, as --adaptive-concurrency found',
    i => concurrency.limit(i),
  )
  eachAdaptive('weir_backend_concurrency', 'Requests that wait for its response now', i =>
    concurrency.waiting(i),
  )
  eachAdaptive(
    'weir_backend_concurrency_gradient',
    'Its least time, with tolerance, over the present one: below 1 the limit falls',
    i => concurrency.gradient(i),
  )
  eachAdaptive(
    'weir_backend_least_response_seconds',
    'Time to the head of its response with few requests at once, as measured last',
    i => concurrency.leastTime(i) / 1e6,
  )
  eachAdaptive(
    'weir_backend_concurrency_measurements_total',
    'Times that its least time was measured',
    i => concurrency.measurementsTotal(i),
  )
  eachOf('weir_backend_state', '1 for the state the probes see', 'state', stateNames, (i, state) =>
    Number(backends.state(i) === state),
  )
  const changes = [stateChanges.up, stateChanges.down]
  eachOf(
    'weir_backend_state_changes_total',
    'Changes of state, by the new one',
    'state',
    ['up', 'down'],
    (i, state) => changes[state]![i]!,
  )
}

function addKernelMetrics(registry: Registry, kernelBans: KernelBans): void {
  const one = (name: string, help: string, read: () => number | Promise<number>): void =>
    add(registry, name, help, [], async () => [[{}, await read()]])
  one('weir_kernel_bans_up', '1 while the helper for kernel bans is connected', () =>
    Number(kernelBans.isConnected),
  )
  one(
    'weir_kernel_bans',
    'Blocks that the kernel drops now',
    async () => (await kernelBans.counters()).elements,
  )
  one(
    'weir_kernel_banned_packets_total',
    'Packets of banned addresses that the kernel dropped',
    async () => (await kernelBans.counters()).packets,
  )
  one(
    'weir_kernel_banned_bytes_total',
    'Bytes of those packets',
    async () => (await kernelBans.counters()).bytes,
  )
  one(
    'weir_kernel_bans_failures_total',
    'Transactions of nftables that failed, and were tried again',
    () => kernelBans.failures,
  )
  one(
    'weir_kernel_bans_helper_losses_total',
    'Times the helper for kernel bans went away',
    () => kernelBans.losses,
  )
  add(
    registry,
    'weir_kernel_bans_left_out_total',
    'Bans that were left to weir: of a client behind a proxy, an exempt or too wide a block; or there were too many',
    ['cause'],
    () => leftOutCauses.map((cause, i) => [{ cause }, kernelBans.leftOut[i]!]),
  )
}
