import { X509Certificate } from 'node:crypto'
import { test } from 'tap'
import { Mtls } from '../../src/auth/mtls.ts'
import { alternativeNames, identifyPeer } from '../../src/auth/peer-identity.ts'
import { createAuthority, issueLeaf } from '../../src/certificate/authority.ts'
import { refusal } from '../../src/core/refusals.ts'
import { requestHead } from '../support/head.ts'

function shown(names: readonly string[]) {
  const { certificatePem } = issueLeaf(createAuthority(), { names, clientAuth: true })
  return {
    certificate: new X509Certificate(certificatePem),
    thumbprint: 'thumb-of-the-certificate',
  }
}

test('alternative names are read as Node writes them, with those that would deceive', async t => {
  for (const [text, names] of [
    ['', []],
    ['DNS:a.example', [['DNS', 'a.example']]],
    [
      'DNS:a.example, URI:spiffe://shop/api, email:a@b.example, IP Address:10.0.0.1',
      [
        ['DNS', 'a.example'],
        ['URI', 'spiffe://shop/api'],
        ['email', 'a@b.example'],
        ['IP Address', '10.0.0.1'],
      ],
    ],
    ['URI:"http://a.example/, DNS:b.example"', [['URI', 'http://a.example/, DNS:b.example']]],
    [
      'DNS:"a\\"b", DNS:c',
      [
        ['DNS', 'a"b'],
        ['DNS', 'c'],
      ],
    ],
    ['DNS:"broken\\x", DNS:c', [['DNS', 'c']]],
    // What is not understood ends the list: nothing behind it is taken for a name.
    ['DNS:a, ???, DNS:b', [['DNS', 'a']]],
  ] as const) {
    t.strictSame(
      alternativeNames(text).map(({ kind, name }) => [kind, name]),
      names,
      text,
    )
  }
})

test('a client is its common name, and all of its names are claims', async t => {
  const { identity, thumbprint } = identifyPeer(shown(['api.example', '10.1.2.3']))
  t.equal(thumbprint, 'thumb-of-the-certificate')
  t.match(identity, {
    scheme: 'mtls',
    subject: 'api.example',
    keyId: 'thumb-of-the-cer',
    claims: { cn: 'api.example', dns: ['api.example'], ip: ['10.1.2.3'], uri: [] },
  })
  t.ok(identity.expiresAt > Date.now() / 1000)
})

test('a connection may outlast its certificate', async t => {
  const peer = identifyPeer(shown(['api.example']))
  const mtls = new Mtls()
  t.equal(mtls.find(requestHead([]), null), '')
  t.equal(mtls.find(requestHead([]), peer), peer.thumbprint)
  t.equal(mtls.check('', peer.identity.expiresAt - 1, peer), peer.identity)
  t.equal(mtls.check('', peer.identity.expiresAt, peer), refusal('certificate-untrusted'))
  t.equal(mtls.check('', 0, null), refusal('certificate-untrusted'))
})
