import { spawnSync } from 'node:child_process'
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { checkServerIdentity, connect, createServer } from 'node:tls'
import * as fc from 'fast-check'
import { type Test, test } from 'tap'
import { createAuthority, type Issued, issueLeaf } from '../../src/certificate/authority.ts'
import { readFacts } from '../../src/certificate/facts.ts'
import { keyTypes } from '../../src/certificate/key-pair.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const openssl = { skip: hasOpenssl ? false : 'openssl is not installed' }
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const at = (days: number) => new Date(Date.now() + days * DAY_MS)
const end = (issued: Issued) => readFacts(new X509Certificate(issued.certificatePem)).notAfter

/** @returns what openssl says about the chain, with its exit code 0 if it is good */
function verify(t: Test, root: Issued, leaf: Issued, ...options: readonly string[]) {
  const directory = t.testdir()
  const [ca, chain] = [join(directory, 'ca.pem'), join(directory, 'chain.pem')]
  writeFileSync(ca, root.certificatePem)
  writeFileSync(chain, leaf.chainPem)
  const strict = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca]
  const args = [...strict, '-untrusted', chain, ...options, chain]
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  return { status, text: stdout + stderr }
}

/** One TLS handshake in this process, the client trusting `root` alone. */
async function handshake(root: Issued, leaf: Issued, servername: string): Promise<string> {
  const server = createServer({ cert: leaf.chainPem, key: leaf.keyPem }, socket => socket.end())
  server.on('tlsClientError', () => {}) // the client reports it
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', servername, ca: root.certificatePem })
  try {
    await once(socket, 'secureConnect')
    return socket.authorized ? 'authorized' : 'not authorized'
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  } finally {
    socket.destroy()
    server.close()
  }
}

for (const keyType of keyTypes) {
  test(`openssl accepts authority and leaf with ${keyType} keys, strictly`, openssl, async t => {
    const root = createAuthority({ keyType })
    const leaf = issueLeaf(root, { names: ['a.test', '127.0.0.1', '::1'], keyType })
    for (const name of [
      ['-verify_hostname', 'a.test'],
      ['-verify_ip', '::1'],
    ]) {
      const { status, text } = verify(t, root, leaf, ...name)
      t.equal(status, 0, text)
    }
    t.not(verify(t, root, leaf, '-verify_hostname', 'b.test').status, 0, 'but no other name')
  })

  test(`a TLS client verifies a leaf with ${keyType} keys`, async t => {
    const root = createAuthority({ keyType })
    const leaf = issueLeaf(root, { names: ['a.test'], keyType })
    t.equal(await handshake(root, leaf, 'a.test'), 'authorized')
    t.equal(await handshake(root, leaf, 'b.test'), 'ERR_TLS_CERT_ALTNAME_INVALID')
    t.equal(await handshake(createAuthority(), leaf, 'a.test'), 'SELF_SIGNED_CERT_IN_CHAIN')
  })
}

test('a TLS client refuses an expired leaf and one that is not valid yet', async t => {
  const root = createAuthority()
  const expired = issueLeaf(root, { names: ['a.test'], notBefore: at(-9), notAfter: at(-1) })
  const early = issueLeaf(root, { names: ['a.test'], notBefore: at(1), notAfter: at(9) })
  t.equal(await handshake(root, expired, 'a.test'), 'CERT_HAS_EXPIRED')
  t.equal(await handshake(root, early, 'a.test'), 'CERT_NOT_YET_VALID')
})

test('a leaf below an intermediate authority verifies through its chain', openssl, async t => {
  const root = createAuthority({ pathLength: 1 })
  const middle = createAuthority({ name: 'middle', issuer: root })
  const leaf = issueLeaf(middle, { names: ['a.test'] })
  const { status, text } = verify(t, root, leaf)
  t.equal(status, 0, text)
  t.equal(leaf.chainPem, leaf.certificatePem + middle.certificatePem + root.certificatePem)
  t.equal(await handshake(root, leaf, 'a.test'), 'authorized')

  const strictRoot = createAuthority()
  const tooDeep = createAuthority({ name: 'too deep', issuer: strictRoot })
  const below = issueLeaf(tooDeep, { names: ['a.test'] })
  t.match(verify(t, strictRoot, below).text, /path length/, 'a path length of 0 holds')
})

test('a certificate for a client says so, and openssl takes it as one', openssl, async t => {
  const root = createAuthority()
  const both = issueLeaf(root, { names: ['a.test'], clientAuth: true })
  const one = issueLeaf(root, { names: ['a.test'] })
  t.equal(verify(t, root, both, '-purpose', 'sslclient').status, 0)
  t.not(verify(t, root, one, '-purpose', 'sslclient').status, 0)
})

test(
  'an authority made elsewhere can issue: names and key identifier are copied',
  openssl,
  async t => {
    const directory = t.testdir()
    const file = (name: string) => join(directory, name)
    // A name of several parts in other string types, and a key identifier that is no SHA-1.
    const subject = '/C=DE/O=Müller, Sons/CN=elsewhere'
    const args =
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 9 -utf8 ' +
      '-addext subjectKeyIdentifier=01:02:03 -addext authorityKeyIdentifier=none ' +
      '-addext keyUsage=critical,keyCertSign'
    const outputs = ['-keyout', file('key.pem'), '-out', file('ca.pem'), '-subj', subject]
    const made = spawnSync('openssl', args.split(' ').concat(outputs))
    t.equal(made.status, 0, made.stderr.toString())
    const certificatePem = readFileSync(file('ca.pem'), 'utf8')
    const root = {
      certificatePem,
      chainPem: certificatePem,
      keyPem: readFileSync(file('key.pem'), 'utf8'),
    }
    const leaf = issueLeaf(root, { names: ['a.test'] })
    const { status, text } = verify(t, root, leaf)
    t.equal(status, 0, text)
  },
)

test('every name that is taken is a name the certificate verifies for', async t => {
  const label = fc.stringMatching(/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?$/)
  const host = fc
    .array(label, { minLength: 1, maxLength: 6 })
    .map(labels => [...labels, 'test'].join('.'))
  const root = createAuthority()
  const { publicKey } = new X509Certificate(root.certificatePem)
  const names = fc.array(fc.oneof(host, fc.ipV4(), fc.ipV6()), { minLength: 1, maxLength: 5 })
  const property = () =>
    fc.assert(
      fc.property(names, given => {
        const leaf = new X509Certificate(issueLeaf(root, { names: given }).certificatePem)
        const peer = leaf.toLegacyObject()
        return (
          leaf.verify(publicKey) &&
          given.every(name => checkServerIdentity(name, peer) === undefined)
        )
      }),
      { numRuns: 200 },
    )
  t.doesNotThrow(property)
})

test('serials are positive, 16 bytes long, and never the same', async t => {
  const root = createAuthority()
  const serials = new Set<string>()
  for (let n = 0; n < 100; n++) {
    const { certificatePem } = issueLeaf(root, { names: ['a.test'] })
    const { serialNumber } = new X509Certificate(certificatePem)
    t.match(serialNumber, /^[4-7][0-9A-F]{31}$/)
    serials.add(serialNumber)
  }
  t.equal(serials.size, 100)
})

test('a leaf lasts 90 days, an authority ten years, and no leaf outlives its authority', async t => {
  const notBefore = new Date('2030-01-01T00:00:00Z')
  const root = createAuthority({ notBefore })
  t.equal(end(root).toISOString(), '2039-12-30T00:00:00.000Z')
  t.equal(
    end(issueLeaf(root, { names: ['a.test'], notBefore })).toISOString(),
    '2030-04-01T00:00:00.000Z',
  )
  const short = createAuthority({ notBefore, notAfter: new Date('2030-02-01T00:00:00Z') })
  t.same(end(issueLeaf(short, { names: ['a.test'], notBefore })), end(short))
})

test('dates on both sides of 2050 survive, whichever time type they need', async t => {
  const root = createAuthority()
  const notBefore = new Date('2049-12-31T23:59:59Z')
  const notAfter = new Date('2050-01-01T00:00:00Z')
  const leaf = issueLeaf(root, { names: ['a.test'], notBefore, notAfter })
  const facts = readFacts(new X509Certificate(leaf.certificatePem))
  t.same(facts.notBefore, notBefore)
  t.same(facts.notAfter, notAfter)
})

test('a given key is certified as it is', async t => {
  const { keyPem } = issueLeaf(createAuthority(), { names: ['a.test'] })
  const root = createAuthority({ keyPem })
  t.ok(new X509Certificate(root.certificatePem).checkPrivateKey(createPrivateKey(keyPem)))
  const leaf = issueLeaf(root, { names: ['b.test'], keyPem })
  t.ok(new X509Certificate(leaf.certificatePem).publicKey.equals(createPublicKey(keyPem)))
})

test(
  'a first name too long for a common name leaves the subject empty, and verifies',
  openssl,
  async t => {
    const root = createAuthority()
    const name = `${'a'.repeat(60)}.test`
    const leaf = issueLeaf(root, { names: [name] })
    t.equal(readFacts(new X509Certificate(leaf.certificatePem)).subject, '')
    const { status, text } = verify(t, root, leaf, '-verify_hostname', name)
    t.equal(status, 0, text)
  },
)

test('an empty validity, no name and a key that cannot sign are refused', async t => {
  const root = createAuthority()
  const day = new Date('2030-01-01T00:00:00Z')
  const names = ['a.test']
  t.throws(() => issueLeaf(root, { names, notBefore: day, notAfter: day }), {
    name: 'RangeError',
    message:
      'the validity from 2030-01-01T00:00:00.000Z to 2030-01-01T00:00:00.000Z is empty: ' +
      'notBefore must be before notAfter',
  })
  t.throws(() => issueLeaf(root, { names, notAfter: new Date(Number.NaN) }), /an invalid date/)
  t.throws(() => issueLeaf(root, { names: [] }), {
    name: 'RangeError',
    message: 'no name for the certificate: give at least one, like localhost',
  })
  const { privateKey } = generateKeyPairSync('ed25519')
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  t.throws(() => createAuthority({ keyPem }), {
    name: 'RangeError',
    message: 'cannot sign with a key of type ed25519: use an ec or rsa key',
  })
})
