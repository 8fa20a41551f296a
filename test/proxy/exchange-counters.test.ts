import { test } from 'tap'
import { faultNumber, faults } from '../../src/core/faults.ts'
import type { Exchange } from '../../src/proxy/exchange.ts'
import {
  countExchange,
  countResponse,
  countUnread,
  leftBecause,
} from '../../src/proxy/exchange-counters.ts'
import type { Http1Session } from '../../src/proxy/http1-session.ts'
import { RefusalNotes } from '../../src/proxy/refusal-notes.ts'
import { type CounterName, counterRows, labelValues } from '../../src/shared/counters.ts'
import { makeShared } from '../support/memory.ts'

const { buckets } = counterRows.requestSeconds

const EXCHANGE = {
  route: { index: 1 },
  head: { method: 'GET' },
  status: 200,
  reason: '',
  startedMs: 100,
  queuedMs: 0,
  bytesReceived: 0,
  bytesSent: 0,
  client: { address: '192.0.2.1', isNamed: false, judgeNote: '', retryAfter: 0 },
  facts: null,
  requestId: 'id',
}

function setUp(requests = 1) {
  const shared = makeShared()
  const { counters } = shared
  const notes = new RefusalNotes(shared, 0, { ipv4Prefix: 32, ipv6Prefix: 64 }, false)
  const edge = { slice: counters.slice(0), at: counters.at, notes }
  const session = {
    edge,
    requests,
    routes: { last: { index: 0 } },
    client: { entrance: { index: 1 }, ending: 'finished', address: '192.0.2.1', slot: -1 },
    requestClient: { retryAfter: 0 },
  } as unknown as Http1Session
  return {
    session,
    sum: (row: CounterName, index: number) => counters.sum(row, index),
    all(row: CounterName): number {
      let sum = 0
      for (let i = 0; i < counters.size(row); i++) sum += counters.sum(row, i)
      return sum
    },
    count(facts: object, nowMs = 107): void {
      countExchange(session, { ...EXCHANGE, ...facts } as unknown as Exchange, nowMs)
    },
  }
}

/** Where a route, a class of method and a class of status stand. */
function requestsAt(route: number, method: string, status: string): number {
  const methods: readonly string[] = labelValues.method
  const statuses: readonly string[] = labelValues.status
  return (
    (route * methods.length + methods.indexOf(method)) * statuses.length + statuses.indexOf(status)
  )
}

test('requests are counted by route, method class and status class', async t => {
  const cases: readonly (readonly [string, number, string, string])[] = [
    ['GET', 101, 'read', '1xx'],
    ['HEAD', 204, 'read', '2xx'],
    ['OPTIONS', 599, 'read', '5xx'],
    ['POST', 302, 'write', '3xx'],
    ['PUT', 429, 'write', '4xx'],
    ['PATCH', 200, 'write', '2xx'],
    ['DELETE', 0, 'write', 'none'],
    ['QUERY', 200, 'other', '2xx'],
    ['get', 200, 'other', '2xx'],
  ]
  for (const [method, status, methodClass, statusClass] of cases) {
    const it = setUp()
    it.count({ head: { method }, status })
    t.equal(it.sum('requests', requestsAt(1, methodClass, statusClass)), 1, `${method} ${status}`)
    t.equal(it.all('requests'), 1, 'and nowhere else')
  }
})

test('the time of an exchange falls into its bucket, of its route', async t => {
  const it = setUp()
  it.count({}, 107)
  const words = buckets.length + 2
  t.equal(it.sum('requestSeconds', words + buckets.indexOf(0.01)), 1, '7 ms')
  t.equal(it.sum('requestSeconds', words + words - 1), 0.007, 'the sum, in seconds')
})

test('only those that waited are seen in the queue', async t => {
  const it = setUp()
  it.count({})
  t.equal(it.all('requestQueueSeconds'), 0)
  it.count({ queuedMs: 40 })
  const words = buckets.length + 2
  t.equal(it.sum('requestQueueSeconds', words + buckets.indexOf(0.05)), 1)
})

test('bodies are counted both ways', async t => {
  const it = setUp()
  it.count({ bytesReceived: 7, bytesSent: 5_000_000_000 })
  it.count({ bytesReceived: 1, bytesSent: 1 })
  t.equal(it.sum('requestBytes', 1), 8)
  t.equal(it.sum('responseBytes', 1), 5_000_000_001)
  t.equal(it.sum('responseBytes', 0), 0)
})

test('a fault is counted by its name, a refusal is not: it is counted elsewhere', async t => {
  const it = setUp()
  it.count({ reason: 'bad-response', status: 502 })
  it.count({ reason: 'request-rate', status: 429 })
  it.count({})
  t.equal(it.sum('requestFaults', faults.length + faultNumber('bad-response')), 1)
  t.equal(it.all('requestFaults'), 1)
})

test('the first request of a connection is no reuse, the next ones are', async t => {
  const first = setUp(1)
  first.count({})
  t.equal(first.all('clientReuses'), 0)
  const third = setUp(3)
  third.count({})
  t.equal(third.sum('clientReuses', 1), 1)
})

test('what could not be read is of the last route, and of no known method', async t => {
  const it = setUp()
  countUnread(it.session, 431, 'request-too-large', 'id')
  t.equal(it.sum('requests', requestsAt(0, 'other', '4xx')), 1)
  t.equal(it.all('requestSeconds'), 0, 'it took no time worth telling')
})

test('responses are timed by backend', async t => {
  const it = setUp()
  countResponse(it.session.edge, 2, 0.4)
  t.equal(it.sum('backendSeconds', 2 * (buckets.length + 2)), 1)
})

test('a client that is gone was cut by the drain, or went by itself', async t => {
  const { session } = setUp()
  t.equal(leftBecause(session), 'client-gone')
  Object.assign(session.client, { ending: 'drained' })
  t.equal(leftBecause(session), 'drained')
})
