import { test } from 'tap'
import type { Identity } from '../../src/auth/identity.ts'
import { proofAlgorithms } from '../../src/auth/algorithms.ts'
import { readAuthorization } from '../../src/auth/authorization.ts'
import { Policy, type PolicyRules } from '../../src/auth/policy.ts'
import type { Scheme, Verdict } from '../../src/auth/scheme.ts'
import { X_API_KEY } from '../../src/codec/http1/field-names.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import type { SchemeName } from '../../src/core/rejections.ts'
import { requestHead } from '../support/head.ts'

const KEY: Identity = {
  scheme: 'api-key',
  subject: 'billing',
  client: 'billing',
  scopes: ['read', 'bill'],
  claims: { a: 1, b: 1 },
  keyId: 'k1',
  expiresAt: 2000,
  limits: { rate: 5, burst: 5, concurrency: 0 },
}
const TOKEN: Identity = {
  scheme: 'jwt',
  subject: 'alice',
  client: '',
  scopes: ['read', 'write'],
  claims: { b: 2 },
  keyId: 't1',
  expiresAt: 1000,
  confirmation: { certificate: 'x', key: '' },
}
const UNKNOWN = refusal('key-unknown')
const SIGNATURE = refusal('token-signature')

/** Knows one credential, and says so at once or later. */
function scheme(
  name: SchemeName,
  find: Scheme['find'],
  good: string,
  verdict: Identity,
  bad: number,
  later = false,
): Scheme {
  const judge = (credential: string): Verdict => (credential === good ? verdict : bad)
  return {
    name,
    find,
    recognises: credential => credential.startsWith(name[0]!),
    check: credential => (later ? Promise.resolve(judge(credential)) : judge(credential)),
  }
}

function schemes(later = false): Scheme[] {
  return [
    scheme('api-key', head => head.list(X_API_KEY), 'a1', KEY, UNKNOWN),
    scheme('jwt', head => readAuthorization(head, 'bearer'), 'j1', TOKEN, SIGNATURE, later),
  ]
}

function policy(rules: Partial<PolicyRules>, later = false, realm = 'r'): Policy {
  const whole = {
    rule: 'any',
    schemes: ['api-key', 'jwt'],
    scopes: [],
    claims: [],
    ...rules,
  } as const
  return new Policy(whole, schemes(later), realm)
}

const head = (key: string, token: string) =>
  requestHead([
    ...(key === '' ? [] : [`X-API-Key: ${key}`]),
    ...(token === '' ? [] : [`Authorization: Bearer ${token}`]),
  ])

test('any: one good credential is enough, and its scheme is told', async t => {
  const any = policy({})
  t.equal(any.identify(head('a1', ''), 0, null), KEY)
  t.equal(any.judge?.name, 'api-key')
  t.equal(any.identify(head('', 'j1'), 0, null), TOKEN)
  t.equal(any.judge?.name, 'jwt')
  t.equal(any.identify(head('', 'j2'), 0, null), SIGNATURE)
  t.equal(any.identify(head('', ''), 0, null), refusal('credential-missing'))
  t.equal(any.judge, null)
  t.equal(any.identify(head('a1', 'j1'), 0, null), refusal('credential-ambiguous'))
})

test('any: what has to be waited for is a promise', async t => {
  const waited = policy({}, true).identify(head('', 'j1'), 0, null)
  t.type(waited, Promise)
  t.equal(await waited, TOKEN)
  t.equal(await policy({}, true).identify(head('', 'j2'), 0, null), SIGNATURE)
})

for (const later of [false, true]) {
  test(`all: each scheme is asked${later ? ', and waited for' : ''}`, async t => {
    const all = policy({ rule: 'all' }, later)
    t.strictSame(await all.identify(head('a1', 'j1'), 0, null), {
      scheme: 'jwt',
      subject: 'alice',
      client: 'billing',
      scopes: ['read', 'bill', 'write'],
      claims: { a: 1, b: 2 },
      keyId: 'k1+t1',
      expiresAt: 1000,
      confirmation: { certificate: 'x', key: '' },
      limits: { rate: 5, burst: 5, concurrency: 0 },
    })
    t.equal(await all.identify(head('a1', ''), 0, null), refusal('credential-missing'))
    t.equal(all.judge, null)
    t.equal(await all.identify(head('', 'j1'), 0, null), refusal('credential-missing'))
    t.equal(await all.identify(head('a2', 'j1'), 0, null), UNKNOWN)
    t.equal(all.judge?.name, 'api-key')
    t.equal(await all.identify(head('a1', 'j2'), 0, null), SIGNATURE)
    t.equal(all.judge?.name, 'jwt')
  })
}

test('all scopes and all claims are needed', async t => {
  const permit = (rules: Partial<PolicyRules>) => policy(rules).permit(KEY)
  t.equal(permit({}), ADMITTED)
  t.equal(permit({ scopes: ['bill', 'read'] }), ADMITTED)
  t.equal(permit({ scopes: ['read', 'write'] }), refusal('scope-missing'))
  const claim = (name: string, value: string) => ({ name, oneOf: [value], prefix: '' })
  t.equal(permit({ claims: [claim('a', '1'), claim('b', '1')] }), ADMITTED)
  t.equal(permit({ claims: [claim('a', '1'), claim('b', '2')] }), refusal('claim-mismatch'))
})

const PROOFS = `algs="${proofAlgorithms.join(' ')}"`

const challenges: readonly (readonly [
  reason: Parameters<typeof refusal>[0],
  sentAs: 'Bearer' | 'DPoP',
  lines: readonly string[],
])[] = [
  ['credential-missing', 'Bearer', ['Bearer realm="r"', `DPoP realm="r", ${PROOFS}`]],
  ['credential-ambiguous', 'Bearer', ['Bearer realm="r", error="invalid_request"']],
  [
    'key-expired',
    'Bearer',
    ['Bearer realm="r", error="invalid_token"', `DPoP realm="r", ${PROOFS}`],
  ],
  [
    'token-expired',
    'DPoP',
    [`DPoP realm="r", error="invalid_token", ${PROOFS}`, 'Bearer realm="r"'],
  ],
  [
    'dpop-stale',
    'DPoP',
    [`DPoP realm="r", error="invalid_dpop_proof", ${PROOFS}`, 'Bearer realm="r"'],
  ],
  ['scope-missing', 'Bearer', ['Bearer realm="r", error="insufficient_scope", scope="read write"']],
  [
    'scope-missing',
    'DPoP',
    [`DPoP realm="r", error="insufficient_scope", scope="read write", ${PROOFS}`],
  ],
]

for (const [reason, sentAs, lines] of challenges) {
  test(`${reason} of ${sentAs} is challenged with ${lines.join(' and ')}`, async t => {
    const asking = policy({ scopes: ['read', 'write'] })
    const challenge = asking.challenge(refusal(reason), sentAs === 'DPoP')
    t.equal(challenge, lines.map(line => `WWW-Authenticate: ${line}\r\n`).join(''))
  })
}

test('proofs may be of every asymmetric algorithm, and of no secret', async t => {
  t.match(PROOFS, /^algs="RS256 .* EdDSA"$/)
  t.notMatch(PROOFS, /HS256|none/)
})

test('where no token counts no proof is spoken of', async t => {
  const keys = new Policy({ rule: 'any', schemes: ['api-key'], scopes: [], claims: [] }, [], 'r')
  const line = 'WWW-Authenticate: Bearer realm="r", error="invalid_token"\r\n'
  t.equal(keys.challenge(refusal('key-unknown'), true), line)
})

test('without scopes a challenge names none', async t => {
  t.equal(
    policy({}).challenge(refusal('claim-mismatch'), false),
    'WWW-Authenticate: Bearer realm="r", error="insufficient_scope"\r\n',
  )
})

test('a challenge says where the resource tells more of itself', async t => {
  const rules = { rule: 'any', schemes: ['jwt'], scopes: [], claims: [] } as const
  const told = new Policy(rules, [], 'r', 'https://a.test/meta')
  t.equal(
    told.challenge(refusal('credential-missing'), false),
    'WWW-Authenticate: Bearer realm="r", resource_metadata="https://a.test/meta"\r\n' +
      `WWW-Authenticate: DPoP realm="r", resource_metadata="https://a.test/meta", ${PROOFS}\r\n`,
  )
  t.match(told.challenge(refusal('token-expired'), false), 'meta", error="invalid_token"\r\n')
})

test('all: what either is bound to has to be shown', async t => {
  const bound = (certificate: string, key: string): Identity => ({
    ...TOKEN,
    confirmation: { certificate, key },
  })
  for (const [first, last, both] of [
    [bound('x', ''), bound('', 'k'), { certificate: 'x', key: 'k' }],
    [bound('x', ''), bound('x', ''), { certificate: 'x', key: '' }],
    [bound('x', ''), bound('y', ''), { certificate: 'x y', key: '' }],
  ] as const) {
    const of = (identity: Identity): Scheme => ({
      name: 'jwt',
      find: () => 'token',
      recognises: () => true,
      check: () => identity,
    })
    const rules = {
      rule: 'all',
      schemes: ['jwt', 'introspection'],
      scopes: [],
      claims: [],
    } as const
    const verdict = new Policy(rules, [of(first), of(last)], 'r').identify(requestHead([]), 0, null)
    t.match(verdict, { confirmation: both })
  }
})
