import * as fc from 'fast-check'
import { test } from 'tap'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import { AccessLines, decimals } from '../../src/proxy/access-line.ts'
import type { Exchange } from '../../src/proxy/exchange.ts'
import type { Http1Session } from '../../src/proxy/http1-session.ts'
import { testRoute } from '../support/route.ts'

const HEAD = 'GET /a/b?token=secret HTTP/1.1\r\nHost: a.test:8080\r\n\r\n'
/** Tue Oct 10 2000 13:55:36 UTC. */
const THEN = 971_186_136_789

function head(text: string): RequestHead {
  const bytes = Buffer.from(text, 'latin1')
  const parsed = new RequestHead()
  parsed.parse(bytes, 0, bytes.length, 0)
  return parsed
}

function session(facts: object = {}): Http1Session {
  const client = {
    address: '2001:db8::1',
    port: 4711,
    peer: '',
    serverName: '',
    handshake: null,
    entrance: { index: 0, config: { name: 'web "1"' } },
    ...facts,
  }
  return { client, lineParts: null } as unknown as Http1Session
}

function exchange(text: string, facts: object = {}): Exchange {
  return {
    head: head(text),
    client: { address: '2001:db8::1', isNamed: false },
    requestId: 'id-1',
    route: testRoute({ name: 'api' }),
    status: 200,
    reason: '',
    cause: '',
    backendName: '',
    tries: 0,
    queuedMs: 0,
    connectMs: 0,
    firstByteMs: 0,
    startedMs: 1000,
    bytesReceived: 3,
    bytesSent: 2326,
    facts: null,
    ...facts,
  } as unknown as Exchange
}

const lines = new AccessLines(3, '')

/** The one line there is, as what it says. */
function json(text: string, facts: object = {}, client: object = {}, leftOut = 0): object {
  const line = lines.json(session(client), exchange(text, facts), 1012.345, THEN, leftOut)
  const [first, rest] = line.split('\n')
  if (rest !== '') throw new Error(`not one line: ${line}`)
  return JSON.parse(first!) as object
}

test('a JSON line says all there is to say, and no query', async t => {
  t.strictSame(json(HEAD, { status: 404, reason: 'no-route' }), {
    level: 30,
    time: THEN,
    msg: 'request',
    listener: 'web "1"',
    client: '2001:db8::1',
    client_port: 4711,
    request: 'id-1',
    method: 'GET',
    host: 'a.test:8080',
    path: '/a/b',
    route: 'api',
    status: 404,
    duration_ms: 12.35,
    bytes_received: 3,
    bytes_sent: 2326,
    reason: 'no-route',
    worker: 3,
  })
})

test('where a backend was asked its part is told, and what there was of waiting', async t => {
  const told = { backendName: 'b:1', tries: 1, firstByteMs: 0.5 }
  const line = json(HEAD, told)
  t.match(line, { backend: 'b:1', first_byte_ms: 0.5 })
  t.notOk('connect_ms' in line, 'a kept connection')
  for (const key of ['tries', 'queue_ms', 'connect_ms']) t.notOk(key in line, key)
  const dialed = { ...told, tries: 3, queuedMs: 7.004, connectMs: 1.999 }
  t.match(json(HEAD, { ...dialed, cause: 'said "no"\n' }), {
    tries: 3,
    queue_ms: 7,
    connect_ms: 2,
    cause: 'said "no"\n',
  })
})

test('TLS, the proxy in front and lines left out are told where there are any', async t => {
  const handshake = { version: 'TLSv1.3', cipher: 'C', group: 'X25519', resumed: true }
  const client = { handshake, serverName: 'a.test', peer: '10.0.0.1' }
  t.match(json(HEAD, {}, client, 9), {
    peer: '10.0.0.1',
    tls: 'TLSv1.3',
    cipher: 'C',
    group: 'X25519',
    resumed: true,
    sni: 'a.test',
    left_out: 9,
  })
})

test('the route is told where it is not the only one its listener has', async t => {
  const route = testRoute({ name: 'web "1"' })
  t.notOk('route' in json(HEAD, { route }))
  t.match(json(HEAD), { route: 'api' })
  const old = json('GET /x HTTP/1.0\r\n\r\n', { route })
  t.match(old, { version: '1.0', path: '/x', status: 200 })
})

test('the user agent is cut and escaped in JSON', async t => {
  const agent = `a"b\\\u00e9${'x'.repeat(400)}`
  const line = json(`GET / HTTP/1.0\r\nUser-Agent: ${agent}\r\n\r\n`)
  t.match(line, { version: '1.0', host: '', user_agent: agent.slice(0, 256) })
  t.notOk('user_agent' in json(HEAD))
})

test('lines of one connection differ where their requests do', async t => {
  const one = session()
  const line = (text: string, facts: object = {}): object =>
    JSON.parse(lines.json(one, exchange(text, facts), 1001, THEN, 0)) as object
  const from = (name: string): string => `${HEAD.slice(0, -2)}User-Agent: ${name}\r\n\r\n`
  const kept = { backendName: 'b:1' }
  t.match(line(from('x'), kept), { user_agent: 'x', backend: 'b:1' })
  const { lineParts } = one
  t.match(line(from('y'), kept), { user_agent: 'y', backend: 'b:1' })
  t.notOk('user_agent' in line(HEAD))
  t.match(line(from('y')), { method: 'GET', host: 'a.test:8080', user_agent: 'y' })
  t.match(line('POST / HTTP/1.1\r\nHost: b\r\n\r\n'), { method: 'POST', host: 'b' })
  t.match(line('GET / HTTP/1.1\r\nHost: b\r\n\r\n'), { method: 'GET', host: 'b' })
  t.equal(one.lineParts, lineParts)
})

test('no request that can be read needs an escape in what is taken as it is', async t => {
  const text = fc.string({ unit: 'binary-ascii' })
  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,9}$/)
  const target = fc.stringMatching(/^[!-~]{0,40}$/).map(rest => `/${rest}`)
  const host = fc.oneof(text, fc.stringMatching(/^[!-~]{1,20}$/))
  fc.assert(
    fc.property(token, fc.oneof(target, text), host, (method, path, authority) => {
      const bytes = Buffer.from(
        `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`,
        'latin1',
      )
      const parsed = new RequestHead({ keepsEncodedSlash: true, isSecure: true })
      if (parsed.parse(bytes, 0, bytes.length, 0) !== 0) return
      const it = exchange(HEAD, { head: parsed })
      const line = lines.json(session(), it, 1001, THEN, 0)
      const told = JSON.parse(line) as Record<string, unknown>
      t.equal(told['method'], parsed.method)
      t.equal(told['host'], parsed.authority)
      t.equal(told['path'], parsed.target.path)
    }),
    { numRuns: 3000 },
  )
})

test('a combined line is as Apache and nginx write it', async t => {
  const text = HEAD.replace('\r\n\r\n', '\r\nReferer: http://b/?x\r\nUser-Agent: curl/8\r\n\r\n')
  t.equal(
    lines.combined(exchange(text), THEN),
    '2001:db8::1 - - [10/Oct/2000:13:55:36 +0000] "GET /a/b?token=secret HTTP/1.1" 200 2326 "http://b/?x" "curl/8"\n',
  )
  t.match(lines.combined(exchange(HEAD, { status: 0 }), THEN), / 499 2326 "-" "-"\n$/)
  t.match(lines.combined(exchange(HEAD), THEN + 211), /\[10\/Oct\/2000:13:55:37 \+0000\]/)
})

test('no client can forge a combined line', async t => {
  const agent = '" 200 0 "-" "-"\u00a0\\'
  const text = `GET /?\\ HTTP/1.1\r\nHost: a\r\nReferer: \t"x\r\nUser-Agent: ${agent}\r\n\r\n`
  t.equal(
    lines
      .combined(exchange(text), THEN)
      .slice('2001:db8::1 - - [10/Oct/2000:13:55:36 +0000] '.length),
    '"GET /?\\x5C HTTP/1.1" 200 2326 "\\x22x" "\\x22 200 0 \\x22-\\x22 \\x22-\\x22\\xA0\\x5C"\n',
  )
  const long = `GET /${'a'.repeat(5000)} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${'u'.repeat(5000)}\r\n\r\n`
  t.ok(lines.combined(exchange(long), THEN).length < 2500)
})

test('a request that could not be read has a line all the same', async t => {
  const line = lines.jsonUnread(session(), 431, 'request-too-large', 'id-2', THEN, 4)
  t.match(JSON.parse(line), {
    client: '2001:db8::1',
    request: 'id-2',
    status: 431,
    reason: 'request-too-large',
    left_out: 4,
    worker: 3,
  })
  t.equal(
    lines.combinedUnread(session(), 400, THEN),
    '2001:db8::1 - - [10/Oct/2000:13:55:36 +0000] "-" 400 0 "-" "-"\n',
  )
})

test('milliseconds have two decimals at most, whatever their size', async t => {
  for (const ms of [0, 0.004, 0.005, 0.1, 1.5, 99.99, 99.996, 12_345.678, 10_737_418.23]) {
    t.equal(Number(decimals(ms)), Math.round(ms * 100) / 100, String(ms))
  }
  t.equal(decimals(123_456_789.4), '123456789')
})

test('a line tells who asked', async t => {
  const facts = {
    lines: '',
    json: ',"auth":"api-key","key":"k1"',
    user: '0123',
    words: new Int32Array(4),
  }
  t.match(json(HEAD, { facts }), { auth: 'api-key', key: 'k1' })
  t.match(lines.combined(exchange(HEAD, { facts }), THEN), /^2001:db8::1 - 0123 \[/)
})

test('a secret in the query is in no combined line, nor is that of its referer', async t => {
  const careful = new AccessLines(3, 'key')
  const text =
    'GET /a?x=1&key=secret HTTP/1.1\r\nHost: a\r\nReferer: http://a/?key=secret&y=2\r\n\r\n'
  const line = careful.combined(exchange(text), THEN)
  t.match(line, '"GET /a?x=1 HTTP/1.1" 200 2326 "http://a/?y=2"')
  t.notMatch(line, 'secret')
  t.match(careful.combined(exchange(HEAD), THEN), lines.combined(exchange(HEAD), THEN))
  t.match(lines.combined(exchange(text), THEN), 'key=secret', 'it is no secret unless told')
})
