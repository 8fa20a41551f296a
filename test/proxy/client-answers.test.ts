import { test } from 'tap'
import { refusal, type RefusalName, refusals } from '../../src/core/refusals.ts'
import { ClientAnswers } from '../../src/proxy/client-answers.ts'
import type { RequestPlace } from '../../src/guard/request-admission.ts'
import { ErrorPages } from '../../src/proxy/error-pages.ts'
import type { Http1Session } from '../../src/proxy/http1-session.ts'
import { RateLimitFields } from '../../src/proxy/rate-limit-fields.ts'
import { RefusalNotes } from '../../src/proxy/refusal-notes.ts'
import { labelValues } from '../../src/shared/counters.ts'
import { requestHead } from '../support/head.ts'
import { makeShared } from '../support/memory.ts'

/** The second of two listeners. */
const ENTRANCE = { index: 1, hsts: 'Strict-Transport-Security: max-age=1\r\n' }
const LIMITS = {
  rateLimitFields: 'refused',
  ...{ requestRate: 1, requestBurst: 3, requestsPerAddress: 0 },
  ...{ bodyRate: 0, bodyBurst: 1, prefixMultiple: 0 },
} as const

/** A session whose last request was `line`, with those fields. */
function setUp(line = 'GET / HTTP/1.1', ...fields: string[]) {
  const shared = makeShared()
  const { counters } = shared
  const told: unknown[][] = []
  const edge = {
    slice: counters.slice(0),
    at: counters.at,
    errorPages: new ErrorPages([]),
    limitFields: new RateLimitFields(shared.addresses, LIMITS),
    notes: new RefusalNotes(shared, 0, { ipv4Prefix: 32, ipv6Prefix: 64 }, false),
    admission: {
      penalize: (_: unknown, refused: number) => told.push(['penalize', refusals[refused]![0]]),
      penalizeRequest: ({ requestSlot }: RequestPlace, refused: number) =>
        told.push(['penalize', refusals[refused]![0], requestSlot]),
      requests: {
        erred: (slot: number, prefixSlot: number) => told.push(['erred', slot, prefixSlot]),
      },
    },
    log: {
      badRequest: (_: unknown, status: number, reason: string) =>
        told.push(['log', status, reason]),
    },
  }
  let text = ''
  let flushes = 0
  const lent: Buffer[] = []
  /** Whether the writer is done with what it was lent. */
  let isDone = true
  const session = {
    edge,
    client: { entrance: ENTRANCE, address: '192.0.2.1', slot: 7, prefixSlot: 8 },
    requestClient: { retryAfter: 4, requestSlot: 9 },
    routes: { last: { index: 0 } },
    keepsAlive: true,
    hasMore: false,
    writer: {
      text: (more: string) => (text += more),
      lend(bytes: Buffer) {
        text += bytes.toString('latin1')
        lent.push(bytes)
        return isDone
      },
    },
    flushSoon: () => flushes++,
  }
  return {
    it: new ClientAnswers(session as unknown as Http1Session, requestHead(fields, line)),
    session,
    told,
    text: () => text,
    flushes: () => flushes,
    lent,
    keepLent: () => (isDone = false),
    /** By route, class of method and class of status. */
    requests: (index: number) => counters.sum('requests', index),
    refused: (reason: RefusalName, entrance: number) =>
      counters.sum('refused', entrance * refusals.length + refusal(reason)),
  }
}

/** @returns head and body of the only answer in `text` */
function partsOf(text: string): [head: string, body: string] {
  const end = text.indexOf('\r\n\r\n') + 4
  return [text.slice(0, end), text.slice(end)]
}

test('an answer names status, reason and request, and is on its way', async t => {
  const { it, session, text, flushes } = setUp()
  const bytes = it.answer(502, 'connect-failed', 'id-1', true, 'X-More: 1\r\n')
  const [head, body] = partsOf(text())
  t.match(head, /^HTTP\/1\.1 502 Bad Gateway\r\n/)
  t.ok(head.includes(`\r\n${ENTRANCE.hsts}X-More: 1\r\n`), 'further lines of its head')
  t.match(JSON.parse(body), { status: 502, reason: 'connect-failed' })
  t.match(body, /id-1/)
  t.equal(bytes, body.length)
  t.equal(flushes(), 1)
  t.ok(session.keepsAlive)
  t.notMatch(head, /Connection: |Retry-After|RateLimit/)
})

test('a request that leaves the connection of no use ends it', async t => {
  const { it, session, text } = setUp()
  it.answer(404, 'no-route', 'id', false, '')
  t.notOk(session.keepsAlive)
  t.match(text(), /\r\nConnection: close\r\n/)
  // One that is not to be kept is not, whatever this request says.
  it.answer(404, 'no-route', 'id', true, '')
  t.notOk(session.keepsAlive)
})

test('who prefers HTML gets it, and HEAD the head alone', async t => {
  const page = setUp('GET / HTTP/1.1', 'Accept: text/html')
  page.it.answer(404, 'no-route', 'id', true, '')
  t.match(page.text(), /\r\nContent-Type: text\/html/)
  const head = setUp('HEAD / HTTP/1.1')
  t.equal(head.it.answer(404, 'no-route', 'id', true, ''), 0)
  const [lines, body] = partsOf(head.text())
  t.match(lines, /\r\nContent-Length: [1-9]/)
  t.equal(body, '')
})

test('only who is to come later is told when, and what the limit is', async t => {
  const limited = setUp()
  limited.it.answer(429, 'request-rate', 'id', true, '')
  const [head] = partsOf(limited.text())
  t.match(head, /\r\nRetry-After: 4\r\n/)
  t.match(head, /\r\nRateLimit-Policy: "request-rate";q=3;w=3\r\n/)
  const other = setUp()
  other.it.answer(403, 'denied', 'id', true, '')
  t.notMatch(other.text(), /Retry-After|RateLimit/)
})

test('a head nobody could read is answered, counted and logged, and the last', async t => {
  const { it, session, told, text, requests } = setUp('GET / HTTP/1.1', 'Accept: text/html')
  it.refuseUnread(400, 'bad-request', false)
  const [head, body] = partsOf(text())
  t.match(head, /^HTTP\/1\.1 400 .*\r\nConnection: close\r\n/s)
  t.match(JSON.parse(body), { status: 400, reason: 'bad-request' }, 'the fields are of another')
  t.notOk(session.keepsAlive)
  t.strictSame(told, [
    ['erred', 7, 8],
    ['log', 400, 'bad-request'],
  ])
  const { method, status } = labelValues
  t.equal(requests(method.indexOf('other') * status.length + status.indexOf('4xx')), 1)
})

test('one that begins as HEAD gets no body; one refused for its rate is no further error', async t => {
  const { it, told, text } = setUp()
  it.refuseUnread(429, 'request-rate', true)
  t.equal(partsOf(text())[1], '')
  t.strictSame(told, [['log', 429, 'request-rate']])
})

test('a refusal is counted at its listener; against the address where that is asked', async t => {
  const { it, told, refused } = setUp()
  it.countRefusal(refusal('denied'))
  t.strictSame([refused('denied', 0), refused('denied', 1)], [0, 1])
  t.strictSame(told, [])
  it.penalize('request-too-large')
  t.equal(refused('request-too-large', 1), 1)
  t.equal(refused('denied', 1), 1)
  t.strictSame(told, [['penalize', 'request-too-large']])
  it.penalizeRequest('bad-request')
  t.equal(refused('bad-request', 1), 1)
  t.strictSame(told[1], ['penalize', 'bad-request', 9], 'of whom the request is')
})

test('an answer whose bytes are still being written is not written over', async t => {
  const { it, lent, keepLent } = setUp()
  const answer = (id: string) => it.answer(502, 'connect-failed', id, true, '')
  answer('id-1')
  answer('id-2')
  keepLent()
  answer('id-3')
  answer('id-4')
  answer('id-5')
  const texts = lent.map(bytes => /X-Request-Id: (\S+)/.exec(bytes.toString())![1])
  t.ok(lent.length >= 2, 'what says the same is written again')
  t.equal(texts.at(-1), 'id-5')
  t.ok(texts.includes('id-3'), 'it stays what it was')
})

test('an answer that others follow goes out with them', async t => {
  const { it, session, text, lent } = setUp()
  for (const id of ['id-1', 'id-2', 'id-3']) {
    session.hasMore = id !== 'id-3'
    it.answer(502, 'connect-failed', id, true, '')
  }
  t.match(text(), /id-1[^]*id-2[^]*id-3/)
  t.ok(lent.length <= 1, 'the last one alone is given to the writer whole')
})
