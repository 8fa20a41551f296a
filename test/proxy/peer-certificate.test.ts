import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { test } from 'tap'
import { createAuthority, issueLeaf } from '../../src/certificate/authority.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { readPeerCertificate } from '../../src/proxy/peer-certificate.ts'

const names = ['spiffe.a.example']
const { certificatePem } = issueLeaf(createAuthority(), { names, clientAuth: true })
const certificate = new X509Certificate(certificatePem)

/** A socket whose client showed `certificate`, of which OpenSSL says `error`. */
function after(shown: X509Certificate | undefined, error: Error | null = null): TLSSocket {
  const socket = {
    getPeerX509Certificate: () => shown,
    _handle: { verifyError: () => error },
  }
  return socket as unknown as TLSSocket
}

test('a good certificate is somebody, asked for or required', async t => {
  for (const wanted of ['optional', 'required'] as const) {
    const { identity, refused } = readPeerCertificate(after(certificate), wanted)
    t.equal(refused, ADMITTED)
    t.strictSame(identity?.identity.claims['dns'], names, wanted)
  }
})

test('without one a client is nobody, and refused where it must have one', async t => {
  const nobody = { identity: null, refused: ADMITTED, cause: '' }
  t.strictSame(readPeerCertificate(after(undefined), 'optional'), nobody)
  const missing = { ...nobody, refused: refusal('certificate-missing') }
  t.strictSame(readPeerCertificate(after(undefined), 'required'), missing)
})

test('one that is not good is refused wherever one is asked for, and the cause is told', async t => {
  const expired = Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' })
  const refused = refusal('certificate-untrusted')
  for (const wanted of ['optional', 'required'] as const) {
    const read = readPeerCertificate(after(certificate, expired), wanted)
    t.strictSame(read, { identity: null, refused, cause: 'CERT_HAS_EXPIRED' }, wanted)
  }
  const ignored = readPeerCertificate(after(certificate, expired), 'none')
  t.strictSame(ignored, { identity: null, refused: ADMITTED, cause: '' })
})
