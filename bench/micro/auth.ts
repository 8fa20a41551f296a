/** What it costs to know who a client is: an API key that is good, and those that are not. */
import { ApiKeys } from '../../src/auth/api-key.ts'
import { makeKey } from '../../src/auth/api-key-form.ts'
import { DpopProofs } from '../../src/auth/dpop.ts'
import { Policy } from '../../src/auth/policy.ts'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import { randomHashKey } from '../../src/core/hash.ts'
import { AuthFailures } from '../../src/guard/auth-failures.ts'
import { RateLimitFields } from '../../src/proxy/rate-limit-fields.ts'
import { Penalties } from '../../src/guard/penalties.ts'
import { Shadow } from '../../src/guard/shadow.ts'
import { IdentityLimits } from '../../src/guard/identity-limits.ts'
import { type Asked, Authorizer } from '../../src/proxy/authorizer.ts'
import { RequestClient } from '../../src/proxy/request-client.ts'
import { createShared } from '../../src/shared/layout.ts'
import { keySet, storedKey } from '../../test/support/api-keys.ts'

const KEYS = 10_000
const secrets = Array.from({ length: KEYS }, () => makeKey())
const scheme = new ApiKeys('')
scheme.load(
  keySet(...secrets.map((secret, i) => storedKey(secret, { id: `k${i}`, name: `n${i}` }))),
)
const unknown = makeKey()
const damaged = `${unknown.slice(0, -1)}${unknown.endsWith('0') ? '1' : '0'}`

const shared = createShared({
  workers: 1,
  backends: 1,
  listeners: 1,
  routes: 1,
  addresses: 1024,
  sessionsPerWorker: 16,
  requestsPerWorker: 16,
  moreBuckets: false,
  proofs: 64,
  hashKey: randomHashKey(),
})
const rules = { rule: 'any', schemes: ['api-key'], scopes: [], claims: [] } as const
const policy = new Policy(rules, [scheme], 'weir')
const client = new RequestClient({
  listener: 'web',
  address: '10.0.0.1',
  source: 1,
  peerIdentity: null,
  handshake: null,
  banCounted: false,
})
client.requestSlot = shared.addresses.acquire(Int32Array.of(0, 0, 0xffff, 1), 0)

const noPenalties = new Penalties(
  shared,
  {
    banThreshold: 0,
    banDecay: 1,
    banTimeMs: 1000,
    banExempt: [],
    ipv4Prefix: 32,
    ipv6Prefix: 64,
  },
  () => {},
)
const noShadow = new Shadow([], {
  slice: shared.counters.slice(0),
  at: shared.counters.at.shadowed,
  tell() {},
})

/** The whole step, as the exchange takes it. */
function step(defaultLimits: ConstructorParameters<typeof Authorizer>[0]['defaultLimits']) {
  const head = new RequestHead()
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: ${secrets[7]}\r\n\r\n`)
  head.parse(bytes, 0, bytes.length, 0)
  const authorizer = new Authorizer({
    failures: new AuthFailures(shared.addresses, {
      authFailureRate: 2,
      authFailureBurst: 60,
      prefixMultiple: 0,
    }),
    limits: new IdentityLimits(shared, 0, noShadow),
    shadow: noShadow,
    penalties: noPenalties,
    limitFields: new RateLimitFields(shared.addresses, {
      rateLimitFields: 'off',
      requestRate: 0,
      requestBurst: 1,
      requestsPerAddress: 0,
      bodyRate: 0,
      bodyBurst: 1,
      prefixMultiple: 0,
    }),
    defaultLimits,
    proofs: new DpopProofs(shared.replays, { window: 60, leeway: 30 }),
    query: '',
    slice: shared.counters.slice(0),
    at: shared.counters.at,
  })
  const asked: Asked = {
    head,
    client,
    isOver: false,
    facts: null,
    judge: null,
    identitySlot: -1,
    identityLine: -1,
    waitFor() {},
    onAuthorized() {},
    onRefused(_, status) {
      throw new Error(`refused with ${status}`)
    },
  }
  return (): void => {
    authorizer.authorize(asked, policy)
    if (asked.identitySlot !== -1) authorizer.leave(asked)
  }
}

let n = 0
export const authParts: Readonly<Record<string, () => void>> = {
  'API key, one of 10,000: check': () => void scheme.check(secrets[n++ % KEYS]!, 0),
  'API key nobody has: check': () => void scheme.check(unknown, 0),
  'API key with a wrong checksum: check': () => void scheme.check(damaged, 0),
  'authorize by API key': step(null),
  'authorize by API key, limited at once': step({ rate: 0, burst: 1, concurrency: 9 }),
}
