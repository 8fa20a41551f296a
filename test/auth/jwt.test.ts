import { createSecretKey, randomBytes } from 'node:crypto'
import { CompactEncrypt, FlattenedSign, generateKeyPair } from 'jose'
import { type Test, test } from 'tap'
import { IssuerKeys, WAITING_MAX } from '../../src/auth/issuer-keys.ts'
import type { Identity } from '../../src/auth/identity.ts'
import { Jwt, type JwtRules, VERIFYING_MAX } from '../../src/auth/jwt.ts'
import { KeySet, readKeySet } from '../../src/auth/key-set.ts'
import { refusals } from '../../src/core/refusals.ts'
import { until } from '../support/until.ts'
import { wrongTokens } from '../support/wrong-tokens.ts'
import {
  AUDIENCE,
  encode,
  forge,
  forgeWithPublicKey,
  goodClaims,
  ISSUER,
  issue,
  keySetText,
  makeKey,
  signatureOf,
  type SigningKey,
} from '../support/tokens.ts'

const NOW = 1_800_000_000
const RULES: JwtRules = {
  audiences: [AUDIENCE],
  type: 'any',
  leewaySeconds: 30,
  lengthMax: 4096,
  cache: { tokens: 100, characters: 100_000 },
}

const es = makeKey('ES256', 'es')
const rs = makeKey('RS256', 'rs')

function setOf(...keys: readonly SigningKey[]): KeySet {
  const read = readKeySet(keySetText(...keys), { secrets: true, algorithms: [] })
  if (typeof read === 'string') throw new Error(read)
  return new KeySet(read.keys)
}

/** @param asked counts how often main would have been asked for keys */
function scheme(
  keys: readonly SigningKey[] = [es, rs],
  rules: Partial<JwtRules> = {},
  ask = () => {},
) {
  const issuer = new IssuerKeys(ask)
  issuer.replace(setOf(...keys))
  // As after a look: what is unknown is unknown.
  issuer.looked(60_000)
  return { jwt: new Jwt(new Map([[ISSUER, issuer]]), { ...RULES, ...rules }), issuer }
}

async function judge(jwt: Jwt, token: string, now = NOW): Promise<string> {
  const verdict = await jwt.check(token, now)
  return typeof verdict === 'number' ? refusals[verdict]![0] : `good: ${verdict.subject}`
}

const header = { alg: 'ES256', kid: 'es', typ: 'JWT' }
const claims = goodClaims(NOW)
const good = forge(es, header, claims)
const [head, body, signature] = good.split('.') as [string, string, string]

async function jwe(): Promise<string> {
  const { publicKey } = await generateKeyPair('RSA-OAEP-256')
  return await new CompactEncrypt(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'rs' })
    .encrypt(publicKey)
}

async function unencoded(): Promise<string> {
  const { protected: head, signature } = await new FlattenedSign(Buffer.from('$.02'))
    .setProtectedHeader({ alg: 'ES256', kid: 'es', b64: false, crit: ['b64'] })
    .sign(es.privateKey)
  return `${head}..${signature}`
}

const wrong = wrongTokens(es, rs, NOW)

for (const [name, cases] of Object.entries(wrong)) {
  test(`refused as ${name}`, async t => {
    const { jwt } = scheme()
    for (const [what, token] of cases) {
      t.equal(await judge(jwt, token), name, what)
      t.equal(await judge(jwt, token), name, `${what}, and again`)
    }
    t.equal(jwt.cache.size, 0, 'and nothing of it is kept')
    t.equal(await judge(jwt, good), 'good: someone', 'while a good one passes')
  })
}

test('encrypted tokens and unencoded payloads are refused as what they are', async t => {
  const { jwt } = scheme()
  t.equal(await judge(jwt, await jwe()), 'token-encrypted')
  t.equal(await judge(jwt, forge(es, { ...header, zip: 'DEF' }, claims)), 'token-encrypted')
  t.equal(await judge(jwt, await unencoded()), 'token-detached')
})

test('no piece of a good token is good, and no token with a character changed', async t => {
  const { jwt } = scheme()
  for (let i = 0; i < good.length; i++) {
    t.notMatch(await judge(jwt, good.slice(0, i)), /^good/, `${i} characters`)
    const other = good[i] === 'A' ? 'B' : 'A'
    t.notMatch(await judge(jwt, good.slice(0, i) + other + good.slice(i + 1)), /^good/, `at ${i}`)
  }
  t.equal(jwt.cache.size, 0)
})

test('every algorithm verifies what jose signed, and nothing but that', async t => {
  const names = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512']
  for (const alg of [...names, 'EdDSA', 'Ed25519']) {
    const key = makeKey(alg)
    const { jwt } = scheme([key])
    const token = await issue(key, claims)
    t.equal(await judge(jwt, token), 'good: someone', alg)
    const stranger = await issue({ ...makeKey(alg), kid: key.kid }, claims)
    t.equal(await judge(jwt, stranger), 'token-signature', alg)
  }
  const key = makeKey('Ed448')
  const { jwt } = scheme([key])
  for (const alg of ['Ed448', 'EdDSA']) {
    const token = forge(key, { alg, kid: 'Ed448' }, goodClaims(NOW, { alg }))
    t.equal(await judge(jwt, token), 'good: someone', `Ed448 as ${alg}`)
  }
})

test('Ed25519 has two names', async t => {
  const key = makeKey('EdDSA', 'ed')
  const { jwt } = scheme([key])
  for (const alg of ['EdDSA', 'Ed25519']) {
    t.equal(await judge(jwt, forge(key, { alg, kid: 'ed' }, claims)), 'good: someone', alg)
  }
  t.equal(await judge(jwt, forge(key, { alg: 'Ed448', kid: 'ed' }, claims)), 'token-alg-not-of-key')
})

test('a secret verifies HS tokens of its algorithm alone', async t => {
  const secret = randomBytes(32)
  const key = {
    ...es,
    kid: 'hs',
    alg: 'HS256',
    privateKey: createSecretKey(secret),
    jwk: { kty: 'oct', k: secret.toString('base64url'), kid: 'hs', alg: 'HS256' },
  }
  const { jwt } = scheme([key, rs])
  t.equal(await judge(jwt, await issue(key, claims)), 'good: someone')
  t.equal(await judge(jwt, await issue({ ...key, alg: 'HS512' }, claims)), 'token-alg-not-of-key')
  const other = { ...key, privateKey: createSecretKey(randomBytes(32)) }
  t.equal(await judge(jwt, await issue(other, claims)), 'token-signature')
  t.equal(await judge(jwt, forgeWithPublicKey(rs, claims)), 'token-alg-not-of-key')
})

test('times have a leeway, to the second', async t => {
  const { jwt } = scheme()
  for (const [name, value, verdict] of [
    ['exp', NOW - 29, 'good: someone'],
    ['exp', NOW - 30, 'token-expired'],
    ['nbf', NOW + 30, 'good: someone'],
    ['nbf', NOW + 31, 'token-early'],
    ['iat', NOW + 30, 'good: someone'],
    ['iat', NOW + 31, 'token-from-future'],
  ] as const) {
    const token = forge(es, header, goodClaims(NOW, { [name]: value }))
    t.equal(await judge(jwt, token), verdict, `${name} ${value - NOW}`)
  }
})

test('a kept token is told at once, and no longer than it is good', async t => {
  const { jwt } = scheme()
  const token = forge(es, header, goodClaims(NOW, { exp: NOW + 10 }))
  t.type(jwt.check(token, NOW), Promise)
  await jwt.check(token, NOW)
  t.type(jwt.check(token, NOW + 39), Object)
  t.match(jwt.check(token, NOW + 39), { subject: 'someone' })
  t.equal(await judge(jwt, token, NOW + 40), 'token-expired')
  t.equal(jwt.cache.size, 0)
})

test('a token that comes again while it is checked is checked once', async t => {
  const { jwt } = scheme()
  const first = jwt.check(good, NOW)
  t.equal(jwt.check(good, NOW), first)
  await first
})

test('more signatures than may be checked at once are told to come again', async t => {
  const { jwt } = scheme()
  const tokens = Array.from({ length: VERIFYING_MAX + 5 }, (_, i) =>
    forge(es, header, goodClaims(NOW, { jti: String(i) })),
  )
  const verdicts = await Promise.all(tokens.map(async token => await judge(jwt, token)))
  t.equal(verdicts.filter(each => each === 'good: someone').length, VERIFYING_MAX)
  t.equal(verdicts.filter(each => each === 'auth-busy').length, 5)
  t.equal(await judge(jwt, good), 'good: someone', 'and later there is room again')
})

test('forged tokens neither fill nor flush what is known', async t => {
  const { jwt } = scheme([es, rs], { cache: { tokens: 4, characters: 10_000 } })
  await judge(jwt, good)
  for (let i = 0; i < 200; i++) {
    await judge(jwt, `${head}.${encode({ ...claims, i })}.${signature}`)
    t.equal(jwt.cache.size, 1)
  }
  t.match(jwt.check(good, NOW), { subject: 'someone' })
})

test('what a key verified counts no longer than the key', async t => {
  const { jwt, issuer } = scheme([es, rs])
  const other = await issue(rs, claims)
  await judge(jwt, good)
  await judge(jwt, other)
  issuer.replace(setOf(rs, makeKey('ES256', 'new')))
  t.equal(await judge(jwt, good), 'token-key-unknown')
  t.match(jwt.check(other, NOW), { subject: 'someone' }, 'a key that stays keeps what it verified')
  const impostor = { ...makeKey('RS256'), kid: 'rs' }
  issuer.replace(setOf({ ...impostor, jwk: { ...impostor.jwk, kid: 'rs' } }))
  t.equal(await judge(jwt, other), 'token-signature', 'another key of that kid does not')
})

test('an unknown kid waits for main to look, and made-up ones ask it once', async t => {
  let asked = 0
  const issuer = new IssuerKeys(() => asked++)
  issuer.replace(setOf(rs))
  const jwt = new Jwt(new Map([[ISSUER, issuer]]), RULES)
  const verdict = judge(jwt, good)
  const storm = Array.from({ length: 500 }, async (_, i) => {
    return await judge(jwt, forge(es, { ...header, kid: `k${i}` }, claims))
  })
  t.equal(asked, 1)
  issuer.replace(setOf(rs, es))
  issuer.looked(10_000)
  t.equal(await verdict, 'good: someone')
  t.strictSame([...new Set(await Promise.all(storm))], ['token-key-unknown'])
  t.type(jwt.check(forge(es, { ...header, kid: 'x' }, claims), NOW), 'number', 'no wait')
  t.equal(asked, 1, 'and nobody asks within the cool-down')
  issuer.looked(0)
  const later = judge(jwt, forge(es, { ...header, kid: 'y' }, claims))
  t.equal(asked, 2, 'but after it')
  issuer.looked(100)
  t.equal(await later, 'token-key-unknown')
  const soon = judge(jwt, forge(es, { ...header, kid: 'z' }, claims))
  t.equal(asked, 2)
  await until(() => asked === 3, 'a short cool-down is sat out')
  issuer.looked(10_000)
  t.equal(await soon, 'token-key-unknown')
})

test('a token too many for one look is told to come again, and not that it is bad', async t => {
  const issuer = new IssuerKeys(() => {})
  issuer.replace(setOf(rs))
  const jwt = new Jwt(new Map([[ISSUER, issuer]]), RULES)
  const waiting = Array.from({ length: WAITING_MAX }, async (_, i) => {
    return await judge(jwt, forge(es, { ...header, kid: `k${i}` }, claims))
  })
  t.equal(await judge(jwt, good), 'auth-busy')
  issuer.replace(setOf(rs, es))
  issuer.looked(10_000)
  t.strictSame([...new Set(await Promise.all(waiting))], ['token-key-unknown'])
  t.equal(await judge(jwt, good), 'good: someone', 'and is good when it does')
})

test('without any keys it is not the client who is to blame', async t => {
  const { jwt, issuer } = scheme()
  issuer.replace(null)
  t.equal(await judge(jwt, good), 'keys-unavailable')
})

test('only an access token will do where one is asked for', async t => {
  const { jwt } = scheme([es], { type: 'at+jwt' })
  const whole = goodClaims(NOW, { client_id: 'app', jti: '1' })
  const typ = { ...header, typ: 'at+jwt' }
  t.equal(await judge(jwt, forge(es, typ, whole)), 'good: someone')
  t.equal(
    await judge(jwt, forge(es, { ...header, typ: 'Application/AT+JWT' }, { ...whole, jti: '2' })),
    'good: someone',
  )
  t.equal(await judge(jwt, forge(es, header, whole)), 'token-type')
  t.equal(await judge(jwt, forge(es, { alg: 'ES256', kid: 'es' }, whole)), 'token-type')
  for (const claim of ['sub', 'client_id', 'jti', 'iat', 'aud', 'exp']) {
    const token = forge(es, typ, { ...whole, [claim]: undefined })
    t.equal(await judge(jwt, token), 'token-claim', `without ${claim}`)
  }
})

test('each issuer has its own keys', async t => {
  const one = new IssuerKeys(() => {})
  const two = new IssuerKeys(() => {})
  for (const [issuer, key] of [
    [one, es],
    [two, rs],
  ] as const) {
    issuer.replace(setOf(key))
    issuer.looked(60_000)
  }
  const jwt = new Jwt(
    new Map([
      [ISSUER, one],
      ['https://two.example', two],
    ]),
    RULES,
  )
  const other = goodClaims(NOW, { iss: 'https://two.example' })
  t.equal(await judge(jwt, await issue(es, claims)), 'good: someone')
  t.equal(await judge(jwt, await issue(rs, other)), 'good: someone')
  t.equal(await judge(jwt, await issue(es, other)), 'token-key-unknown')
  t.equal(await judge(jwt, await issue(rs, claims)), 'token-key-unknown')
})

test('the identity is what the claims say', async t => {
  const { jwt } = scheme()
  const token = await issue(
    es,
    goodClaims(NOW, {
      azp: 'app',
      scope: 'read  write',
      cnf: { 'x5t#S256': 'abc', jkt: 'def' },
      nested: { a: [1] },
    }),
  )
  const identity = (await jwt.check(token, NOW)) as Identity
  t.match(identity, {
    scheme: 'jwt',
    subject: 'someone',
    client: 'app',
    keyId: 'es',
    expiresAt: NOW + 3600,
    confirmation: { certificate: 'abc', key: 'def' },
    claims: { nested: { a: [1] } },
  })
  t.strictSame(identity.scopes, ['read', 'write'])
  await sameScopes(t, jwt, { scp: ['a', 'b'] }, ['a', 'b'])
  await sameScopes(t, jwt, { scp: 'a b' }, ['a', 'b'])
  await sameScopes(t, jwt, {}, [])
})

async function sameScopes(t: Test, jwt: Jwt, change: object, scopes: string[]): Promise<void> {
  const token = await issue(es, goodClaims(NOW, { ...change }))
  t.strictSame(((await jwt.check(token, NOW)) as Identity).scopes, scopes)
}

test('a signature over other bytes of the same meaning is another token', async t => {
  const { jwt } = scheme()
  const spaced = `${encode(` ${JSON.stringify(header)}`)}.${body}`
  t.equal(await judge(jwt, `${spaced}.${signature}`), 'token-signature')
  t.equal(await judge(jwt, `${spaced}.${signatureOf(es, spaced)}`), 'good: someone')
})

test('an identity stands until its token is over, or its key is gone', async t => {
  const { jwt, issuer } = scheme()
  const identity = (await jwt.check(good, NOW)) as Identity
  t.equal(jwt.check(good, NOW), identity, 'the same one each time')
  t.ok(jwt.stands(identity, NOW))
  t.notOk(jwt.stands(identity, NOW + 3600 + 61))
  issuer.replace(setOf(rs))
  t.notOk(jwt.stands(identity, NOW))
})

test('names that no UTF-8 can tell, and bindings to nothing, are refused', async t => {
  const { jwt } = scheme()
  const lone = '\ud800'
  for (const [what, more] of Object.entries({
    subject: { sub: lone },
    client: { client_id: lone },
    scope: { scope: `read ${lone}` },
    'list of scopes': { scp: ['read', lone] },
    'no binding': { cnf: {} },
    'empty key': { cnf: { jkt: '' } },
    'empty certificate': { cnf: { 'x5t#S256': '' } },
  })) {
    t.equal(await judge(jwt, forge(es, header, { ...claims, ...more })), 'token-claim', what)
  }
  t.match(await judge(jwt, forge(es, header, { ...claims, sub: '😀' })), 'good: 😀')
})
