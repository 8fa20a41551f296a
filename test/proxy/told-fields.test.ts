import { test } from 'tap'
import * as names from '../../src/codec/http1/field-names.ts'
import { CidrSet } from '../../src/core/cidr-set.ts'
import { Forwarding, type ForwardingOptions } from '../../src/proxy/forwarding.ts'
import { Origin } from '../../src/proxy/origin.ts'
import { RequestClient } from '../../src/proxy/request-client.ts'
import { ToldFields } from '../../src/proxy/told-fields.ts'

const PROXY = '10.0.0.1'
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`

function origin(forwardedFields: ForwardingOptions['forwardedFields'] = 'both'): Origin {
  const forwarding = new Forwarding({
    forwardedRead: 'both',
    forwardedFields,
    traceparent: 'trusted',
  })
  return new Origin({ address: PROXY, proto: 'http', forwarders: new CidrSet(), forwarding })
}

function named(address: string): RequestClient {
  const client = new RequestClient({
    listener: 'web',
    address: PROXY,
    source: 1,
    peerIdentity: null,
    handshake: null,
    banCounted: false,
  })
  client.isNamed = address !== ''
  if (client.isNamed) client.address = address
  return client
}

function tell(...fields: [number, string][]): ToldFields {
  const told = new ToldFields()
  told.reset(true)
  for (const [number, value] of fields) told.take(number, value)
  return told
}

const X = names.X_FORWARDED_FOR
const F = names.FORWARDED

test('the chain goes on with the peer at its end', async t => {
  const told = tell([X, '6.6.6.6'], [X, '192.0.2.1'], [F, 'for=192.0.2.1;proto=https'])
  t.equal(
    told.originLines(origin(), named('192.0.2.1'), 'a.test'),
    'X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.1\r\n' +
      'X-Forwarded-Proto: http\r\n' +
      'X-Forwarded-Host: a.test\r\n' +
      'Forwarded: for=192.0.2.1;proto=https, for=10.0.0.1;proto=http;host=a.test\r\n',
  )
})

test('a trusted proxy that says nothing is the client itself', async t => {
  t.equal(
    tell().originLines(origin(), named(''), ''),
    'X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nForwarded: for=10.0.0.1;proto=http\r\n',
  )
})

test('who told one form only is translated for the other', async t => {
  const x = tell([X, '6.6.6.6, 2001:db8::1'], [names.X_FORWARDED_PROTO, 'https'])
  t.match(
    x.originLines(origin(), named('2001:db8::1'), ''),
    /^Forwarded: for="\[2001:db8::1\]";proto=https, for=10\.0\.0\.1;proto=http\r\n$/m,
  )
  const odd = tell([X, '192.0.2.1'], [names.X_FORWARDED_PROTO, 'ht"tp'])
  t.match(
    odd.originLines(origin(), named('192.0.2.1'), ''),
    /^Forwarded: for=192\.0\.2\.1, for=10\.0\.0\.1;proto=http\r\n$/m,
  )
  const forwarded = tell([F, 'for=192.0.2.1;by=_x'])
  t.match(
    forwarded.originLines(origin(), named('192.0.2.1'), ''),
    /^X-Forwarded-For: 192\.0\.2\.1, 10\.0\.0\.1\r\n/,
  )
})

test('what it says of scheme and host is kept, and not said twice', async t => {
  const told = new ToldFields()
  told.reset(true)
  t.equal(told.take(names.X_FORWARDED_PROTO, 'https'), true)
  t.equal(told.take(names.X_FORWARDED_HOST, 'b.test'), true)
  t.notMatch(told.originLines(origin(), named(''), 'a.test'), /X-Forwarded-(Proto|Host)/)
  t.equal(told.take(X, '192.0.2.1'), false)
  t.equal(told.take(F, 'for=192.0.2.1'), false)
  t.equal(told.take(names.TRACEPARENT, PARENT), false)
  t.equal(told.take(names.TRACESTATE, 'a=1'), false)
  told.reset(false)
  t.equal(told.take(names.X_FORWARDED_PROTO, 'https'), false, 'in the other form only')
  t.equal(told.take(names.X_FORWARDED_HOST, 'b.test'), false)
})

test('only the form that is asked for is sent', async t => {
  const told = tell([X, '192.0.2.1'])
  t.equal(
    told.originLines(origin('x-forwarded'), named('192.0.2.1'), ''),
    'X-Forwarded-For: 192.0.2.1, 10.0.0.1\r\nX-Forwarded-Proto: http\r\n',
  )
  t.equal(
    told.originLines(origin('forwarded'), named('192.0.2.1'), ''),
    'Forwarded: for=192.0.2.1, for=10.0.0.1;proto=http\r\n',
  )
})

test('a trace goes on with its state, several fields of which are one', async t => {
  const told = tell(
    [names.TRACESTATE, 'a=1'],
    [names.TRACEPARENT, PARENT],
    [names.TRACESTATE, ''],
    [names.TRACESTATE, 'b=2,c=3'],
  )
  t.equal(told.hasTrace, true)
  t.match(
    told.traceLines(),
    new RegExp(
      `^traceparent: 00-${TRACE}-(?!b7ad6b7169203331).{16}-01\r\ntracestate: a=1, b=2,c=3\r\n$`,
    ),
  )
})

test('the state of a trace that does not go on is dropped', async t => {
  const begun = /^traceparent: 00-(?!0af7651916cd43dd8448eb211c80319c).{32}-.{16}-01\r\n$/
  const state: [number, string] = [names.TRACESTATE, 'a=1']
  t.match(tell(state).traceLines(), begun, 'without a parent')
  t.match(tell(state, [names.TRACEPARENT, 'x']).traceLines(), begun, 'with one that is not valid')
  const two: [number, string][] = [
    [names.TRACEPARENT, PARENT],
    [names.TRACEPARENT, PARENT],
  ]
  t.match(tell(state, ...two).traceLines(), begun, 'with two, which RFC 9110 makes no list of')
})

test('nothing of one request is left in the next', async t => {
  const told = tell(
    [X, '6.6.6.6'],
    [F, 'for=6.6.6.6'],
    [names.X_FORWARDED_PROTO, 'https'],
    [names.X_FORWARDED_HOST, 'b.test'],
    [names.TRACEPARENT, PARENT],
    [names.TRACESTATE, 'a=1'],
  )
  told.reset(true)
  t.equal(told.hasTrace, false)
  t.equal(
    told.originLines(origin(), named(''), 'a.test'),
    tell().originLines(origin(), named(''), 'a.test'),
  )
  t.notMatch(told.traceLines(), new RegExp(`${TRACE}|tracestate`))
  told.take(names.TRACEPARENT, PARENT)
  t.match(told.traceLines(), new RegExp(`^traceparent: 00-${TRACE}-.{16}-01\r\n$`))
})
