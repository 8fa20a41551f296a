import { test } from 'tap'
import type { Config, PoolConfig } from '../../src/config/config.ts'
import { ticks } from '../../src/core/clock.ts'
import { pauseBefore, Prober } from '../../src/control/prober.ts'
import { CHECKING, DIALS, DOWN, UP, WEIGHT_SCALE } from '../../src/shared/backend-table.ts'
import { captureLog } from '../support/log.ts'
import { makeShared } from '../support/memory.ts'
import { until } from '../support/until.ts'

/** Two backends of one pool; `verdicts` says what their next probes find. */
function makeProber(t: { teardown(fn: () => void): void }, pool: Partial<PoolConfig> = {}) {
  const { backends } = makeShared({ backends: 2 })
  for (const i of [0, 1]) backends.setState(i, CHECKING)
  const { logger, lines } = captureLog()
  const verdicts: (string | null)[] = [null, null]
  const probes = [0, 0]
  const config = {
    pools: [
      {
        name: 'web',
        slowStartMs: 1000,
        sendProxy: 'off',
        probe: { kind: 'tcp', intervalMs: 20, timeoutMs: 1000, rise: 2, fall: 2 },
        backends: [0, 1].map(i => ({ name: `b:${i}`, weight: i + 1, scheme: 'tcp', ca: null })),
        ...pool,
      },
    ],
  } as unknown as Config
  const addresses: (string | null)[] = ['127.0.0.1', '127.0.0.1']
  const prober = new Prober({
    config,
    backends,
    authorities: new Map(),
    address: backend => addresses[backend]!,
    log: logger,
    probe: async ({ backend }) => {
      const i = Number(backend.name.slice(-1))
      probes[i]!++
      return verdicts[i]!
    },
  })
  t.teardown(() => prober.stop())
  return { prober, backends, lines, verdicts, probes, addresses }
}

/** Waits until both backends were probed `count` times more. */
async function probed(it: ReturnType<typeof makeProber>, count: number): Promise<void> {
  const wanted = it.probes.map(each => each + count)
  await until(() => it.probes.every((each, i) => each >= wanted[i]!), 'probes')
}

test('without a backend the first round is over at once', async t => {
  const { prober } = makeProber(t, { backends: [] })
  prober.start()
  await prober.firstRound()
  t.pass('it did not wait for ever')
})

test('the first round judges every backend once, and tells', async t => {
  const it = makeProber(t)
  it.verdicts[1] = 'ECONNREFUSED'
  it.prober.start()
  await it.prober.firstRound()
  t.strictSame([it.backends.state(0), it.backends.state(1)], [UP, DOWN])
  t.strictSame([it.prober.state(0), it.prober.state(1)], ['up', 'down'])
  t.match(it.lines, [
    {
      msg: 'backend is up',
      backend: 'b:0',
      from: 'checking',
      to: 'up',
      cause: 'its first probe was good',
    },
    { msg: 'backend is down', backend: 'b:1', cause: 'ECONNREFUSED' },
  ])
  t.equal(it.backends.weight(1), 2 * WEIGHT_SCALE)
})

test('a change is told and counted once, and one that comes back comes slowly', async t => {
  const it = makeProber(t)
  it.prober.start()
  await it.prober.firstRound()
  it.verdicts[0] = 'no answer'
  await until(() => it.backends.state(0) === DOWN, 'down')
  await probed(it, 3)
  it.verdicts[0] = null
  await until(() => it.backends.state(0) === UP, 'up')
  t.ok(it.backends.weight(0) < WEIGHT_SCALE / 2, 'a small share at first')
  it.prober.sweep(performance.now() + 2000)
  t.equal(it.backends.weight(0), WEIGHT_SCALE)
  t.strictSame([it.prober.changes.up[0], it.prober.changes.down[0]], [2, 1])
  t.equal(it.lines.filter(({ msg }) => msg === 'backend is down').length, 1)
})

test('a name without an address is a bad probe', async t => {
  const it = makeProber(t)
  it.addresses[0] = null
  it.prober.start()
  await it.prober.firstRound()
  t.match(
    it.lines.find(({ msg }) => msg === 'backend is down'),
    {
      cause: 'its name does not resolve',
    },
  )
})

test('good probes end an ejection before its time', async t => {
  const it = makeProber(t)
  it.prober.start()
  await it.prober.firstRound()
  it.backends.eject(0, ticks() + 60 * 65_536, DIALS)
  it.prober.sweep(performance.now())
  t.ok(it.lines.some(({ msg }) => msg === 'backend ejected'))
  await until(() => !it.backends.isEjected(0, ticks()), 'the pardon')
  it.prober.sweep(performance.now())
  t.ok(it.lines.some(({ msg }) => msg === 'ejection is over'))
})

test('without probes a backend is up at once', async t => {
  const it = makeProber(t, { probe: { kind: 'none' } as PoolConfig['probe'] })
  it.prober.start()
  await it.prober.firstRound()
  t.strictSame(it.probes, [0, 0])
  t.equal(it.backends.state(0), UP)
})

test('nothing is probed once it has stopped', async t => {
  const it = makeProber(t)
  it.prober.start()
  await probed(it, 2)
  it.prober.stop()
  const before = [...it.probes]
  const other = makeProber(t)
  other.prober.start()
  await probed(other, 4)
  // One each may have been under way.
  t.ok(it.probes.every((each, i) => each <= before[i]! + 1))
})

test('from one probe to the next it is an interval at most, and never nothing', async t => {
  for (const random of [0, 0.5, 1]) {
    const pause = pauseBefore(1000, 0, random)
    t.ok(pause <= 1000 && pause >= 800, `${pause}`)
    t.equal(pauseBefore(1000, 300, random), pause - 300, 'the probe itself counts')
    t.equal(pauseBefore(1000, 5000, random), 100, 'one that takes longer than the interval')
  }
})
