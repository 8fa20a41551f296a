import { test } from 'tap'
import { LineParts, namedHead } from '../../src/proxy/line-parts.ts'
import type { TcpSession } from '../../src/proxy/tcp-session.ts'

function client(facts: object = {}): TcpSession {
  return {
    address: '2001:db8::1',
    port: 4711,
    peer: '',
    serverName: '',
    ja4: '',
    handshake: null,
    entrance: { index: 0, config: { name: 'web "1"' } },
    ...facts,
  } as unknown as TcpSession
}

test('the head says where the request came from', async t => {
  const known = ',"listener":"web \\u00221\\u0022","client":"2001:db8::1","client_port":4711'
  t.equal(new LineParts(client(), true).head, `${known},"request":"`)
  t.equal(new LineParts(client({ peer: '::1' }), true).head, `${known},"peer":"::1","request":"`)
  t.equal(
    namedHead(client(), '192.0.2.7'),
    ',"listener":"web \\u00221\\u0022","client":"192.0.2.7","peer":"2001:db8::1","request":"',
  )
})

test('the tail says what is known of TLS', async t => {
  t.equal(new LineParts(client(), true).tail, '')
  const handshake = { version: 'TLSv1.3', cipher: 'C', group: 'G', resumed: true }
  t.equal(
    new LineParts(client({ handshake, serverName: 'a.test' }), true).tail,
    ',"tls":"TLSv1.3","cipher":"C","group":"G","resumed":true,"sni":"a.test"',
  )
  t.match(
    new LineParts(client({ handshake, ja4: 't13d1516h2_a_b' }), true).tail,
    /,"ja4":"t13d1516h2_a_b"$/,
  )
})

test('parts are made again when what they say changes, and only then', async t => {
  const parts = new LineParts(client(), true)
  const first = parts.request('GET', 'a.test')
  t.equal(first, '","method":"GET","host":"a.test","path":"')
  t.equal(parts.request('GET', 'a.test'), first)
  t.equal(parts.request('PUT', 'a.test'), '","method":"PUT","host":"a.test","path":"')
  t.equal(parts.request('PUT', ''), '","method":"PUT","host":"","path":"')
  t.equal(parts.agent('a"b'), ',"user_agent":"a\\u0022b"')
  t.equal(parts.agent('c'), ',"user_agent":"c"')
  t.equal(parts.agent('x'.repeat(300)), `,"user_agent":"${'x'.repeat(256)}"`)
})

test('for one line they say the same', async t => {
  const [kept, once] = [new LineParts(client(), true), new LineParts(client(), false)]
  t.equal(once.head, kept.head)
  t.equal(once.tail, kept.tail)
  t.equal(once.request('GET', 'a.test'), kept.request('GET', 'a.test'))
  t.equal(once.agent('a"b'), kept.agent('a"b'))
})
