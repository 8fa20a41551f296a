import { generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import type { AlgorithmName } from '../../src/auth/algorithms.ts'
import { KEYS_MAX, KeySet, openKeySet, readKeySet } from '../../src/auth/key-set.ts'
import { refusals } from '../../src/core/refusals.ts'
import { keySetText, makeKey } from '../support/tokens.ts'

const es = makeKey('ES256', 'es')
const rs = makeKey('RS256', 'rs')
const ed = makeKey('EdDSA', 'ed')

function read(jwk: object, secrets = false, algorithms: readonly AlgorithmName[] = []): string {
  const set = readKeySet(JSON.stringify({ keys: [jwk] }), { secrets, algorithms })
  if (typeof set === 'string') return set
  const [key] = set.keys
  return key === undefined ? set.skipped[0]!.reason : key.name
}

function setOf(...keys: readonly { jwk: object }[]): KeySet {
  const set = readKeySet(keySetText(...keys), { secrets: true, algorithms: [] })
  if (typeof set === 'string') throw new Error(set)
  return new KeySet(set.keys)
}

function find(set: KeySet, kid: string | null, alg: string): string {
  const key = set.find(kid, alg)
  return typeof key === 'number' ? refusals[key]![0] : `${key.kid} ${key.name}`
}

const without = (jwk: object, ...names: string[]) =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)))

test('a key is for the algorithm it says, or for the usual one of its type', async t => {
  for (const [alg, usual] of [
    ['RS256', 'RS256'],
    ['RS512', 'RS256'],
    ['PS384', 'RS256'],
    ['ES256', 'ES256'],
    ['ES384', 'ES384'],
    ['ES512', 'ES512'],
    ['Ed25519', 'Ed25519'],
    ['Ed448', 'Ed448'],
  ] as const) {
    const { jwk } = makeKey(alg)
    t.equal(read(jwk), alg)
    t.equal(read(without(jwk, 'alg')), usual, `${alg} that does not say so`)
  }
  t.equal(read(ed.jwk), 'Ed25519')
  t.equal(read({ ...ed.jwk, key_ops: ['verify'] }), 'Ed25519')
})

test('keys that will not do are left out, and it is said why', async t => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const odd = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey
  const x25519 = generateKeyPairSync('x25519').publicKey
  const wholeKey = es.privateKey.export({ format: 'jwk' })
  const secret = { kty: 'oct', k: Buffer.alloc(32, 1).toString('base64url'), alg: 'HS256' }
  for (const [jwk, reason] of [
    [small.export({ format: 'jwk' }), 'its 1024 bits of RSA are fewer than 2048'],
    [{ ...odd.export({ format: 'jwk' }), e: 'AQ' }, /exponent 1 is no odd number/],
    [{ ...odd.export({ format: 'jwk' }), e: 'AQAA' }, /exponent 65536 is no odd number/],
    [k1.export({ format: 'jwk' }), /^ec secp256k1 is for no algorithm/],
    [x25519.export({ format: 'jwk' }), /^x25519 is for no algorithm/],
    [wholeKey, 'it is a private key'],
    [secret, 'it is a secret (kty oct)'],
    [{ ...es.jwk, use: 'enc' }, 'its use is "enc", not "sig"'],
    [{ ...es.jwk, key_ops: ['sign'] }, 'its key_ops do not allow to verify'],
    [{ ...es.jwk, key_ops: 'verify' }, 'its key_ops do not allow to verify'],
    [{ ...es.jwk, alg: 'ES384' }, /^its alg is "ES384", which ec prime256v1 is not for/],
    [{ ...es.jwk, alg: 'RS256' }, /^its alg is "RS256"/],
    [{ ...rs.jwk, alg: 'HS256' }, /^its alg is "HS256"/],
    [{ ...rs.jwk, alg: 'none' }, /^its alg is "none"/],
    [{ ...rs.jwk, alg: 'RSA-OAEP' }, /^its alg is "RSA-OAEP"/],
    [{ ...rs.jwk, alg: 'toString' }, /^its alg is "toString"/],
    [{ ...es.jwk, kid: 7 }, /^its kid is no text/],
    [{ kty: 'RSA' }, /^it cannot be read: /],
    [{ ...es.jwk, x: es.jwk['y'] }, /^it cannot be read: /],
    [{ kty: 'AKP', kid: 'a' }, 'its kty is "AKP"'],
    [{}, 'its kty is undefined'],
    [[] as object, 'it is no object'],
  ] as const) {
    t.match(read(jwk), reason)
  }
})

test('a secret will do where the operator wrote it down, if it is long enough', async t => {
  const k = (bytes: number) => Buffer.alloc(bytes, 1).toString('base64url')
  for (const [alg, bytes] of [
    ['HS256', 32],
    ['HS384', 48],
    ['HS512', 64],
  ] as const) {
    t.equal(read({ kty: 'oct', alg, k: k(bytes) }, true), alg)
    t.match(
      read({ kty: 'oct', alg, k: k(bytes - 1) }, true),
      `its secret has ${bytes - 1} bytes, ${alg} needs at least ${bytes}`,
    )
  }
  t.match(read({ kty: 'oct', k: k(64) }, true), 'a secret needs an alg')
  t.match(read({ kty: 'oct', alg: 'RS256', k: k(64) }, true), 'a secret needs an alg')
  t.match(read({ kty: 'oct', alg: 'HS256', k: '+/==' }, true), 'its k is no base64url')
  t.match(read({ kty: 'oct', alg: 'HS256' }, true), 'its k is no base64url')
})

test('one bad key costs no other', async t => {
  const set = readKeySet(keySetText({ jwk: { kty: 'x' } }, es, { jwk: { ...es.jwk } }, rs), {
    secrets: false,
    algorithms: [],
  })
  t.match(set, {
    keys: [{ kid: 'es' }, { kid: 'rs' }],
    skipped: [
      { key: '#0', reason: 'its kty is "x"' },
      { key: 'es', reason: 'another key has its kid and algorithm' },
    ],
  })
})

test('a set has an end', async t => {
  const keys = Array.from({ length: KEYS_MAX + 2 }, (_, i) => ({
    jwk: { ...es.jwk, kid: String(i) },
  }))
  const set = readKeySet(keySetText(...keys), { secrets: false, algorithms: [] })
  t.match(set, { skipped: [{ key: '64', reason: 'it is one more than 64 keys' }, { key: '65' }] })
})

test('what is no set is said to be none', async t => {
  for (const [text, reason] of [
    ['', 'is no JSON'],
    ['<html>', 'is no JSON'],
    ['[]', 'is no JWK set'],
    ['{}', 'is no JWK set'],
    ['null', 'is no JWK set'],
    ['{"keys":{}}', 'is no JWK set'],
  ] as const) {
    t.match(readKeySet(text, { secrets: false, algorithms: [] }), reason, text)
  }
})

test('the kid chooses the key, and its algorithm must be that of the token', async t => {
  const set = setOf(es, rs, ed)
  t.equal(find(set, 'es', 'ES256'), 'es ES256')
  t.equal(find(set, 'ed', 'EdDSA'), 'ed Ed25519')
  t.equal(find(set, 'es', 'RS256'), 'token-alg-not-of-key')
  t.equal(find(set, 'xx', 'RS256'), 'token-key-unknown')
  t.equal(find(set, 'xx', 'XS256'), 'token-alg-not-allowed')
  t.equal(find(set, 'rs', 'HS256'), 'token-alg-symmetric')
})

test('without a kid there must be one key of that algorithm', async t => {
  t.equal(find(setOf(es, rs), null, 'RS256'), 'rs RS256')
  t.equal(find(setOf(es, makeKey('ES256', 'two')), null, 'ES256'), 'token-key-unknown')
  t.equal(find(setOf(es), null, 'RS256'), 'token-alg-not-of-key')
  t.equal(find(new KeySet([]), null, 'RS256'), 'token-key-unknown')
  // An empty kid is not none: it names no key, and neither one that has none of its own.
  t.equal(find(setOf(es), '', 'ES256'), 'token-key-unknown')
  const { keys } = setOf(makeKey('ES256', ''))
  t.equal(find(new KeySet(keys), '', 'ES256'), 'token-key-unknown')
  t.equal(find(new KeySet(keys, true), '', 'ES256'), ' ES256')
})

test('a key without kid is found by tokens with one only if it was named by the operator', async t => {
  const { keys } = setOf({ jwk: without(es.jwk, 'kid') })
  t.equal(find(new KeySet(keys), 'any', 'ES256'), 'token-key-unknown')
  t.equal(find(new KeySet(keys, true), 'any', 'ES256'), ' ES256')
  t.equal(find(new KeySet(setOf(es).keys, true), 'any', 'ES256'), 'token-key-unknown')
})

test('one kid may stand for keys of several algorithms', async t => {
  const set = setOf({ jwk: { ...es.jwk, kid: 'k' } }, { jwk: { ...rs.jwk, kid: 'k' } })
  t.equal(find(set, 'k', 'ES256'), 'k ES256')
  t.equal(find(set, 'k', 'RS256'), 'k RS256')
})

test('a set that follows another keeps the keys they share, and ends the rest', async t => {
  const old = setOf(es, rs)
  const next = setOf(rs, ed).succeed(old)
  t.equal(next.keys[0], old.keys[1])
  t.ok(old.keys[1]!.isCurrent)
  t.notOk(old.keys[0]!.isCurrent)
  t.ok(next.keys[1]!.isCurrent)
  t.ok(setOf(es, rs).equals(setOf(rs, es)))
  t.notOk(setOf(es, rs).equals(setOf(rs)))
  t.notOk(setOf(es).equals(setOf({ jwk: { ...es.jwk, kid: 'other' } })))
  t.notOk(setOf(es).equals(setOf({ jwk: makeKey('ES256', 'es').jwk })))
})

test('the operator may say what keys are for, and of RSA what those are that do not say', async t => {
  const { jwk } = makeKey('PS256', 'ps')
  const silent = without(jwk, 'alg')
  t.equal(read(silent, false, ['ES256', 'PS256', 'RS256']), 'PS256')
  t.equal(read(silent, false, ['RS512']), 'RS512')
  t.equal(read(silent, false, ['ES256']), 'it is for RS256, and allowed is ES256')
  t.equal(read(jwk, false, ['RS256']), 'it is for PS256, and allowed is RS256')
  t.equal(read(es.jwk, false, ['ES256', 'RS256']), 'ES256')
  const k = Buffer.alloc(64, 1).toString('base64url')
  const secret = { kty: 'oct', alg: 'HS256', k }
  t.equal(read(secret, true, ['HS512']), 'it is for HS256, and allowed is HS512')
  const text = keySetText(es, rs, ed)
  const set = openKeySet({ text, isNamed: false }, ['ES256', 'Ed25519'])
  t.equal(find(set, 'es', 'ES256'), 'es ES256')
  t.equal(find(set, 'ed', 'EdDSA'), 'ed Ed25519')
  t.equal(find(set, 'rs', 'RS256'), 'token-alg-not-allowed')
  t.equal(find(set.succeed(set), 'rs', 'RS256'), 'token-alg-not-allowed')
  t.equal(find(set, 'x', 'ES256'), 'token-key-unknown')
})
