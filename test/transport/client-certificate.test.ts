import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import { type Test, test } from 'tap'
import { createAuthority, type Issued, issueLeaf } from '../../src/certificate/authority.ts'
import {
  type ClientCertificate,
  clientCertificateOf,
} from '../../src/transport/client-certificate.ts'

const authority = createAuthority()
const server = issueLeaf(authority, { names: ['localhost'] })
const client = issueLeaf(authority, { names: ['spiffe.a.example'], clientAuth: true })

/** What a server that trusts `authority` reads of a client, once the handshake is over. */
async function shown(t: Test, issued: Issued | null): Promise<ClientCertificate | string | null> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const listener = createServer(raw => {
    // As weir does it, without a tls.Server: Node itself says nothing of the verdict.
    const socket = new TLSSocket(raw, {
      isServer: true,
      requestCert: true,
      rejectUnauthorized: false,
      secureContext: createSecureContext({
        cert: server.chainPem,
        key: server.keyPem,
        ca: authority.certificatePem,
      }),
    })
    socket.on('error', reject)
    socket.on('secure', () => resolve(socket))
    t.teardown(() => socket.destroy())
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const dialed = connect({
    port: (listener.address() as AddressInfo).port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.certificatePem,
    ...(issued === null ? {} : { cert: issued.chainPem, key: issued.keyPem }),
  })
  dialed.on('error', reject)
  t.teardown(() => dialed.destroy())
  t.teardown(() => listener.close())
  return clientCertificateOf(await promise)
}

test('a good one is told as it was shown, with the thumbprint of all of it', async t => {
  const read = await shown(t, client)
  const { raw } = new X509Certificate(client.certificatePem)
  t.ok(read !== null && typeof read !== 'string')
  const { certificate, thumbprint } = read as ClientCertificate
  t.strictSame(certificate.raw, raw)
  t.equal(thumbprint, createHash('sha256').update(raw).digest('base64url'))
  t.match(thumbprint, /^[\w-]{43}$/)
})

test('who shows none has none', async t => {
  t.equal(await shown(t, null), null)
})

test('one that is not good is not told, only what OpenSSL has against it', async t => {
  const stranger = issueLeaf(createAuthority(), { names: ['a.example'], clientAuth: true })
  t.equal(await shown(t, stranger), 'SELF_SIGNED_CERT_IN_CHAIN')
  const day = 86_400_000
  const expired = issueLeaf(authority, {
    names: ['a.example'],
    clientAuth: true,
    notBefore: new Date(Date.now() - 3 * day),
    notAfter: new Date(Date.now() - day),
  })
  t.equal(await shown(t, expired), 'CERT_HAS_EXPIRED')
  t.equal(await shown(t, server), 'INVALID_PURPOSE', 'one of a server')
})

test('where Node does not tell the verdict none is good', async t => {
  const certificate = new X509Certificate(client.certificatePem)
  const unknown = 'this Node does not tell whether it is good'
  for (const handle of [undefined, null, {}]) {
    const socket = { getPeerX509Certificate: () => certificate, _handle: handle }
    t.equal(clientCertificateOf(socket as unknown as TLSSocket), unknown)
  }
})

test('a verdict without a code is told in its words', async t => {
  const socket = {
    getPeerX509Certificate: () => new X509Certificate(client.certificatePem),
    _handle: { verifyError: () => new Error('odd') },
  }
  t.equal(clientCertificateOf(socket as unknown as TLSSocket), 'odd')
})
