import { test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { faultNumber, faults } from '../../src/core/faults.ts'
import { refusal, refusals } from '../../src/core/refusals.ts'
import { ticks } from '../../src/core/clock.ts'
import { createRegistry } from '../../src/control/metrics.ts'
import { SLOW } from '../../src/shared/backend-table.ts'
import { CLOSED } from '../../src/shared/breaker-table.ts'
import { counterRows, observe } from '../../src/shared/counters.ts'
import { makeShared } from '../support/memory.ts'

const config = {
  workers: 2,
  listeners: [{ name: 'tcp://[::]:1' }, { name: 'second' }],
  pools: [
    { name: 'web', backends: [{ name: 'a:1' }, { name: 'b:1' }], concurrency: { isOn: false } },
    { name: 'db', backends: [{ name: 'a:1' }], concurrency: { isOn: true } },
  ],
  routes: [{ name: 'api' }, { name: 'http://[::]:80' }],
  guards: { connectionsMax: 77 },
} as unknown as Config

async function scrape(fill: (shared: ReturnType<typeof makeShared>) => void): Promise<string[]> {
  const shared = makeShared({ backends: 3, listeners: 2 })
  fill(shared)
  const registry = createRegistry({
    config,
    shared,
    version: '1.2.3',
    restarts: () => 4,
    stateChanges: { up: [1, 2, 3], down: [4, 5, 6] },
    logLinesDropped: () => 5,
    apiKeyStates: () => ({ valid: 3, expiring: 0, expired: 1, revoked: 0 }),
    certificateExpiry: () => new Map([['/site.pem', 1_900_000_000]]),
    clientAuthorityExpiry: () => new Map([['/ca.pem', 1_800_000_000]]),
    bans: () => 3,
    kernelBans: null,
    keySetAges: () => new Map([['https://issuer.example', 5]]),
  })
  return (await registry.metrics()).split('\n')
}

test('what the workers counted is summed, under its labels', async t => {
  const lines = await scrape(({ counters }) => {
    const { at } = counters
    for (const worker of [0, 1]) {
      const slice = counters.slice(worker)
      slice[at.accepted + 1]! += 2
      slice[at.refused + 1 * refusals.length + refusal('connection-rate')]! += 3
      slice[at.handshakes + (1 * 5 + 0) * 2 + 1]! += 1
      slice[at.heldBytes + 1] = 100
      slice[at.heldBytesMax] = 50 + worker
      slice[at.requestFaults + faults.length + faultNumber('response-timeout')]! += 2
    }
  })
  for (const line of [
    'weir_connections_total{listener="second"} 4',
    'weir_connections_total{listener="tcp://[::]:1"} 0',
    'weir_refusals_total{listener="second",reason="connection-rate"} 6',
    'weir_tls_handshakes_total{version="TLSv1.3",group="X25519MLKEM768",resumed="yes"} 2',
    'weir_request_faults_total{route="http://[::]:80",fault="response-timeout"} 4',
    'weir_requests_total{route="api",method="read",status="2xx"} 0',
    '# TYPE weir_session_held_bytes gauge',
    'weir_session_held_bytes{held="to-client"} 200',
    'weir_session_held_bytes_max 51',
  ]) {
    t.ok(lines.includes(line), line)
  }
})

test('histograms are cumulative and end in +Inf', async t => {
  const { buckets } = counterRows.dialSeconds
  const lines = await scrape(({ counters }) => {
    const first = counters.at.dialSeconds + 2 * (buckets.length + 2)
    for (const seconds of [0.0004, 0.002, 99]) observe(counters.slice(1), first, buckets, seconds)
  })
  const name = 'weir_backend_dial_seconds'
  for (const line of [
    `${name}_bucket{backend="db/a:1",le="0.0005"} 1`,
    `${name}_bucket{backend="db/a:1",le="0.0025"} 2`,
    `${name}_bucket{backend="db/a:1",le="10"} 2`,
    `${name}_bucket{backend="db/a:1",le="+Inf"} 3`,
    `${name}_count{backend="db/a:1"} 3`,
    `${name}_count{backend="web/a:1"} 0`,
  ]) {
    t.ok(lines.includes(line), line)
  }
  const sum = lines.find(line => line.startsWith(`${name}_sum{backend="db/a:1"}`))
  t.equal(Math.round(Number(sum?.split(' ').at(-1)) * 1e6), 99_002_400)
})

test('what is so now: host, backends, certificates, build', async t => {
  const lines = await scrape(({ workers, backends, breakers }) => {
    workers.enter(1, 0)
    backends.enter(2, 1)
    backends.setState(0, 2)
    backends.eject(1, ticks() + 65_536, SLOW)
    breakers.open(2, CLOSED, 0)
  })
  for (const line of [
    'weir_connections 1',
    'weir_connections_max 77',
    'weir_worker_connections{worker="1"} 1',
    'weir_worker_restarts_total 4',
    'weir_backend_active_connections{backend="db/a:1"} 1',
    'weir_backend_up{backend="web/a:1"} 0',
    'weir_backend_state{backend="web/a:1",state="down"} 1',
    'weir_backend_state{backend="web/a:1",state="up"} 0',
    'weir_backend_weight{backend="web/b:1"} 1',
    'weir_backend_state_changes_total{backend="db/a:1",state="down"} 6',
    'weir_backend_ejected{backend="web/b:1"} 1',
    'weir_backend_ejections_total{backend="web/b:1",cause="slow"} 1',
    'weir_backend_ejections_total{backend="web/b:1",cause="dials"} 0',
    'weir_backend_breaker_opens_total{backend="db/a:1"} 1',
    'weir_backend_breaker_state{backend="db/a:1",state="open"} 1',
    'weir_backend_breaker_state{backend="db/a:1",state="closed"} 0',
    'weir_backend_up{backend="db/a:1"} 0',
    'weir_certificate_expiry_timestamp_seconds{certificate="/site.pem"} 1900000000',
    'weir_client_authority_expiry_timestamp_seconds{file="/ca.pem"} 1800000000',
    'weir_main_log_lines_dropped_total 5',
  ]) {
    t.ok(lines.includes(line), line)
  }
  t.ok(lines.some(line => line.startsWith('weir_build_info{version="1.2.3",node="')))
})

test('adaptive limits are told for the backends that have one', async t => {
  const lines = await scrape(({ concurrency }) => {
    concurrency.begin(2, 20, 0)
    concurrency.add(2, 1)
    concurrency.setLeastTime(2, 12_500)
    concurrency.setGradient(2, 0.75)
  })
  const samples = lines.filter(line => /^weir_backend_(?:concurrency|least)/.test(line))
  t.strictSame(samples.toSorted(), [
    'weir_backend_concurrency_gradient{backend="db/a:1"} 0.75',
    'weir_backend_concurrency_limit{backend="db/a:1"} 20',
    'weir_backend_concurrency_measurements_total{backend="db/a:1"} 1',
    'weir_backend_concurrency{backend="db/a:1"} 1',
    'weir_backend_least_response_seconds{backend="db/a:1"} 0.0125',
  ])
})

test('every row of the table is there, with its help', async t => {
  const lines = await scrape(() => {})
  for (const { metric, help } of Object.values(counterRows)) {
    t.ok(lines.includes(`# HELP ${metric} ${help}`), metric)
  }
})

test('of ours what ends in _total is a counter, and nothing else is', async t => {
  const types = (await scrape(() => {})).filter(line => line.startsWith('# TYPE weir_'))
  t.ok(types.length > 30)
  for (const line of types) {
    const [, , name, type] = line.split(' ')
    t.equal(type === 'counter', name!.endsWith('_total'), line)
  }
})
