import { type Test, test } from 'tap'
import { Breaker } from '../../src/balance/breaker.ts'
import { Concurrency } from '../../src/balance/concurrency.ts'
import type { PoolConfig } from '../../src/config/config.ts'
import { BackendChoice } from '../../src/proxy/backend-choice.ts'
import type { Exchange } from '../../src/proxy/exchange.ts'
import type { Http1Backend } from '../../src/proxy/http1-backend.ts'
import type { Http1Session } from '../../src/proxy/http1-session.ts'
import { IdleBackends } from '../../src/proxy/idle-backends.ts'
import type { ResponseOwner } from '../../src/proxy/response-owner.ts'
import { NO_WISH } from '../../src/proxy/sticky.ts'
import { DOWN } from '../../src/shared/backend-table.ts'
import type { Shared } from '../../src/shared/layout.ts'
import { ReadBuffers } from '../../src/transport/read-buffer.ts'
import { echo, startBackend } from '../support/backend.ts'
import { runningDeadlines } from '../support/edge.ts'
import { requestHead } from '../support/head.ts'
import { makeShared } from '../support/memory.ts'
import { makePool } from '../support/pool.ts'
import { until } from '../support/until.ts'

const BROKE = { cause: 'it closed', malformed: false, blame: false, answering: false }

interface Options {
  readonly max?: number
  readonly config?: Partial<PoolConfig>
  readonly withBreaker?: boolean
  /** As many may wait for each backend; no limit unless given. */
  readonly waitingMax?: number
}

/** A limit that stays where it is. */
function adaptive(shared: Shared, size: number, waitingMax?: number): Concurrency | null {
  if (waitingMax === undefined) return null
  const options = { min: waitingMax, max: waitingMax, tolerance: 25, intervalMs: 60_000 }
  return new Concurrency(shared.concurrency, 0, { first: 0, size }, options)
}

/** A pool of backends at `ports`; null is one whose name has no address yet. */
function setUp(t: Test, ports: readonly (number | null)[], options: Options = {}) {
  const size = ports.length
  const shared = makeShared({ backends: size })
  const { backends, breakers, counters } = shared
  for (let i = 0; i < size; i++) backends.configure(i, options.max ?? 0, false, false)
  const rules = { errors: 50, windowMs: 10_000, requests: 1, openMs: 60_000 }
  const breaker = options.withBreaker ? new Breaker(breakers, 0, rules, () => 0) : null
  const concurrency = adaptive(shared, size, options.waitingMax)
  const pool = makePool(
    backends,
    { ports, breaker, concurrency },
    {
      ...{ queueMax: 2, queueTimeoutMs: 400, retries: 2, retryBudget: 100, pipeline: 1 },
      ...options.config,
    },
  )
  const deadlines = runningDeadlines(t)
  const limits = { backendIdleMax: 2, backendIdleMs: 60_000, backendMaxAgeMs: 0 }
  const idleBackends = new IdleBackends(
    ports.map(() => limits),
    deadlines,
  )
  const edge = {
    ...{ slice: counters.slice(0), at: counters.at, deadlines, idleBackends },
    ...{ readBuffers: new ReadBuffers() },
  }
  /** An exchange that asks, and what it is told. */
  const exchange = (line = 'GET / HTTP/1.1', fields: readonly string[] = [], wished = NO_WISH) => {
    const told: string[] = []
    const connections: Http1Backend[] = []
    const facts = {
      ...{ head: requestHead(fields, line), client: { source: 0 }, bytesReceived: 0 },
      ...{ tries: 0, dials: 0, backendName: '', connectMs: 0, queuedMs: 0, waits: -1 },
      waitFor: (ms: number) => (facts.waits = ms),
      onCircuitOpen: () => told.push('circuit open'),
      onNoBackend: () => told.push('no backend'),
      onQueueFull: () => told.push('queue full'),
      onDialFailed: (late: boolean, cause: string) => told.push(`failed ${late} ${cause}`),
      onConnected(connection: Http1Backend): void {
        connections.push(connection)
        t.teardown(() => connection.destroy())
        told.push('connected')
      },
    }
    const session = { edge, client: {} } as unknown as Http1Session
    const it = new BackendChoice(facts as unknown as Exchange, session, pool, wished)
    t.teardown(() => it.stop())
    const heard = (n = 1) => until(() => told.length >= n, 'the exchange is told', 5000)
    return { it, facts, told, connections, heard }
  }
  const active = (): number[] => ports.map((_, i) => backends.active(i))
  const sum = (row: 'dials' | 'dialsFailed' | 'queued' | 'backendReuses', i = 0): number =>
    counters.sum(row, i)
  return { pool, backends, breaker, idleBackends, exchange, active, sum }
}

async function port(t: Test): Promise<number> {
  return (await startBackend(t, echo)).port
}

test('an exchange gets a new connection, and the next one that which was kept', async t => {
  const { exchange, idleBackends, active, sum } = setUp(t, [await port(t)])
  const first = exchange()
  first.it.onTurn()
  t.strictSame([first.it.backend, active()], [0, [1]])
  await first.heard()
  t.match(first.facts, { tries: 1, dials: 1, backendName: 'b0', waits: 0 })
  t.ok(first.facts.connectMs > 0)
  idleBackends.give(first.connections[0]!)
  first.it.stop()
  first.it.stop()
  t.strictSame([first.it.backend, active()], [-1, [0]])

  const second = exchange()
  second.it.onTurn()
  t.strictSame(second.told, ['connected'], 'at once')
  t.equal(second.connections[0], first.connections[0])
  t.match(second.facts, { tries: 1, dials: 0 })
  t.strictSame([sum('dials'), sum('backendReuses')], [1, 1])
})

test('a client goes back to where it was', async t => {
  const { exchange } = setUp(t, [null, null, null])
  for (const wished of [2, 0, 1, 1]) {
    const { it, facts } = exchange('GET / HTTP/1.1', [], wished)
    it.onTurn()
    t.equal(facts.backendName, `b${wished}`)
    it.stop()
  }
})

test('after a failure another backend is tried, or the same one, as often as is allowed', async t => {
  const { exchange, active, sum } = setUp(t, [null, null], { config: { retries: 2 } })
  const { it, facts, told } = exchange()
  it.onTurn()
  const first = facts.backendName
  t.strictSame(told, [`failed false ${first} has no address yet`])
  t.strictSame([it.isRetry, it.mayRetry], [false, true])
  it.again(true)
  t.not(facts.backendName, first)
  t.strictSame([it.isRetry, it.mayRetry], [true, true])
  const second = facts.backendName
  it.again(false)
  t.equal(facts.backendName, second, 'the one that is not to be avoided')
  t.notOk(it.mayRetry)
  t.equal(facts.tries, 3)
  t.equal(sum('dialsFailed', 0) + sum('dialsFailed', 1), 3)
  t.equal(active()[0]! + active()[1]!, 1)
  it.again(true)
  t.equal(told.at(-1), 'no backend')
  t.strictSame(active(), [0, 0])
})

test('no backend that is up and open breakers are told apart', async t => {
  const down = setUp(t, [1])
  down.backends.setState(0, DOWN)
  const none = down.exchange()
  none.it.onTurn()
  t.strictSame(none.told, ['no backend'])
  const open = setUp(t, [1], { withBreaker: true })
  open.breaker!.enter(0)
  open.breaker!.failed(0)
  const refused = open.exchange()
  refused.it.onTurn()
  t.strictSame(refused.told, ['circuit open'])
  t.strictSame([none.facts.tries, refused.facts.tries], [0, 0])
})

test('in the line it waits for its time, and takes the place that comes free', async t => {
  const { exchange, pool, sum } = setUp(t, [await port(t)], { max: 1 })
  const [first, second, third, fourth] = [exchange(), exchange(), exchange(), exchange()]
  for (const { it } of [first, second, third, fourth]) it.onTurn()
  t.strictSame(fourth.told, ['queue full'])
  t.strictSame(
    [fourth.it.lineFault(true), third.it.lineFault(false)],
    ['queue-full', 'queue-timeout'],
  )
  t.strictSame([second.it.isWaiting, fourth.it.isWaiting], [true, false])
  t.equal(second.facts.waits, 400)
  t.equal(sum('queued'), 2)
  third.it.stop()
  t.notOk(third.it.isWaiting)
  t.equal(pool.waiting, 1)
  await first.heard()
  first.it.stop()
  t.notOk(second.it.isWaiting)
  t.ok(second.facts.queuedMs > 0)
  await second.heard()
  t.strictSame(second.told, ['connected'])
})

test('who stops while it is dialed hears nothing more', async t => {
  const { exchange, active } = setUp(t, [await port(t)])
  const [gone, other] = [exchange(), exchange()]
  gone.it.onTurn()
  gone.it.stop()
  t.strictSame(active(), [0])
  other.it.onTurn()
  await other.heard()
  t.strictSame(gone.told, [])
})

test('a place that was handed over is not given back', async t => {
  const { exchange, active } = setUp(t, [null])
  const { it } = exchange()
  it.onTurn()
  t.equal(it.handOver(), 0)
  it.stop()
  t.strictSame(active(), [1])
})

test('a request goes elsewhere only where doing it twice is doing it once', async t => {
  const whole = ['Content-Length: 3']
  for (const [line, fields, failure, requestWhole, may] of [
    ['GET / HTTP/1.1', [], BROKE, true, true],
    ['PUT / HTTP/1.1', whole, BROKE, false, true],
    ['PUT / HTTP/1.1', whole, BROKE, true, false],
    ['POST / HTTP/1.1', [], BROKE, true, false],
    ['GET / HTTP/1.1', [], { ...BROKE, answering: true }, true, false],
    ['GET / HTTP/1.1', [], { ...BROKE, blame: true }, true, true],
  ] as const) {
    const { it } = setUp(t, [1]).exchange(line, fields)
    t.equal(it.mayAskAgain(failure, requestWhole), may, `${line} ${fields.join()} ${requestWhole}`)
  }
  const sent = setUp(t, [1]).exchange('PUT / HTTP/1.1', whole)
  sent.facts.bytesReceived = 1
  t.notOk(sent.it.mayAskAgain(BROKE, false), 'a part of its body is gone')
  const never = setUp(t, [1], { config: { retries: 0 } }).exchange()
  t.notOk(never.it.mayAskAgain(BROKE, true))
})

test('only small questions of pools that pipeline share a connection', async t => {
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket']
  for (const [line, fields, config, may] of [
    ['GET / HTTP/1.1', [], { pipeline: 2 }, true],
    ['GET / HTTP/1.1', [], { pipeline: 1 }, false],
    ['GET / HTTP/1.1', [], { pipeline: 2, sendProxy: 'v2' }, false],
    ['DELETE / HTTP/1.1', [], { pipeline: 2 }, false],
    ['GET / HTTP/1.1', ['Content-Length: 3'], { pipeline: 2 }, false],
    ['GET / HTTP/1.1', upgrade, { pipeline: 2 }, false],
  ] as const) {
    const { it } = setUp(t, [null], { config }).exchange(line, fields)
    t.equal(it.mayShare, may, `${line} ${fields.join()} ${JSON.stringify(config)}`)
  }
  const { it } = setUp(t, [null, null], { config: { pipeline: 2 } }).exchange()
  it.onTurn()
  it.again(true)
  t.notOk(it.mayShare, 'nor what went wrong once')
})

test('below an adaptive limit it waits for a response of another, not for its end', async t => {
  const { exchange } = setUp(t, [await port(t)], { waitingMax: 1 })
  const [first, second, third, fourth] = [exchange(), exchange(), exchange(), exchange()]
  for (const { it } of [first, second, third, fourth]) it.onTurn()
  t.strictSame([second.it.isWaiting, fourth.told], [true, ['queue full']])
  const faults = [second.it.lineFault(false), fourth.it.lineFault(true)]
  t.strictSame(faults, ['adaptive-concurrency', 'adaptive-concurrency'])
  await first.heard()
  first.it.answered(200, 1)
  await second.heard()
  t.strictSame([first.it.backend, second.told], [0, ['connected']])
  t.ok(third.it.isWaiting)
  second.it.stop()
  await third.heard()
  t.strictSame(third.told, ['connected'], 'who ends without one waits no longer either')
})

test('a body that is sent slowly takes no place below that limit', async t => {
  const { exchange } = setUp(t, [await port(t)], { waitingMax: 1 })
  const slow = exchange('POST / HTTP/1.1', ['Content-Length: 3'])
  slow.it.onTurn()
  const other = exchange()
  other.it.onTurn()
  t.notOk(other.it.isWaiting)
  other.it.answered(200, 1)
  slow.it.sent()
  slow.it.sent()
  const late = exchange()
  late.it.onTurn()
  t.ok(late.it.isWaiting, 'it counts once its body is whole')
  slow.it.answered(200, 1)
  await late.heard()
  t.strictSame(late.told, ['connected'], 'and once only')
})

test('small questions of one turn share a connection, as many as may, and no others', async t => {
  const { exchange, idleBackends, sum } = setUp(t, [await port(t)], { config: { pipeline: 2 } })
  const first = exchange()
  first.it.onTurn()
  await first.heard()
  const shared = first.connections[0]!
  idleBackends.gather(shared)
  const [second, body] = [exchange(), exchange('PUT / HTTP/1.1', ['Content-Length: 3'])]
  second.it.onTurn()
  t.strictSame([second.connections, sum('backendReuses')], [[shared], 1], 'at once')
  body.it.onTurn()
  t.strictSame([body.told, sum('dials')], [[], 2], 'a body has a connection of its own')
  const owner = { onBackendDrain() {} } as unknown as ResponseOwner
  shared.begin(owner, false, false)
  shared.begin(owner, false, false)
  const third = exchange()
  third.it.onTurn()
  t.strictSame([third.told, sum('dials')], [[], 3], 'it is full')
})
