import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { duplexPair } from 'node:stream'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import * as fc from 'fast-check'
import forge from 'node-forge'
import { test } from 'tap'
import { createAuthority, type Issued, issueLeaf } from '../../src/certificate/authority.ts'
import { inspectCertificate } from '../../src/certificate/inspect.ts'
import { createRequest } from '../../src/certificate/request.ts'

const DAY_MS = 86_400_000
const NOW = new Date('2030-06-01T00:00:00Z')
const inDays = (days: number) => new Date(NOW.getTime() + days * DAY_MS)
const valid = { notBefore: inDays(-1), notAfter: inDays(89) }

const root = createAuthority({ notBefore: inDays(-1), pathLength: 1 })
const middle = createAuthority({ name: 'middle', notBefore: inDays(-1), issuer: root })
const leaf = issueLeaf(middle, { names: ['a.test', '*.a.test', '127.0.0.1', '::1'], ...valid })
const other = issueLeaf(root, { names: ['other.test'], ...valid })
const rsa = issueLeaf(root, { names: ['rsa.test'], keyType: 'rsa', ...valid })
const expired = issueLeaf(root, {
  names: ['a.test'],
  notBefore: inDays(-90),
  notAfter: inDays(-1.5),
})
const early = issueLeaf(root, { names: ['a.test'], notBefore: inDays(2.5), notAfter: inDays(90) })
const late = issueLeaf(root, { names: ['a.test'], notBefore: inDays(-77), notAfter: inDays(13) })

const chain = (...parts: readonly Issued[]) => parts.map(part => part.certificatePem).join('')
const garbled = leaf.certificatePem.replace(/\n.{8}/, '\nAAAAAAAA')
const encrypted = (type: 'pkcs8' | 'sec1') =>
  createPrivateKey(leaf.keyPem).export({
    type,
    format: 'pem',
    cipher: 'aes-128-cbc',
    passphrase: 'secret',
  })
const brokenKey = leaf.keyPem.replace(/\n.{8}/, '\nAAAAAAAA')

interface Odd {
  readonly bits?: number
  readonly sha1?: boolean
  readonly extensions?: readonly object[]
}

/** Certificates weir would not make, by node-forge's own builder: self-signed, with an RSA key. */
function odd({ bits = 2048, sha1 = false, extensions = [] }: Odd, signer?: Issued): Issued {
  const keys = generateKeyPairSync('rsa', { modulusLength: bits })
  const keyPem = keys.privateKey.export({ type: 'pkcs1', format: 'pem' })
  const key = forge.pki.privateKeyFromPem(keyPem)
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e)
  certificate.serialNumber = '01'
  certificate.validity.notBefore = valid.notBefore
  certificate.validity.notAfter = valid.notAfter
  const above = signer && forge.pki.certificateFromPem(signer.certificatePem)
  certificate.setSubject([{ shortName: 'CN', value: 'odd' }])
  certificate.setIssuer(above?.subject.attributes ?? certificate.subject.attributes)
  certificate.setExtensions([...extensions])
  const signingKey = signer === undefined ? key : forge.pki.privateKeyFromPem(signer.keyPem)
  certificate.sign(signingKey, sha1 ? forge.md.sha1.create() : forge.md.sha256.create())
  const certificatePem = forge.pki.certificateToPem(certificate)
  return { certificatePem, chainPem: certificatePem, keyPem }
}

const names = { name: 'subjectAltName', altNames: [{ type: 2, value: 'odd.test' }] }
const authority = { name: 'basicConstraints', cA: true }
const clientOnly = { name: 'extKeyUsage', clientAuth: true }
const selfSigned = odd({ extensions: [names] })
const weak = odd({ bits: 1024, extensions: [names] })
const rsaRoot = odd({ extensions: [authority] })
const sha1 = odd({ sha1: true, extensions: [names] }, rsaRoot)
const sha1Root = odd({ sha1: true, extensions: [authority] })
const nameless = odd({}, rsaRoot)
const client = odd({ extensions: [names, clientOnly] }, rsaRoot)
const edwards = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })

/** Whether a client that trusts everyone gets through a handshake. */
async function canServe(cert: string, key: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const [near, far] = duplexPair()
  try {
    const server = new TLSSocket(near, {
      isServer: true,
      secureContext: createSecureContext({ cert, key }),
    })
    server.on('error', () => resolve(false))
  } catch {
    return false
  }
  const client = connect({ socket: far, rejectUnauthorized: false }, () => resolve(true))
  client.on('error', () => resolve(false))
  try {
    return await promise
  } finally {
    client.destroy()
  }
}

/** Per case: what is given, then `severity code` of each problem, and the first message. */
const cases: Record<string, [string, string | undefined, readonly string[], RegExp | string]> = {
  'a good chain with its root': [leaf.chainPem, leaf.keyPem, [], ''],
  'a good chain without its root': [chain(leaf, middle), leaf.keyPem, [], ''],
  'a good chain without a key': [leaf.chainPem, undefined, [], ''],
  'an RSA certificate': [rsa.chainPem, rsa.keyPem, [], ''],
  'text before and after': [`hello\n${leaf.chainPem}bye`, leaf.keyPem, [], ''],
  'carriage returns': [leaf.chainPem.replaceAll('\n', '\r\n'), leaf.keyPem, [], ''],
  'certificates in the key file': [leaf.chainPem, leaf.chainPem + leaf.keyPem, [], ''],
  nothing: [
    '',
    undefined,
    ['error certificate-missing'],
    'no certificate in the certificate file (it holds no PEM block at all): give a PEM file with ' +
      '-----BEGIN CERTIFICATE-----; `openssl x509 -inform der` converts from DER',
  ],
  'a key in place of the certificate': [
    leaf.keyPem,
    leaf.keyPem,
    ['error certificate-missing'],
    /it holds PRIVATE KEY/,
  ],
  'a request in place of the certificate': [
    createRequest({ names: ['a.test'] }).csrPem,
    undefined,
    ['error certificate-missing'],
    /it holds CERTIFICATE REQUEST/,
  ],
  'a garbled certificate': [
    garbled,
    undefined,
    ['error certificate-unreadable'],
    'certificate 1 of 1 cannot be read: copy the file again',
  ],
  'a garbled certificate behind a good one': [
    leaf.certificatePem + garbled,
    leaf.keyPem,
    ['error certificate-unreadable', 'warning issuer-missing'],
    'certificate 2 of 2 cannot be read: copy the file again',
  ],
  'a certificate cut short': [
    leaf.certificatePem.slice(0, 300),
    undefined,
    ['error certificate-unreadable'],
    'certificate 1 of 1 cannot be read: its END line is missing: copy the file again',
  ],
  'an empty key file': [
    leaf.chainPem,
    '',
    ['error key-missing'],
    'no private key in the key file (it holds no PEM block at all): give a PEM file with ' +
      '-----BEGIN PRIVATE KEY-----',
  ],
  'a certificate in place of the key': [
    leaf.chainPem,
    leaf.chainPem,
    ['error key-missing'],
    /it holds CERTIFICATE\)/,
  ],
  'a key encrypted as PKCS#8': [
    leaf.chainPem,
    encrypted('pkcs8'),
    ['error key-encrypted'],
    'the private key is encrypted, and weir has no way to ask for its passphrase: ' +
      'decrypt it with `openssl pkey`, and let only its owner read the file',
  ],
  'a key encrypted in the older form': [
    leaf.chainPem,
    encrypted('sec1'),
    ['error key-encrypted'],
    /is encrypted/,
  ],
  'a garbled key': [
    leaf.chainPem,
    brokenKey,
    ['error key-unreadable'],
    'the private key (PRIVATE KEY) cannot be read: copy the file again, ' +
      'or check it with `openssl pkey -noout`',
  ],
  'the key of another certificate': [
    leaf.chainPem,
    other.keyPem,
    ['error key-mismatch'],
    'the private key does not match certificate 1 of 3 (CN=a.test): ' +
      'give the key this certificate was requested with',
  ],
  'a key of another type': [
    rsa.chainPem,
    leaf.keyPem,
    ['error key-mismatch'],
    /does not match certificate 1 of 2 \(CN=rsa.test\)/,
  ],
  'the issuer in front': [
    chain(middle, leaf),
    leaf.keyPem,
    ['error key-mismatch', 'warning no-names', 'warning authority-as-leaf', 'warning out-of-order'],
    'the private key does not match certificate 1 of 2 (CN=middle): ' +
      'it belongs to certificate 2 of 2 (CN=a.test): put that one first in the file',
  ],
  'an expired leaf': [
    expired.chainPem,
    expired.keyPem,
    ['warning expired'],
    'certificate 1 of 2 (CN=a.test) expired on 2030-05-30T12:00:00.000Z, 1 day ago: ' +
      'clients refuse it, renew it now',
  ],
  'a leaf not valid yet': [
    early.chainPem,
    early.keyPem,
    ['warning not-yet-valid'],
    'certificate 1 of 2 (CN=a.test) is not valid before 2030-06-03T12:00:00.000Z, in 2 days: ' +
      'clients refuse it until then, check the clock of this host',
  ],
  'a leaf near its end': [
    late.chainPem,
    late.keyPem,
    ['warning expires-soon'],
    'certificate 1 of 2 (CN=a.test) expires on 2030-06-14T00:00:00.000Z, in 13 days: renew it',
  ],
  'root and intermediate swapped': [
    chain(leaf, root, middle),
    leaf.keyPem,
    ['warning out-of-order'],
    'the certificates of the file are out of order: ' +
      'put them as 1 (CN=a.test), 3 (CN=middle), 2 (CN=weir development CA)',
  ],
  'no intermediate': [
    leaf.certificatePem,
    leaf.keyPem,
    ['warning issuer-missing'],
    'certificate (CN=a.test) was issued by CN=middle, whose certificate is not in the file: ' +
      'append it, unless it is a root that the clients have',
  ],
  'a gap in the chain': [
    chain(leaf, root),
    leaf.keyPem,
    ['warning issuer-missing', 'warning unneeded'],
    /\(CN=a.test\) was issued by CN=middle/,
  ],
  'a stranger at the end': [
    chain(leaf, middle, root, other),
    leaf.keyPem,
    ['warning unneeded'],
    'certificate 4 of 4 (CN=other.test) does not belong to the chain: ' +
      'remove what clients have no use for, it makes every handshake larger',
  ],
  'a whole bundle behind the chain': [
    chain(leaf, middle, root, selfSigned, rsaRoot, sha1Root),
    leaf.keyPem,
    ['warning unneeded'],
    'certificate 4 of 6 (CN=odd) and 2 more do not belong to the chain: ' +
      'remove what clients have no use for, it makes every handshake larger',
  ],
  'the leaf twice': [
    chain(leaf, leaf, middle),
    leaf.keyPem,
    ['warning duplicate'],
    'certificate 2 of 3 (CN=a.test) is in the file twice: remove one of them',
  ],
  'a self-signed leaf': [
    selfSigned.chainPem,
    selfSigned.keyPem,
    ['warning self-signed'],
    'certificate (CN=odd) is self-signed, so no client trusts it unless told to: get one from a ' +
      'certificate authority, or from `weir cert ca` for development',
  ],
  'an authority as leaf': [
    root.chainPem,
    root.keyPem,
    ['warning no-names', 'warning self-signed', 'warning authority-as-leaf'],
    /has no DNS name or IP address; the common name weir development CA does not count/,
  ],
  'no names': [
    chain(nameless, rsaRoot),
    nameless.keyPem,
    ['warning no-names'],
    'certificate 1 of 2 (CN=odd) has no DNS name or IP address; the common name odd does not ' +
      'count: request one with subject alternative names',
  ],
  'for clients only': [
    chain(client, rsaRoot),
    client.keyPem,
    ['warning not-for-servers'],
    'certificate 1 of 2 (CN=odd) is for 1.3.6.1.5.5.7.3.2 only: request one with the extended ' +
      'key usage serverAuth (1.3.6.1.5.5.7.3.1)',
  ],
  'RSA with 1024 bits': [
    weak.chainPem,
    weak.keyPem,
    ['error weak-key', 'warning self-signed'],
    'certificate (CN=odd) has a weak key, RSA 1024 bits, which TLS refuses to serve: use EC P-256,' +
      ' or RSA with at least 2048 bits',
  ],
  'signed with SHA-1': [
    chain(sha1, rsaRoot),
    sha1.keyPem,
    ['warning weak-signature'],
    'certificate 1 of 2 (CN=odd) is signed with sha1WithRSAEncryption, which clients refuse: ' +
      'have it issued again with SHA-256',
  ],
  'a key no browser knows, and not its own': [
    leaf.chainPem,
    edwards,
    ['error key-mismatch'],
    /does not match/,
  ],
}

for (const [name, [certificatePem, keyPem, problems, message]] of Object.entries(cases)) {
  test(`${name}: ${problems.join(', ') || 'no problem'}`, async t => {
    const found = inspectCertificate(certificatePem, keyPem, NOW)
    t.same(
      found.problems.map(({ severity, code }) => `${severity} ${code}`),
      problems,
    )
    if (typeof message === 'string') t.equal(found.problems[0]?.message ?? '', message)
    else t.match(found.problems[0]?.message, message)
  })

  if (keyPem === undefined) continue
  test(`${name}: called an error exactly if TLS cannot serve with it`, async t => {
    const { problems: found } = inspectCertificate(certificatePem, keyPem, NOW)
    const hasError = found.some(({ severity }) => severity === 'error')
    t.equal(hasError, !(await canServe(certificatePem, keyPem)))
  })
}

test('the facts of every certificate are read, in the order of the file', async t => {
  const { chain: facts } = inspectCertificate(leaf.chainPem, leaf.keyPem, NOW)
  t.match(facts, [
    {
      subject: 'CN=a.test',
      issuer: 'CN=middle',
      commonName: 'a.test',
      names: ['a.test', '*.a.test', '127.0.0.1', '::1'],
      serial: /^[0-9A-F]{32}$/,
      notBefore: valid.notBefore,
      notAfter: valid.notAfter,
      keyType: 'ec',
      keyDetail: 'P-256',
      signatureAlgorithm: 'ecdsa-with-SHA256',
      fingerprint: /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/,
      isAuthority: false,
      isSelfSigned: false,
    },
    { subject: 'CN=middle', issuer: 'CN=weir development CA', isAuthority: true },
    { subject: 'CN=weir development CA', isAuthority: true, isSelfSigned: true },
  ])
  t.equal(facts.length, 3)
  const [rsaFacts] = inspectCertificate(rsa.chainPem, undefined, NOW).chain
  t.match(rsaFacts, { keyType: 'rsa', keyDetail: '2048' })
})

test('names that pretend to be two, or to steer the terminal, are shown as what they are', async t => {
  const altNames = [
    { type: 2, value: 'a.test, DNS:b.test' },
    { type: 2, value: 'c.test' },
  ]
  const tricky = odd({ extensions: [{ name: 'subjectAltName', altNames }] })
  const [facts] = inspectCertificate(tricky.certificatePem, undefined, NOW).chain
  t.same(facts?.names, ['a.test, dns:b.test', 'c.test'])
  const steering = createAuthority({ name: 'a\u001b[2J\u009b2J\u202e', ...valid })
  const [shown] = inspectCertificate(steering.certificatePem, undefined, NOW).chain
  t.notMatch(shown?.subject, /[\p{Cc}\p{Cf}]/u)
})

const damaged = (text: string) =>
  fc
    .tuple(fc.nat(text.length - 1), fc.string({ unit: 'binary', maxLength: 5 }), fc.nat(80))
    .map(([at, inserted, cut]) => text.slice(0, at) + inserted + text.slice(at + cut))

test('never throws, whatever bytes of the files are damaged, and never shows a key', async t => {
  const secret = leaf.keyPem.split('\n')[1]!
  const property = () =>
    fc.assert(
      fc.property(damaged(leaf.chainPem), damaged(leaf.keyPem), (certificatePem, keyPem) => {
        const { problems } = inspectCertificate(certificatePem, keyPem, NOW)
        return problems.every(({ message }) => !message.includes(secret))
      }),
      { numRuns: 500 },
    )
  t.doesNotThrow(property)
})
