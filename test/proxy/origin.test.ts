import { test } from 'tap'
import { CidrSet, parseCidr } from '../../src/core/cidr-set.ts'
import { Forwarding, type ForwardingOptions } from '../../src/proxy/forwarding.ts'
import { forNode, Origin, type OriginParts, originOf } from '../../src/proxy/origin.ts'
import type { TcpSession } from '../../src/proxy/tcp-session.ts'
import { requestHead } from '../support/head.ts'

function origin(parts: Partial<OriginParts> = {}, options: Partial<ForwardingOptions> = {}) {
  return new Origin({
    address: '192.0.2.1',
    proto: 'http',
    forwarders: null,
    forwarding: new Forwarding({
      forwardedRead: 'both',
      forwardedFields: 'both',
      traceparent: 'off',
      ...options,
    }),
    ...parts,
  })
}

test('the lines tell the peer in both forms, or in the one that is asked for', async t => {
  const parts = { address: '192.0.2.1', proto: 'https' } as const
  const x = 'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.test\r\n'
  const standard = 'Forwarded: for=192.0.2.1;proto=https;host=a.test\r\n'
  t.equal(origin(parts).lines('a.test'), x + standard)
  t.equal(origin(parts, { forwardedFields: 'x-forwarded' }).lines('a.test'), x)
  t.equal(origin(parts, { forwardedFields: 'forwarded' }).lines('a.test'), standard)
})

test('what is kept for one host is not told to another', async t => {
  const it = origin()
  t.match(it.lines('a.test'), /-Host: a\.test\r\n.*host=a\.test\r\n$/s)
  t.match(it.lines('b.test'), /-Host: b\.test\r\n.*host=b\.test\r\n$/s)
  t.match(it.lines('b.test'), /-Host: b\.test\r\n.*host=b\.test\r\n$/s)
  t.equal(it.element('c.test'), 'for=192.0.2.1;proto=http;host=c.test')
  t.match(it.lines('c.test'), /-Host: c\.test\r\n/)
})

test('a client that names no host is told without one', async t => {
  for (const it of [origin(), origin()]) {
    t.equal(it.element(''), 'for=192.0.2.1;proto=http')
    t.notMatch(it.lines(''), /host/i)
    it.lines('a.test')
    t.notMatch(it.lines(''), /host/i)
  }
})

test('what is no token stands in quotes, IPv6 in brackets, and zones are left out', async t => {
  t.equal(forNode('192.0.2.1'), 'for=192.0.2.1')
  t.equal(forNode('2001:db8::1'), 'for="[2001:db8::1]"')
  const it = origin({ address: 'fe80::1%eth0' })
  t.equal(it.element('a.test:8080'), 'for="[fe80::1]";proto=http;host="a.test:8080"')
  t.equal(it.element('[::1]'), 'for="[fe80::1]";proto=http;host="[::1]"')
  t.match(it.lines(''), /^X-Forwarded-For: fe80::1\r\n/)
})

test('a request id is kept of whom the operator trusts, if it is one and harmless', async t => {
  const trusted = origin({ forwarders: new CidrSet() })
  const kept = (it: Origin, ...ids: string[]): string =>
    it.keptRequestId(requestHead(ids.map(id => `X-Request-Id: ${id}`)))
  const good = ['a', 'A-z_0.9', 'f:b/c=d@e+f~g', 'x'.repeat(128), '0'.repeat(32)]
  for (const id of good) {
    t.equal(kept(trusted, id), id)
    t.equal(kept(origin(), id), '', 'of anybody else')
  }
  const bad = [
    '',
    'x'.repeat(129),
    'a b',
    'a"b',
    "a'b",
    'a,b',
    'a;b',
    'a\\b',
    'a%b',
    'a<b',
    'a\xe9',
  ]
  for (const id of [...bad, 'a{b', 'a`b', 'a[b', 'a(b', 'a!b', 'a$b', 'a\tb']) {
    t.equal(kept(trusted, id), '', JSON.stringify(id))
  }
  t.equal(kept(trusted, 'a', 'b'), '', 'two are none')
  t.equal(kept(trusted), '')
})

test('the origin of a connection follows from its client and what the listener trusts', async t => {
  const forwarding = new Forwarding({
    forwardedRead: 'both',
    forwardedFields: 'both',
    traceparent: 'off',
  })
  const forwarders = new CidrSet()
  const session = (facts: object): TcpSession =>
    ({
      address: '192.0.2.1',
      edge: { forwarding },
      entrance: { forwarders },
      handshake: null,
      ...facts,
    }) as unknown as TcpSession
  t.match(originOf(session({})), { address: '192.0.2.1', proto: 'http', forwarders: null })
  forwarders.add(parseCidr('198.51.100.0/24')!, 1)
  t.equal(originOf(session({ address: '198.51.100.7' })).forwarders, forwarders)
  const untrusting = { address: '198.51.100.7', entrance: { forwarders: null } }
  t.equal(originOf(session(untrusting)).forwarders, null)
  t.equal(originOf(session({ handshake: {} })).proto, 'https')
})
