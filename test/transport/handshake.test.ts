import { once } from 'node:events'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { test } from 'tap'
import type { ClientHello } from '../../src/codec/client-hello.ts'
import { Gate } from '../../src/transport/gate.ts'
import { Handshake, type HandshakeOwner } from '../../src/transport/handshake.ts'
import { testAuthority } from '../support/certificates.ts'
import { runningDeadlines, socketPair } from '../support/edge.ts'
import { makeShared } from '../support/memory.ts'
import { until } from '../support/until.ts'

class Recorder implements HandshakeOwner {
  readonly heard: string[] = []
  onSecure(): void {
    this.heard.push('secure')
  }
  onHandshakeFailed(cause: string): void {
    this.heard.push(`failed ${cause}`)
  }
  onSecureClosed(): void {
    this.heard.push('closed')
  }
}

/** The server's side of a handshake, from the first byte on; resolves once the hello is in. */
async function server(t: Parameters<typeof socketPair>[0], alpn: Buffer | null = null) {
  const pair = await socketPair(t)
  const ca = testAuthority(t)
  const { issued } = ca.issue('a', ['a.test'])
  const secureContext = createSecureContext({
    cert: issued.chainPem,
    key: issued.keyPem,
    ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
  })
  const owner = new Recorder()
  const { promise, resolve } = Promise.withResolvers<Handshake>()
  const gate = new Gate(
    pair.server,
    {
      onProxyHeader() {},
      onGateRefused() {},
      onGateClosed() {},
      onHello(hello: ClientHello) {
        const handshake = new Handshake(pair.server, hello, secureContext, alpn, owner)
        handshake.start()
        t.teardown(() => handshake.socket.destroy())
        resolve(handshake)
      },
    },
    runningDeadlines(t),
  )
  gate.readHello(5000)
  return { ...pair, ca: ca.pem, owner, handshake: promise }
}

test('a finished handshake knows its facts and is counted under them', async t => {
  const it = await server(t, Buffer.from('\x02h2\x08http/1.1', 'latin1'))
  const client = connectTls({
    socket: it.client,
    ca: it.ca,
    servername: 'a.test',
    ALPNProtocols: ['http/1.1'],
    ecdhCurve: 'X25519',
  })
  await once(client, 'secureConnect')
  const handshake = await it.handshake
  await until(() => it.owner.heard.length > 0, 'secure')
  t.strictSame(it.owner.heard, ['secure'])
  t.match(handshake, { version: 'TLSv1.3', alpn: 'http/1.1', resumed: false, group: 'X25519' })
  const { counters } = makeShared()
  const slice = counters.slice(0)
  handshake.count(slice, counters.at)
  t.equal(slice[counters.at.handshakes + (1 * 5 + 1) * 2], 1, 'TLSv1.3, X25519, not resumed')
  it.client.resetAndDestroy()
  await until(() => it.owner.heard.includes('closed'), 'closed')
})

test('each failure has a cause that is counted', async t => {
  const { at } = makeShared().counters
  const cases: [string, object, number][] = [
    ['no-shared-cipher', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }, 2],
    ['no-shared-protocol', { ALPNProtocols: ['imap'] }, 4],
  ]
  for (const [cause, options, index] of cases) {
    const it = await server(t, Buffer.from('\x02h2', 'latin1'))
    const client = connectTls({
      socket: it.client,
      ca: it.ca,
      servername: 'a.test',
      ...options,
    })
    client.on('error', () => {})
    const handshake = await it.handshake
    await until(() => it.owner.heard.length > 0, cause)
    t.match(it.owner.heard, [/^failed ERR_SSL_/], cause)
    const slice = makeShared().counters.slice(0)
    handshake.countFailure(slice, at)
    t.equal(slice[at.handshakesFailed + index], 1, cause)
  }
})

test('a client that leaves in the middle is told of once', async t => {
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    const it = await server(t)
    const client = connectTls({ socket: it.client, ca: it.ca, servername: 'a.test' })
    client.on('error', () => {})
    // Cut off before the answer of the server can be read.
    it.client.pause()
    await it.handshake
    it.client[leave]()
    await until(() => it.owner.heard.length > 0, leave)
    t.equal(it.owner.heard.length, 1)
    t.match(it.owner.heard[0], /^failed/)
  }
})
