import * as fc from 'fast-check'
import { test } from 'tap'
import { ApiKeys } from '../../src/auth/api-key.ts'
import { makeKey } from '../../src/auth/api-key-form.ts'
import { DpopProofs } from '../../src/auth/dpop.ts'
import type { GuardName } from '../../src/core/governed.ts'
import type { Identity } from '../../src/auth/identity.ts'
import { Policy } from '../../src/auth/policy.ts'
import type { Scheme, Verdict } from '../../src/auth/scheme.ts'
import { refusal, refusals } from '../../src/core/refusals.ts'
import { AuthFailures } from '../../src/guard/auth-failures.ts'
import { IdentityLimits, type Limits } from '../../src/guard/identity-limits.ts'
import { type Asked, Authorizer } from '../../src/proxy/authorizer.ts'
import { RequestClient } from '../../src/proxy/request-client.ts'
import { labelValues } from '../../src/shared/counters.ts'
import { keySet, storedKey } from '../support/api-keys.ts'
import { requestHead } from '../support/head.ts'
import { addressOf, makeShared, numbered } from '../support/memory.ts'
import { RateLimitFields } from '../../src/proxy/rate-limit-fields.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowOf } from '../support/shadow.ts'

const key = makeKey()
const rules = { rule: 'any', schemes: ['api-key'], scopes: [], claims: [] } as const

function setup({
  burst = 2,
  query = '',
  limits = null as Limits | null,
  tried = [] as GuardName[],
} = {}) {
  const shared = makeShared()
  const shadow = shadowOf(shared, tried)
  const keys = new ApiKeys(query)
  keys.load(keySet(storedKey(key, { scopes: ['read'] })))
  const slice = shared.counters.slice(0)
  const { at } = shared.counters
  const authorizer = new Authorizer({
    failures: new AuthFailures(shared.addresses, {
      authFailureRate: 0.01,
      authFailureBurst: burst,
      prefixMultiple: 2,
    }),
    limits: new IdentityLimits(shared, 0, shadow),
    shadow,
    penalties: penaltiesOf(shared),
    limitFields: new RateLimitFields(shared.addresses, {
      rateLimitFields: 'off',
      requestRate: 0,
      requestBurst: 1,
      requestsPerAddress: 0,
      bodyRate: 0,
      bodyBurst: 1,
      prefixMultiple: 0,
    }),
    defaultLimits: limits,
    proofs: new DpopProofs(shared.replays, { window: 60, leeway: 30 }),
    query,
    slice,
    at,
  })
  const client = new RequestClient({
    listener: 'web',
    address: '10.0.0.1',
    source: 1,
    peerIdentity: null,
    handshake: null,
    banCounted: false,
  })
  client.requestSlot = shared.addresses.acquire(numbered(1), 0)
  client.requestPrefixSlot = shared.addresses.acquire(addressOf('192.0.2.0'), 0)
  const neighbour = (n: number): void => {
    client.requestSlot = shared.addresses.acquire(numbered(n), 0)
  }
  const count = (scheme: string, outcome: string): number => {
    const row = labelValues.scheme.indexOf(scheme as 'none') * labelValues.outcome.length
    return slice[at.authentications + row + labelValues.outcome.indexOf(outcome as 'accepted')]!
  }
  return { authorizer, keys, client, count, neighbour, policy: new Policy(rules, [keys], 'r') }
}

/** An exchange that remembers what it was told. */
function exchange(client: RequestClient, fields: readonly string[], target = '/') {
  const told: string[] = []
  const asked: Asked & { isOver: boolean } = {
    head: requestHead(fields, `GET ${target} HTTP/1.1`),
    client,
    isOver: false,
    facts: null,
    judge: null,
    identitySlot: -1,
    identityLine: -1,
    waitFor: ms => void told.push(`wait ${ms}`),
    onAuthorized: () => void told.push('authorized'),
    onRefused: (refused, status, lines) =>
      void told.push(`${status} ${refusals[refused]![0]} ${lines.trim()}`),
  }
  return { asked, told }
}

test('a good key goes on at once, known, and is counted', async t => {
  const { authorizer, client, policy, count } = setup()
  const { asked, told } = exchange(client, [`X-API-Key: ${key}`])
  authorizer.authorize(asked, policy)
  t.strictSame(told, ['authorized'])
  t.match(asked.facts?.lines, /X-Weir-Subject: billing/)
  t.equal(count('api-key', 'accepted'), 1)
})

test('failures of neighbours are spent together, and what is tried is passed', async t => {
  for (const tried of [[], ['prefix-auth-failure-rate']] as GuardName[][]) {
    const { authorizer, client, policy, count, neighbour } = setup({ burst: 2, tried })
    const ask = (credential: string): string => {
      const { asked, told } = exchange(client, [`X-API-Key: ${credential}`])
      authorizer.authorize(asked, policy)
      return told.join()
    }
    for (let n = 1; n <= 4; n++) {
      neighbour(n)
      t.equal(ask(key), 'authorized', 'who does not fail pays nothing')
      t.match(ask('x'), /^401 key-malformed/)
    }
    neighbour(9)
    t.equal(ask(key), tried.length > 0 ? 'authorized' : '429 prefix-auth-failure-rate ')
    if (tried.length > 0) continue
    t.ok(client.retryAfter > 40, `${client.retryAfter} s`)
    t.equal(count('none', 'prefix-auth-failure-rate'), 1)
  }
})

test('failures are spent, silence and lack of scope are not', async t => {
  const { authorizer, client, policy, keys, count } = setup({ burst: 2 })
  const ask = (fields: readonly string[], by = policy): string => {
    const { asked, told } = exchange(client, fields)
    authorizer.authorize(asked, by)
    return told.join()
  }
  const scoped = new Policy({ ...rules, scopes: ['write'] }, [keys], 'r')
  for (let i = 0; i < 3; i++) t.match(ask([]), /^401 credential-missing WWW-Auth/)
  for (let i = 0; i < 3; i++) t.match(ask([`X-API-Key: ${key}`], scoped), /^403 scope-missing WWW/)
  t.match(ask(['X-API-Key: x']), /^401 key-malformed WWW/)
  t.match(ask([`X-API-Key: ${makeKey()}`]), /^401 key-unknown WWW/)
  t.equal(ask([`X-API-Key: ${key}`]), '429 auth-failure-rate ')
  t.ok(client.retryAfter > 90, `${client.retryAfter} s`)
  t.equal(count('none', 'auth-failure-rate'), 1)
  t.equal(count('api-key', 'scope-missing'), 3)
})

test('who may not is known, for the log', async t => {
  const { authorizer, client, keys } = setup()
  const { asked } = exchange(client, [`X-API-Key: ${key}`])
  authorizer.authorize(asked, new Policy({ ...rules, scopes: ['write'] }, [keys], 'r'))
  t.match(asked.facts?.json, '"key":"k1"')
})

test('the key is taken out of the query, whatever comes of it', async t => {
  const { authorizer, client, policy } = setup({ burst: 1, query: 'key' })
  for (const [target, answer] of [
    [`/?key=${key}&a=1`, /authorized/],
    [`/?key=${key}x&a=1`, /key-checksum/],
    [`/?key=${key}&a=1`, /auth-failure-rate/],
  ] as const) {
    const { asked, told } = exchange(client, [], target)
    authorizer.authorize(asked, policy)
    t.match(told.join(), answer)
    t.equal(asked.head.target.query, '?a=1')
  }
})

test('limits of an identity are given back when the exchange is over', async t => {
  const { authorizer, client, policy } = setup({ limits: { rate: 0, burst: 1, concurrency: 1 } })
  const first = exchange(client, [`X-API-Key: ${key}`])
  const second = exchange(client, [`X-API-Key: ${key}`])
  authorizer.authorize(first.asked, policy)
  authorizer.authorize(second.asked, policy)
  t.strictSame(first.told, ['authorized'])
  t.strictSame(second.told, ['429 identity-concurrency '])
  t.equal(client.retryAfter, 1)
  authorizer.leave(first.asked)
  authorizer.authorize(second.asked, policy)
  t.equal(second.told[1], 'authorized')
})

/** A scheme that is waited for. */
function slowScheme(): Scheme & { tell: (verdict: Verdict) => void } {
  const { promise, resolve } = Promise.withResolvers<Verdict>()
  return {
    name: 'jwt',
    find: () => 'x',
    recognises: () => true,
    check: () => promise,
    tell: resolve,
  }
}

const TOKEN: Identity = {
  scheme: 'jwt',
  subject: 'alice',
  client: '',
  scopes: [],
  claims: {},
  keyId: '',
  expiresAt: Infinity,
}

test('a scheme that takes its time is waited for, with a deadline that ends with it', async t => {
  const { authorizer, client, count } = setup()
  const slow = slowScheme()
  const { asked, told } = exchange(client, [])
  authorizer.authorize(asked, new Policy(rules, [slow], 'r'))
  t.strictSame(told, ['wait 30000'])
  slow.tell(TOKEN)
  await Promise.resolve()
  await Promise.resolve()
  t.strictSame(told.slice(1), ['wait 0', 'authorized'])
  t.equal(count('jwt', 'accepted'), 1)
})

test('an exchange that is over meanwhile hears nothing, and holds nothing', async t => {
  const { authorizer, client, count } = setup({ limits: { rate: 0, burst: 1, concurrency: 1 } })
  const slow = slowScheme()
  const { asked, told } = exchange(client, [])
  authorizer.authorize(asked, new Policy(rules, [slow], 'r'))
  asked.isOver = true
  slow.tell(TOKEN)
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(told, ['wait 30000'])
  t.equal(asked.identitySlot, -1)
  t.equal(count('jwt', 'accepted'), 0)
})

test('a scheme that does not come to an end is counted as busy, and costs the client no failure', async t => {
  const { authorizer, client, count } = setup({ burst: 1 })
  const policy = new Policy(rules, [slowScheme()], 'r')
  for (let i = 1; i < 4; i++) {
    const { asked, told } = exchange(client, [])
    authorizer.authorize(asked, policy)
    // As the deadline of the exchange has it.
    authorizer.late(asked)
    t.strictSame(told, ['wait 30000', '503 auth-busy '])
    t.equal(count('jwt', 'auth-busy'), i)
  }
})

test('a token that is bound is of no use without what it is bound to', async t => {
  const { authorizer, client } = setup({ burst: 9 })
  for (const [confirmation, scheme, reason] of [
    [{ certificate: 'x', key: '' }, 'Bearer', 'token-binding'],
    [{ certificate: '', key: 'x' }, 'Bearer', 'token-binding'],
    [{ certificate: '', key: 'x' }, 'DPoP', 'dpop-missing'],
    [{ certificate: '', key: '' }, 'DPoP', 'token-binding'],
  ] as const) {
    const slow: Scheme = { ...slowScheme(), check: () => ({ ...TOKEN, confirmation }) }
    const { asked, told } = exchange(client, [`Authorization: ${scheme} x`])
    authorizer.authorize(asked, new Policy(rules, [slow], 'r'))
    t.match(told.join(), reason)
    t.equal(asked.facts, null)
  }
  t.ok(refusal('token-binding') > 0)
})

test('a token that is bound to nothing is none to prove, whatever else is asked for', async t => {
  const { authorizer, client } = setup({ burst: 9 })
  const token: Scheme = { ...slowScheme(), check: () => TOKEN }
  const certificate: Scheme = {
    ...{ ...slowScheme(), name: 'mtls' },
    check: () => ({ ...TOKEN, scheme: 'mtls' }),
  }
  const both = { ...rules, rule: 'all', schemes: ['jwt', 'mtls'] } as const
  for (const [scheme, verdict] of [
    ['Bearer', /^authorized/],
    ['DPoP', /^401 token-binding/],
  ] as const) {
    const { asked, told } = exchange(client, [`Authorization: ${scheme} x`])
    authorizer.authorize(asked, new Policy(both, [token, certificate], 'r'))
    t.match(told.join(), verdict)
  }
})

test('nothing that a client can send lets it in by accident, or throws', async () => {
  const { authorizer, client, policy } = setup({ burst: 100_000, query: 'key' })
  const bytes = fc.string({
    unit: fc.integer({ min: 0x21, max: 0xff }).map(code => String.fromCharCode(code)),
  })
  const visible = bytes.map(text => text.replaceAll(/[\x7f]/g, ''))
  const query = fc
    .array(fc.constantFrom('key=', 'key', '&', '=', '%6b', 'x', key.slice(0, 20), '?', 'weir_'))
    .map(parts => parts.join(''))
  const credential = fc.oneof(
    visible,
    visible.map(text => `weir_${text}`),
    fc.constant(`${key}0`),
  )
  fc.assert(
    fc.property(
      credential,
      fc.constantFrom('', 'Bearer ', 'ApiKey '),
      query,
      (sent, scheme, asked) => {
        const field = scheme === '' ? `X-API-Key: ${sent}` : `Authorization: ${scheme}${sent}`
        const it = exchange(client, [field], `/?${asked}`)
        authorizer.authorize(it.asked, policy)
        if (it.told.length !== 1 || !/^40[01] /.test(it.told[0]!)) throw new Error(it.told.join())
        const left = it.asked.head.target.query.slice(1).split('&')
        if (left.some(pair => pair.startsWith('key='))) throw new Error('a key goes on')
      },
    ),
    { numRuns: 2000 },
  )
})

test('a limit that a key does not say itself is that of all', async t => {
  const { authorizer, client, keys, policy } = setup({
    limits: { rate: 0.01, burst: 1, concurrency: 0 },
  })
  const own = { rate: 0, burst: 1, concurrency: 5 }
  keys.load(keySet(storedKey(key, { limits: own })))
  const told = [1, 2].map(() => {
    const it = exchange(client, [`X-API-Key: ${key}`])
    authorizer.authorize(it.asked, policy)
    authorizer.leave(it.asked)
    return it.told.join()
  })
  t.strictSame(told, ['authorized', '429 identity-rate '])
})

test('where nobody is asked a key in the query goes no further either', async t => {
  const { authorizer, client } = setup({ query: 'key' })
  const { asked, told } = exchange(client, [], `/?key=${key}&a=1`)
  authorizer.pass(asked)
  t.strictSame(told, ['authorized'])
  t.equal(asked.head.target.query, '?a=1')
})
