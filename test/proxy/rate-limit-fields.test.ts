import { test } from 'tap'
import { ticks } from '../../src/core/clock.ts'
import { TokenBuckets } from '../../src/guard/token-buckets.ts'
import { RateLimitFields, type RateLimitOptions } from '../../src/proxy/rate-limit-fields.ts'
import { REQUEST_BUCKET } from '../../src/shared/address-table.ts'
import { makeShared, numbered } from '../support/memory.ts'

const LIMITS = {
  requestRate: 100,
  requestBurst: 250,
  requestsPerAddress: 7,
  bodyRate: 0,
  bodyBurst: 1,
  prefixMultiple: 0,
}
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

function fields(options: Partial<RateLimitOptions>, shared = makeShared()): RateLimitFields {
  return new RateLimitFields(shared.addresses, {
    rateLimitFields: 'refused',
    ...LIMITS,
    ...options,
  })
}

test('a refused client is told the limit it ran into, and when to come back', async t => {
  t.equal(
    fields({}).refused('request-rate', 3),
    'RateLimit-Policy: "request-rate";q=250;w=3\r\nRateLimit: "request-rate";r=0;t=3\r\n',
  )
  t.equal(
    fields({}).refused('requests-per-address', 1),
    'RateLimit-Policy: "requests-per-address";q=7;qu="concurrent-requests"\r\n' +
      'RateLimit: "requests-per-address";r=0;t=1\r\n',
  )
  t.equal(
    fields({ bodyRate: 1000, bodyBurst: 5000 }).refused('body-rate', 20),
    'RateLimit-Policy: "body-rate";q=5000;w=5;qu="content-bytes"\r\nRateLimit: "body-rate";r=0;t=20\r\n',
  )
  t.match(fields({ requestRate: 65_536 }).refused('request-rate', 1), ';w=1\r\n', 'never 0')
})

test('what is no budget has no fields, and off has none at all', async t => {
  for (const reason of ['banned', 'auth-failure-rate', 'bad-request', '']) {
    t.equal(fields({}).refused(reason, 1), '', reason)
  }
  const off = fields({ rateLimitFields: 'off' })
  t.equal(off.refused('request-rate', 1), '')
  t.equal(off.refusedRate('route-request-rate', 1, 1, 1), '')
  t.equal(off.refusedIdentity('identity-rate', { rate: 1, burst: 1, concurrency: 0 }, 1), '')
})

test('an identity is told its own limits', async t => {
  const limits = { rate: 2, burst: 5, concurrency: 4 }
  t.equal(
    fields({}).refusedIdentity('identity-rate', limits, 2),
    'RateLimit-Policy: "identity-rate";q=5;w=3\r\nRateLimit: "identity-rate";r=0;t=2\r\n',
  )
  t.match(
    fields({}).refusedIdentity('identity-concurrency', limits, 1),
    '"identity-concurrency";q=4;qu="concurrent-requests"\r\n',
  )
})

test('other responses say what is left, if they are to say anything', async t => {
  const shared = makeShared()
  const slow = { requestRate: 0.01, requestBurst: 5 }
  const slot = shared.addresses.acquire(numbered(1), ticks())
  const buckets = new TokenBuckets(shared.addresses.words, { rate: 0.01, burst: 5 })
  const at = shared.addresses.bucket(slot, REQUEST_BUCKET)
  buckets.take(at, ticks())
  buckets.take(at, ticks())
  t.equal(fields(slow, shared).add(HEAD, slot), HEAD)
  t.equal(fields({ ...slow, rateLimitFields: 'all', requestRate: 0 }, shared).add(HEAD, slot), HEAD)
  const told = fields({ ...slow, rateLimitFields: 'all' }, shared)
  t.equal(told.add(HEAD, -1), HEAD, 'who is not counted')
  const lines =
    'RateLimit-Policy: "request-rate";q=5;w=500\r\nRateLimit: "request-rate";r=3;t=200\r\n'
  t.equal(told.add(HEAD, slot), `${HEAD.slice(0, -2)}${lines}\r\n`)
})
