import { createSecretKey, randomBytes } from 'node:crypto'
import { CompactEncrypt, FlattenedSign, generateKeyPair } from 'jose'
import { type Test, test } from 'tap'
import { IssuerKeys } from '../../src/auth/issuer-keys.ts'
import type { Identity } from '../../src/auth/identity.ts'
import { Jwt, type JwtRules, VERIFYING_MAX } from '../../src/auth/jwt.ts'
import { KeySet, readKeySet } from '../../src/auth/key-set.ts'
import { refusals } from '../../src/core/refusals.ts'
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
  const read = readKeySet(keySetText(...keys), { secrets: true })
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

/** Flips one character of a part, to another that is as canonical. */
function damaged(part: string): string {
  return `${part[0] === 'A' ? 'B' : 'A'}${part.slice(1)}`
}

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

/** Every way of being wrong, each signed as well as it can be, and what it is called. */
const wrong: Readonly<Record<string, readonly (readonly [what: string, token: string])[]>> = {
  'token-malformed': [
    ['one part', 'e30'],
    ['two parts', `${head}.${body}`],
    ['no header', `.${body}.${signature}`],
    ['no signature', `${head}.${body}.`],
    ['alg is no text', forge(es, { alg: 1 }, claims)],
    ['no alg', forge(es, { kid: 'es' }, claims)],
    ['kid is no text', forge(es, { ...header, kid: { a: 1 } }, claims)],
    ['a kid without end', forge(es, { ...header, kid: 'k'.repeat(300) }, claims)],
    ['typ is a list', forge(es, { ...header, typ: ['JWT'] }, claims)],
  ],
  'token-encoding': [
    ['padding in the header', `${head}=.${body}.${signature}`],
    ['a blank in the payload', `${head}.${body.slice(0, 8)} ${body.slice(8)}.${signature}`],
    ['the other alphabet', `${head}.${body}.${signature.slice(0, -2)}+/`],
    ['spare bits', `${head}.${body}.${signature.slice(0, -1)}${nextOf(signature.at(-1)!)}`],
    ['padding behind the signature', `${good}==`],
    ['a line end', `${good}\n`],
  ],
  'token-trailing': [
    ['four parts', `${good}.${signature}`],
    ['six parts', `${good}.a.b.c`],
    ['a second object in the header', forge(es, `${JSON.stringify(header)}{}`, claims)],
    ['text behind the claims', forge(es, header, `${JSON.stringify(claims)}x`)],
  ],
  'token-detached': [['no payload', `${head}..${signature}`]],
  'token-not-json': [
    ['text as header', forge(es, 'header', claims)],
    ['text as claims', forge(es, header, 'claims')],
    ['a list of claims', forge(es, header, '[]')],
    ['a number', forge(es, header, '1')],
    ['not UTF-8', forge(es, header, Buffer.from('{"sub":"\xff"}', 'latin1'))],
    ['a byte order mark', forge(es, header, `\ufeff${JSON.stringify(claims)}`)],
    ['empty object cut', forge(es, header, '{')],
  ],
  'token-duplicate': [
    ['alg twice', forge(es, '{"alg":"none","kid":"es","alg":"ES256"}', claims)],
    ['sub twice', forge(es, header, JSON.stringify(claims).replace('{', '{"sub":"admin",'))],
    [
      'sub in other letters',
      forge(es, header, JSON.stringify(claims).replace('{', '{"\\u0073ub":"x",')),
    ],
    [
      'within a claim',
      forge(es, header, JSON.stringify(claims).replace('{', '{"x":{"a":1,"a":2},')),
    ],
  ],
  'token-nesting': [
    ['a deep claim', forge(es, header, `{"a":${'['.repeat(500)}${']'.repeat(500)}}`)],
    ['a deep header', forge(es, `{"a":${'{"a":'.repeat(20)}1${'}'.repeat(20)}}`, claims)],
  ],
  'token-oversized': [
    ['long', forge(es, header, { ...claims, pad: 'x'.repeat(4000) })],
    ['long and nothing else', 'a'.repeat(5000)],
  ],
  'token-alg-none': [
    ['none', `${encode({ alg: 'none', kid: 'es' })}.${body}.`],
    ['None, with a signature', `${encode({ alg: 'None', kid: 'es' })}.${body}.${signature}`],
    ['nOnE', `${encode({ alg: 'nOnE' })}.${body}.`],
  ],
  'token-alg-not-allowed': [
    ['made up', forge(es, { ...header, alg: 'XX256' }, claims)],
    ['in small letters', forge(es, { ...header, alg: 'es256' }, claims)],
    ['ES256K', forge(es, { ...header, alg: 'ES256K' }, claims)],
    ['of a JWE', forge(es, { ...header, alg: 'RSA-OAEP' }, claims)],
    ['a name of Object', forge(es, { ...header, alg: 'constructor' }, claims)],
  ],
  'token-alg-not-of-key': [
    ['RS256 with the key of ES256', forge(es, { ...header, alg: 'RS256' }, claims)],
    [
      'RS512 with the key of RS256',
      forge({ ...rs, alg: 'RS512' }, { alg: 'RS512', kid: 'rs' }, claims),
    ],
    [
      'PS256 with the key of RS256',
      forge({ ...rs, alg: 'PS256' }, { alg: 'PS256', kid: 'rs' }, claims),
    ],
    ['EdDSA with the key of ES256', forge(es, { ...header, alg: 'EdDSA' }, claims)],
  ],
  'token-alg-symmetric': [
    ['HS256 with the public key', forgeWithPublicKey(rs, claims)],
    ['HS256 without kid', `${encode({ alg: 'HS256' })}.${body}.${signature}`],
    ['HS512', forge(es, { ...header, alg: 'HS512' }, claims)],
  ],
  'token-key-embedded': [
    ['jwk', forge(es, { ...header, jwk: es.jwk }, claims)],
    ['jku', forge(es, { ...header, jku: 'https://evil.example/jwks' }, claims)],
    ['x5u', forge(es, { ...header, x5u: 'https://evil.example/cert' }, claims)],
    ['x5c', forge(es, { ...header, x5c: ['MIIB'] }, claims)],
  ],
  'token-crit': [
    ['unknown', forge(es, { ...header, crit: ['exp'], exp: 1 }, claims)],
    ['empty', forge(es, { ...header, crit: [] }, claims)],
    ['b64', forge(es, { ...header, b64: true, crit: ['b64'] }, claims)],
  ],
  'token-key-unknown': [
    ['another kid', forge(es, { ...header, kid: 'other' }, claims)],
    ['a path as kid', forge(es, { ...header, kid: '../../dev/null' }, claims)],
    ['SQL as kid', forge(es, { ...header, kid: "x' UNION SELECT 'key" }, claims)],
    ['a name of Object as kid', forge(es, { ...header, kid: '__proto__' }, claims)],
  ],
  'token-signature': [
    ['another key', forge({ ...makeKey('ES256'), kid: 'es' }, header, claims)],
    ['other claims', `${head}.${encode({ ...claims, sub: 'admin' })}.${signature}`],
    ['another header', `${encode({ ...header, x: 1 })}.${body}.${signature}`],
    ['damaged', `${head}.${body}.${damaged(signature)}`],
    ['cut', `${head}.${body}.${signature.slice(0, 80)}`],
    ['one byte', `${head}.${body}.AA`],
    ['all zeros', `${head}.${body}.${encode(Buffer.alloc(64))}`],
    ['DER', `${head}.${body}.${encode(Buffer.from('3006020101020101', 'hex'))}`],
  ],
  'token-expired': [
    ['long ago', forge(es, header, goodClaims(NOW, { exp: 1 }))],
    ['just beyond the leeway', forge(es, header, goodClaims(NOW, { exp: NOW - 30 }))],
    ['below zero', forge(es, header, goodClaims(NOW, { exp: -1 }))],
  ],
  'token-early': [['nbf to come', forge(es, header, goodClaims(NOW, { nbf: NOW + 31 }))]],
  'token-from-future': [['iat to come', forge(es, header, goodClaims(NOW, { iat: NOW + 31 }))]],
  'token-audience': [
    ['another', forge(es, header, goodClaims(NOW, { aud: 'other' }))],
    ['others', forge(es, header, goodClaims(NOW, { aud: ['other', 'another'] }))],
    ['none', forge(es, header, goodClaims(NOW, { aud: undefined }))],
    ['an empty list', forge(es, header, goodClaims(NOW, { aud: [] }))],
    ['in capitals', forge(es, header, goodClaims(NOW, { aud: AUDIENCE.toUpperCase() }))],
  ],
  'token-issuer': [
    ['another', forge(es, header, goodClaims(NOW, { iss: 'https://other.example' }))],
    ['with a slash more', forge(es, header, goodClaims(NOW, { iss: `${ISSUER}/` }))],
    ['none', forge(es, header, goodClaims(NOW, { iss: undefined }))],
    ['a list', forge(es, header, goodClaims(NOW, { iss: [ISSUER] }))],
  ],
  'token-type': [
    ['a proof', forge(es, { ...header, typ: 'dpop+jwt' }, claims)],
    ['a logout', forge(es, { ...header, typ: 'logout+jwt' }, claims)],
    ['in full', forge(es, { ...header, typ: 'application/secevent+jwt' }, claims)],
  ],
  'token-claim': [
    ['no exp', forge(es, header, goodClaims(NOW, { exp: undefined }))],
    ['exp is text', forge(es, header, goodClaims(NOW, { exp: String(NOW + 60) }))],
    ['exp is null', forge(es, header, goodClaims(NOW, { exp: null }))],
    [
      'exp is beyond numbers',
      forge(es, header, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999')),
    ],
    ['nbf is text', forge(es, header, goodClaims(NOW, { nbf: 'now' }))],
    ['iat is an object', forge(es, header, goodClaims(NOW, { iat: {} }))],
    ['aud holds a number', forge(es, header, goodClaims(NOW, { aud: [AUDIENCE, 1] }))],
    ['aud is an object', forge(es, header, goodClaims(NOW, { aud: { [AUDIENCE]: 1 } }))],
    ['sub is a number', forge(es, header, goodClaims(NOW, { sub: 1 }))],
    ['client_id is a list', forge(es, header, goodClaims(NOW, { client_id: ['a'] }))],
    ['scope is a number', forge(es, header, goodClaims(NOW, { scope: 1 }))],
    ['cnf is text', forge(es, header, goodClaims(NOW, { cnf: 'x' }))],
    ['cnf.jkt is a number', forge(es, header, goodClaims(NOW, { cnf: { jkt: 1 } }))],
  ],
  'token-binding': [
    ['in a way unknown', forge(es, header, goodClaims(NOW, { cnf: { kid: 'x' } }))],
  ],
}

/** Another character whose unused bits differ. */
function nextOf(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(character) + 1]!
}

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
  void jwt.check(forge(es, { ...header, kid: 'y' }, claims), NOW)
  t.equal(asked, 2, 'but after it')
  issuer.looked(10_000)
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
