import type { Socket } from 'node:net'
import { test } from 'tap'
import { ProxyHeader } from '../../src/codec/proxy-protocol.ts'
import { proxyHeaderFor } from '../../src/proxy/proxy-header.ts'
import type { TcpSession } from '../../src/proxy/tcp-session.ts'

const SESSION = {
  address: '192.0.2.1',
  port: 1234,
  destination: '',
  destinationPort: 0,
  serverName: '',
  handshake: null,
  socket: { localAddress: '::ffff:198.51.100.2', localPort: 443 } as Socket,
} as unknown as TcpSession

/** The session, with some facts changed. */
function sessionWith(facts: object): TcpSession {
  return Object.assign({}, SESSION, facts)
}

function told(bytes: Buffer | null): ProxyHeader {
  const header = new ProxyHeader()
  header.parse(bytes!, bytes!.length)
  return header
}

test('nothing is sent unless asked for', async t => {
  t.equal(proxyHeaderFor(SESSION, 'off'), null)
})

test('both versions tell the client and where it connected to', async t => {
  for (const version of ['v1', 'v2'] as const) {
    t.match(told(proxyHeaderFor(SESSION, version)), {
      source: '192.0.2.1',
      sourcePort: 1234,
      destination: '198.51.100.2',
      destinationPort: 443,
    })
  }
})

test('what a proxy in front of us told is passed on', async t => {
  const session = sessionWith({ destination: '203.0.113.9', destinationPort: 8443 })
  t.match(told(proxyHeaderFor(session, 'v2')), {
    destination: '203.0.113.9',
    destinationPort: 8443,
  })
})

test('version 2 holds what is known of the TLS', async t => {
  const handshake = { alpn: 'h2', version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' }
  const session = sessionWith({ serverName: 'a.test', handshake })
  const text = proxyHeaderFor(session, 'v2')!.toString('latin1')
  for (const fact of ['a.test', 'h2', 'TLSv1.3', 'TLS_AES_128_GCM_SHA256']) {
    t.ok(text.includes(fact), fact)
  }
  const passed = sessionWith({ serverName: 'b.test' })
  t.ok(proxyHeaderFor(passed, 'v2')!.includes('b.test'), 'passthrough: the name alone')
})
