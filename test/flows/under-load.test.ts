import { readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'tap'
import { echo, named, startBackend } from '../support/backend.ts'
import { dial, ending, exchange } from '../support/client.ts'
import { until } from '../support/until.ts'
import { type LogLine, startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'tcp://127.0.0.1:0']
const PER_SECOND = 200
const SECONDS_MAX = 25

interface LoadError {
  readonly begunMs: number
  readonly error: string
}

interface Load {
  /** Answers in the order they came. */
  readonly answers: readonly string[]
  readonly errors: readonly LoadError[]
  stop(): Promise<void>
}

/** New connections at 200 a second, until it is stopped. */
function startLoad(port: number): Load {
  const answers: string[] = []
  const errors: LoadError[] = []
  const stopping = new AbortController()
  const one = async (): Promise<void> => {
    const begunMs = performance.now()
    try {
      answers.push(await exchange(await dial(port), 'x'))
    } catch (error) {
      errors.push({ begunMs, error: String(error) })
    }
  }
  const loop = (async () => {
    const open = new Set<Promise<void>>()
    const begun = performance.now()
    for (let n = 0; !stopping.signal.aborted && n < PER_SECOND * SECONDS_MAX; n++) {
      const connection: Promise<void> = one().finally(() => open.delete(connection))
      open.add(connection)
      await pause(Math.max(0, begun + (n * 1000) / PER_SECOND - performance.now()))
    }
    await Promise.all(open)
  })()
  return {
    answers,
    errors,
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

test('a backend is killed under 200 new connections a second, and comes back', async t => {
  const names = ['a', 'b', 'c']
  const backends = await Promise.all(names.map(name => startBackend(t, named(name))))
  const weir = await startWeir(
    t,
    withoutLimits(
      ...LISTEN,
      ...backends.flatMap(({ url }) => ['--backend', url]),
      ...['--probe-interval', '300ms', '--probe-rise', '2', '--slow-start', '4s'],
    ),
  )
  const load = startLoad(weir.ports[0]!)
  await until(() => load.answers.length > 100, 'load runs')
  t.strictSame([...new Set(load.answers)].toSorted(), names, 'all three serve')

  const killMs = performance.now()
  await backends[0]!.kill()
  await weir.line(({ msg }) => msg === 'backend is down', 'down')
  const atDown = load.answers.length
  await until(() => load.answers.length > atDown + 100, 'load goes on without it')
  t.notOk(load.answers.slice(atDown + 20).includes('a'))

  await backends[0]!.revive()
  const revived = Date.now()
  const up = await weir.line(line => line.msg === 'backend is up' && line['from'] === 'down', 'up')
  const atUp = load.answers.length
  const upMs = Number(up['time']) - revived
  // Two clocks and a busy machine: an interval more would be one probe too many.
  t.ok(upMs <= 2 * 300 + 250, `up ${upMs} ms after it returned, rise 2 x 300 ms`)
  await until(() => load.answers.slice(atUp).includes('a'), 'traffic is back on it')
  await until(() => load.answers.length > atUp + 100, 'and goes on')
  const early = load.answers.slice(atUp, atUp + 100).filter(name => name === 'a').length
  t.ok(early < 33, `slowly: ${early} of the first 100 where an even share is 33`)
  await until(() => {
    const last = load.answers.slice(atUp + 100).slice(-150)
    return last.length === 150 && last.filter(name => name === 'a').length > 35
  }, 'up to its share')
  await load.stop()
  // One that was there before had its bytes in the backend that died: that cannot be done twice.
  const errors = load.errors.filter(({ begunMs }) => begunMs > killMs)
  t.strictSame(errors, [], `no error on any of ${load.answers.length} new connections`)
  t.ok(load.errors.length < 10, `${load.errors.length} were under way at its death`)
})

test('workers are killed under load, one after the other', async t => {
  const backend = await startBackend(t, echo)
  const script = new URL('../support/killable.ts', import.meta.url).pathname
  const flags = [...LISTEN, '--backend', backend.url, '--workers', '2', '--probe', 'none']
  const weir = await startWeir(t, withoutLimits(...flags), { script })
  const load = startLoad(weir.ports[0]!)
  await until(() => load.answers.length > 100, 'load runs')
  const times: number[] = []
  // Of two, because a busy machine may hold up one.
  for (const worker of [0, 1]) {
    weir.child.stdin!.write(`${worker}\n`)
    const of = (msg: string) => (line: LogLine) => line.msg === msg && line['worker'] === worker
    const ended = await weir.line(of('worker ended, starting another'), 'it ended')
    const again = await weir.line(of('worker listens again'), 'its replacement')
    times.push(Number(again['time']) - Number(ended['time']))
  }
  t.ok(Math.min(...times) <= 1000, `they listen ${times.join(' and ')} ms after the death`)
  const seen = load.answers.length
  const errors = load.errors.length
  await until(() => load.answers.length > seen + 100, 'load goes on')
  await load.stop()
  t.equal(load.errors.length, errors, 'nobody was refused once the replacement listened')
  t.ok(errors < 100, `${errors} sessions of the dead workers ended`)
  await weir.metricIs('weir_connections', {}, 0)
  await weir.metricIs('weir_backend_active_connections', {}, 0)
})

test('a flood leaves nothing behind, and the admin port answers in it', async t => {
  const backend = await startBackend(t, named('served'))
  const weir = await startWeir(t, [
    ...LISTEN,
    '--backend',
    backend.url,
    ...['--connection-rate', '1', '--connection-burst', '5', '--handshake-rate', '0'],
  ])
  const port = weir.ports[0]!
  const descriptors = (): number => readdirSync(`/proc/${weir.child.pid}/fd`).length
  t.equal(await exchange(await dial(port, { from: '127.0.0.9' }), 'x'), 'served')
  await weir.metricIs('weir_connections', {}, 0)
  const before = descriptors()
  const flooding = new AbortController()
  const flood = Array.from({ length: 16 }, async () => {
    for (let n = 0; !flooding.signal.aborted && n < 2000; n++) {
      await ending(port, { from: '127.0.0.2' }, 'x')
    }
  })
  for (let i = 0; i < 10; i++) {
    t.equal((await weir.admin('/healthz')).status, 200)
    t.match(await (await weir.admin('/metrics')).text(), 'weir_refusals_total')
    t.equal(await exchange(await dial(port, { from: `127.0.0.${20 + i}` }), 'x'), 'served')
  }
  await until(
    async () => (await weir.metric('weir_refusals_total', { reason: 'connection-rate' })) > 500,
    'it was a flood',
  )
  flooding.abort()
  await Promise.all(flood)
  await weir.metricIs('weir_connections', {}, 0)
  await until(() => descriptors() <= before + 2, 'no descriptor is left')
})
