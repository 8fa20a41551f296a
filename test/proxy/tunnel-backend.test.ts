import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type Test, test } from 'tap'
import type { TcpSession } from '../../src/proxy/tcp-session.ts'
import { TunnelBackend } from '../../src/proxy/tunnel-backend.ts'
import { DOWN } from '../../src/shared/backend-table.ts'
import { Deadline } from '../../src/transport/deadlines.ts'
import type { Dialed } from '../../src/transport/dial.ts'
import { listen } from '../../src/transport/listen.ts'
import { ReadBuffers } from '../../src/transport/read-buffer.ts'
import { runningDeadlines } from '../support/edge.ts'
import { freePort } from '../support/free-port.ts'
import { makeShared } from '../support/memory.ts'
import { makePool } from '../support/pool.ts'
import { until } from '../support/until.ts'

/** A port that takes connections. */
async function openPort(t: Test): Promise<number> {
  const server = createServer(socket => {
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A pool of backends at `ports`; null is one whose name has no address yet. */
function setUp(t: Test, ports: readonly (number | null)[], { queueMax = 1, max = 0 } = {}) {
  const shared = makeShared({ backends: ports.length })
  const { backends, counters } = shared
  for (let i = 0; i < ports.length; i++) backends.configure(i, max, false, false)
  const pool = makePool(backends, { ports }, { queueMax, queueTimeoutMs: 400 })
  const edge = {
    ...{ slice: counters.slice(0), at: counters.at },
    ...{ deadlines: runningDeadlines(t), readBuffers: new ReadBuffers() },
  }
  /** A session that asks, and what it is told. */
  const session = (place = -1) => {
    const told: string[] = []
    const facts = {
      ...{ edge, source: 0, handshake: null, dials: 0, backendName: '', queuedMs: 0 },
      ...{ connectedMs: 0, ending: 'finished', cause: '' },
      onConnected({ socket }: Dialed): void {
        listen(socket, { error: () => {} })
        t.teardown(() => socket.destroy())
        told.push('connected')
      },
      end(how: string, cause: string): void {
        told.push(`${how}: ${cause}`)
      },
    }
    const deadline = new Deadline({ onDeadline: () => told.push('deadline') })
    const it = new TunnelBackend(facts as unknown as TcpSession, pool, deadline, place)
    t.teardown(() => it.stop())
    return {
      it,
      facts,
      told,
      heard: () => until(() => told.length > 0, 'the session is told', 5000),
      deadline,
    }
  }
  const active = (): number[] => ports.map((_, i) => backends.active(i))
  const sum = (row: 'dials' | 'dialsFailed' | 'queued', i = 0): number => counters.sum(row, i)
  const timed = (): number => {
    let all = 0
    for (let i = 0; i < counters.size('dialSeconds'); i++) all += counters.sum('dialSeconds', i)
    return all
  }
  return { pool, backends, session, active, sum, timed }
}

test('a session gets a backend, and has its place until it stops', async t => {
  const { session, active, sum, timed } = setUp(t, [await openPort(t)])
  const { it, facts, told, heard } = session()
  it.onTurn()
  t.strictSame(active(), [1])
  await heard()
  t.strictSame(told, ['connected'])
  t.match(facts, { dials: 1, backendName: 'b0', queuedMs: 0 })
  t.ok(facts.connectedMs > 0)
  t.strictSame([sum('dials'), sum('dialsFailed'), sum('queued')], [1, 0, 0])
  t.ok(timed() > 0, 'how long it took is counted')
  t.strictSame(active(), [1])
  it.stop()
  it.stop()
  t.strictSame(active(), [0])
})

test('where a dial fails another backend is tried, and the first has its place back', async t => {
  const { session, active, sum } = setUp(t, [await freePort(), await openPort(t)])
  for (let i = 0; i < 4; i++) {
    const { it, told, facts, heard } = session()
    it.onTurn()
    await heard()
    t.strictSame(told, ['connected'])
    t.equal(facts.backendName, 'b1')
    t.strictSame(active(), [0, 1])
    it.stop()
  }
  t.ok(sum('dialsFailed', 0) > 0, 'it was tried')
  t.equal(sum('dialsFailed', 0), sum('dials', 0))
  t.equal(sum('dialsFailed', 1), 0)
})

test('it is tried on four backends at most, each but once, and told of the last', async t => {
  const { session, active, sum } = setUp(t, [null, null, null, null, null])
  const { it, facts, told } = session()
  it.onTurn()
  t.equal(told.length, 1)
  t.equal(told[0], `connect-failed: ${facts.backendName}: ${facts.backendName} has no address yet`)
  t.equal(facts.dials, 4)
  const failed = [0, 1, 2, 3, 4].map(i => sum('dialsFailed', i))
  t.strictSame(
    failed.toSorted((a, b) => a - b),
    [0, 1, 1, 1, 1],
  )
  t.strictSame(active(), [0, 0, 0, 0, 0])
})

test('with fewer it is told once all have failed, of what the last one did', async t => {
  const { session } = setUp(t, [null, null])
  const { it, facts, told } = session()
  it.onTurn()
  t.equal(facts.dials, 2)
  t.strictSame(told, [
    `connect-failed: ${facts.backendName}: ${facts.backendName} has no address yet`,
  ])
})

test('where no backend is up it is told so, by the name of the pool', async t => {
  const { backends, session } = setUp(t, [1])
  backends.setState(0, DOWN)
  const { it, facts, told } = session()
  it.onTurn()
  t.strictSame(told, ['no-backend: no backend of pool a is up'])
  t.equal(facts.dials, 0)
})

test('behind a full backend it waits, and takes the place that comes free', async t => {
  const { session, active, sum, pool } = setUp(t, [await openPort(t)], { max: 1, queueMax: 2 })
  const first = session()
  first.it.onTurn()
  await first.heard()
  const second = session()
  second.it.onTurn()
  t.ok(second.deadline.due > 0)
  // Called while there is nothing for it: it waits on.
  second.it.onTurn()
  t.ok(second.it.isWaiting)
  t.equal(pool.waiting, 1)
  t.equal(sum('queued'), 1)
  first.it.stop()
  t.notOk(second.it.isWaiting)
  t.equal(second.deadline.due, 0, 'its time does not run on')
  await second.heard()
  t.strictSame(second.told, ['connected'])
  t.ok(second.facts.queuedMs > 0)
  t.strictSame(active(), [1])
})

test('the time in the line has an end, and no place is left in it', async t => {
  const { session, pool } = setUp(t, [await openPort(t)], { max: 1 })
  const first = session()
  first.it.onTurn()
  const { it, told, facts, heard } = session()
  it.onTurn()
  await heard()
  t.strictSame(told, ['deadline'])
  it.stop()
  t.notOk(it.isWaiting)
  t.equal(pool.waiting, 0)
  t.ok(facts.queuedMs >= 400)
})

test('a full line is told at once', async t => {
  const { session, pool } = setUp(t, [await openPort(t)], { max: 1 })
  session().it.onTurn()
  session().it.onTurn()
  const { it, told } = session()
  it.onTurn()
  t.strictSame(told, ['queue-full: pool a has 1 waiting'])
  t.notOk(it.isWaiting)
  t.equal(pool.waiting, 1)
})

test('who stops while it is dialed hears nothing more', async t => {
  const { session, active, sum } = setUp(t, [await openPort(t)])
  const gone = session()
  gone.it.onTurn()
  gone.it.stop()
  t.strictSame(active(), [0])
  const other = session()
  other.it.onTurn()
  await other.heard()
  t.strictSame(gone.told, [])
  t.equal(sum('dials'), 2)
})

test('a place that a session has already is given back by it, and named', async t => {
  const { pool, session, active } = setUp(t, [1, 2])
  const backend = pool.take(0, new Int32Array(0), 0)
  const { it, facts } = session(backend)
  t.equal(facts.backendName, `b${backend}`)
  it.stop()
  t.strictSame(active(), [0, 0])
})
