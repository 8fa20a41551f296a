import { once } from 'node:events'
import { type Test, test } from 'tap'
import { Http1Backend } from '../../src/proxy/http1-backend.ts'
import { IdleBackends, type IdleLimits } from '../../src/proxy/idle-backends.ts'
import type { ResponseOwner } from '../../src/proxy/response-owner.ts'
import { Deadlines } from '../../src/transport/deadlines.ts'
import { type Pair, socketPair } from '../support/edge.ts'

const LIMITS = { backendIdleMax: 2, backendIdleMs: 4000, backendMaxAgeMs: 0 }

function keeper(limits: Partial<IdleLimits> = {}) {
  const deadlines = new Deadlines(() => {})
  const each = { ...LIMITS, ...limits }
  return { deadlines, idle: new IdleBackends([each, each], deadlines) }
}

interface Connection extends Pair {
  readonly connection: Http1Backend
  /** Resolves when weir ended it. */
  readonly ended: Promise<void>
}

async function connect(t: Test, idle: IdleBackends, backend = 0): Promise<Connection> {
  const pair = await socketPair(t)
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  // With or without an error before.
  pair.server.on('close', () => resolve())
  pair.server.resume()
  const dialed = { socket: pair.client, readBuffer: null }
  return { ...pair, connection: new Http1Backend(backend, dialed, idle), ended }
}

test('the last given is taken first, no more than the maximum are kept', async t => {
  const { idle } = keeper()
  const [a, b, c] = [await connect(t, idle), await connect(t, idle), await connect(t, idle)]
  for (const { connection } of [a, b, c]) idle.give(connection)
  await c.ended
  t.equal(idle.take(1), null, 'another backend')
  t.equal(idle.take(0), b.connection)
  t.equal(idle.take(0), a.connection)
  t.equal(idle.take(0), null)
})

test('it is kept for the idle time, and the time begins anew with each use', async t => {
  const { idle, deadlines } = keeper()
  const a = await connect(t, idle)
  idle.give(a.connection)
  deadlines.advance(3900)
  t.equal(idle.take(0), a.connection)
  idle.give(a.connection)
  deadlines.advance(7800)
  t.equal(idle.take(0), a.connection)
  idle.give(a.connection)
  deadlines.advance(12_000)
  await a.ended
  t.equal(idle.take(0), null)
})

test('one that is too old is neither kept nor used, however busy it was', async t => {
  const { idle, deadlines } = keeper({ backendIdleMs: 60_000, backendMaxAgeMs: 10_000 })
  const [a, b] = [await connect(t, idle), await connect(t, idle)]
  for (let ms = 0; ms < 9900; ms += 100) {
    deadlines.advance(ms)
    idle.give(a.connection)
    t.equal(idle.take(0), a.connection, `after ${ms} ms`)
  }
  deadlines.advance(9900)
  idle.give(b.connection)
  idle.give(a.connection)
  deadlines.advance(10_001)
  t.equal(idle.take(0), b.connection, 'the older one on top of it is passed over')
  await a.ended
  const c = await connect(t, idle)
  idle.give(c.connection)
  t.equal(idle.take(0), c.connection)
  deadlines.advance(20_100)
  idle.give(c.connection)
  await c.ended
})

test('a purge ends what is kept of that backend, and what comes back later', async t => {
  const { idle } = keeper()
  const [kept, used, other] = [
    await connect(t, idle),
    await connect(t, idle),
    await connect(t, idle, 1),
  ]
  idle.give(kept.connection)
  idle.give(other.connection)
  idle.purge(0)
  await kept.ended
  t.equal(idle.take(0), null)
  idle.give(used.connection)
  await used.ended
  t.equal(idle.take(0), null, 'it was opened before')
  t.equal(idle.take(1), other.connection)
  const young = await connect(t, idle)
  idle.give(young.connection)
  t.equal(idle.take(0), young.connection)
})

test('after clear() none is kept any more, whatever is purged then', async t => {
  const { idle } = keeper()
  const [a, b] = [await connect(t, idle), await connect(t, idle)]
  idle.give(a.connection)
  idle.clear()
  await a.ended
  idle.purge(0)
  idle.give(b.connection)
  await b.ended
})

test('a backend that closes or speaks unasked is forgotten', async t => {
  const { idle } = keeper()
  const [a, b] = [await connect(t, idle), await connect(t, idle)]
  idle.give(a.connection)
  idle.give(b.connection)
  b.server.write('HTTP/1.1 200 OK\r\n\r\n')
  await b.ended
  a.server.end()
  await a.ended
  t.equal(idle.take(0), null)
})

test('one whose answers nobody waits for has as long as an idle one', async t => {
  const { idle, deadlines } = keeper()
  const abandoned = await connect(t, idle)
  const adopted = await connect(t, idle)
  const owner = () =>
    ({
      onResponse() {},
      onRead() {},
      onHead() {},
      onBackendFailed() {},
    }) as unknown as ResponseOwner
  for (const { connection, server, client } of [abandoned, adopted]) {
    const [first, second] = [owner(), owner()]
    connection.begin(first, false, false)
    connection.begin(second, false, false)
    connection.release(second, false)
    // It answers the first, and never the one that nobody waits for.
    const heard = once(client, 'data')
    server.write('HTTP/1.1 204 No Content\r\n\r\n')
    await heard
    connection.release(first, true)
  }
  adopted.connection.begin(owner(), false, false)
  deadlines.advance(3900)
  t.ok(abandoned.connection.isOpen)
  deadlines.advance(4200)
  t.notOk(abandoned.connection.isOpen)
  t.ok(adopted.connection.isOpen, 'not where another stands in line')
  await abandoned.ended
})
