import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { openKeySet } from '../../src/auth/key-set.ts'
import { readKeyFile } from '../../src/config/key-file.ts'
import { testAuthority } from '../support/certificates.ts'
import { keySetText, makeKey } from '../support/tokens.ts'

const es = makeKey('ES256', 'a')
const SECRET = { kty: 'oct', alg: 'HS256', k: Buffer.alloc(32, 7).toString('base64url') }

/** The algorithms of its keys, or why there are none. */
function read(t: Test, content: string, isNamed = true): string {
  const path = join(t.testdir(), 'key')
  writeFileSync(path, content)
  const set = readKeyFile(path, isNamed)
  if (typeof set === 'string') return set
  return openKeySet(set)
    .keys.map(({ kid, name }) => `${name} ${kid}`.trim())
    .join(', ')
}

test('public keys, certificates, JWKs and JWK sets are read', async t => {
  t.equal(read(t, es.publicKey.export({ format: 'pem', type: 'spki' })), 'ES256')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  t.equal(read(t, rsa.export({ format: 'pem', type: 'pkcs1' })), 'RS256')
  t.equal(read(t, testAuthority(t).pem), 'ES256')
  t.equal(read(t, JSON.stringify(es.jwk)), 'ES256 a')
  t.equal(read(t, keySetText(es, makeKey('EdDSA', 'b'))), 'ES256 a, Ed25519 b')
  t.equal(read(t, JSON.stringify(SECRET)), 'HS256')
})

test('a named key fits any kid, one of a set does not', async t => {
  const path = join(t.testdir(), 'key')
  writeFileSync(path, es.publicKey.export({ format: 'pem', type: 'spki' }))
  for (const isNamed of [true, false]) {
    const set = readKeyFile(path, isNamed)
    if (typeof set === 'string') throw new Error(set)
    t.equal(typeof openKeySet(set).find('any', 'ES256'), isNamed ? 'object' : 'number')
  }
})

test('what will not do is told', async t => {
  const whole = es.privateKey.export({ format: 'pem', type: 'pkcs8' })
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  t.match(read(t, whole), 'holds a private key; make the public one')
  t.match(read(t, JSON.stringify(es.privateKey.export({ format: 'jwk' }))), 'it is a private key')
  t.match(read(t, 'just a secret'), 'is no PEM public key, JWK or JWK set')
  t.match(read(t, ''), 'is no PEM public key')
  t.match(
    read(t, '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'),
    'cannot be read as PEM',
  )
  t.match(
    read(t, small.export({ format: 'pem', type: 'spki' })),
    'holds no key that can be used: of #0, its 1024 bits of RSA are fewer than 2048',
  )
  t.match(read(t, '{"keys":[]}'), 'holds no key')
  t.match(read(t, JSON.stringify(SECRET), false), 'it is a secret (kty oct)')
  t.match(
    read(t, JSON.stringify({ ...SECRET, k: 'c2hvcnQ' })),
    'its secret has 5 bytes, HS256 needs at least 32',
  )
  t.match(read(t, ' '.repeat(300_000)), 'holds more than 262144 bytes')
  t.equal(readKeyFile('/nowhere/key', true), 'does not exist')
})
