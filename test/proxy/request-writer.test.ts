import { test } from 'tap'
import type { IdentityFacts } from '../../src/proxy/identity-facts.ts'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import { CidrSet } from '../../src/core/cidr-set.ts'
import { Forwarding, type ForwardingOptions } from '../../src/proxy/forwarding.ts'
import { Origin } from '../../src/proxy/origin.ts'
import { RequestClient } from '../../src/proxy/request-client.ts'
import type { Route } from '../../src/proxy/route.ts'
import { writeRequest } from '../../src/proxy/request-writer.ts'
import { requestHead } from '../support/head.ts'
import { testRoute } from '../support/route.ts'

const OPTIONS: ForwardingOptions = {
  forwardedRead: 'both',
  forwardedFields: 'x-forwarded',
  traceparent: 'off',
}
const OURS =
  'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test\r\n' +
  'X-Request-Id: id-1\r\nVia: 1.1 weir\r\n'

interface Case {
  readonly trusted?: boolean
  readonly options?: Partial<ForwardingOptions>
  /** As a trusted peer named it. */
  readonly facts?: IdentityFacts
  readonly removesCredential?: boolean
  readonly client?: Partial<Pick<RequestClient, 'address' | 'isNamed' | 'isDoubtful'>>
}

function write(head: RequestHead, given: Case = {}) {
  const { trusted = false, options = {}, client = {}, facts = null } = given
  const { removesCredential = false } = given
  const address = '192.0.2.1'
  const origin = new Origin({
    address,
    proto: 'http',
    forwarders: trusted ? new CidrSet() : null,
    forwarding: new Forwarding({ ...OPTIONS, ...options }),
  })
  const auth = {
    policy: null,
    methods: [],
    passesPreflights: false,
    removesCredential,
    resourceMetadata: '',
  }
  const route = testRoute({ auth })
  const of = Object.assign(
    new RequestClient({
      address,
      listener: 'web',
      source: 1,
      peerIdentity: null,
      handshake: null,
      banCounted: false,
    }),
    client,
  )
  const backendName = 'backend.test:80'
  return writeRequest({ head, client: of, requestId: 'id-1', backendName, route, facts }, origin)
}

/** What was written of the client's own fields, between Host and ours. */
function passed(...fields: string[]): string {
  const text = write(requestHead(fields))
  const start = 'GET / HTTP/1.1\r\nHost: a.test\r\n'
  if (!text.startsWith(start) || !text.endsWith(`${OURS}\r\n`)) return `unexpected: ${text}`
  return text.slice(start.length, text.length - OURS.length - 2)
}

test('fields go on in their order, as they were spelled', async t => {
  const fields = ['Accept: */*', 'x-MIXED: a  b', 'Empty: ', 'Cookie: a=1', 'x-mixed: again']
  t.equal(passed(...fields), fields.map(field => `${field}\r\n`).join(''))
  t.equal(passed(), '')
})

test('a line of more or fewer blanks is written anew, those beside it are as they were', async t => {
  const lines = ['A: 1', 'B:2', 'C:  3', 'D: 4 ', 'E:\t5', 'F:', 'G: 7', 'H:  8  ', 'I: 9']
  t.equal(
    passed(...lines),
    'A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: \r\nG: 7\r\nH: 8\r\nI: 9\r\n',
  )
})

test('what is left out leaves nothing of itself, at any place', async t => {
  const dropped = [
    'Proxy: evil',
    'Keep-Alive: 5',
    'TE: trailers',
    'X_Odd: 1',
    'X.Odd: 1',
    'X-Forwarded-For: 6.6.6.6',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil',
    'X-Forwarded-Port: 1',
    'x-forwarded-prefix: /evil',
    'X-Forwarded-: 1',
    'X-Real-IP: 6.6.6.6',
    'Forwarded: for=6.6.6.6',
    'X-Request-Id: mine',
    'X-Weir-Subject: root',
    'x-weir-anything: 1',
    'Expect: 100-continue',
    'HTTP2-Settings: x',
    'Proxy-Connection: close',
  ]
  const kept = ['A: 1', 'B: 2', 'C: 3', 'D: 4']
  for (const field of dropped) {
    for (let at = 0; at <= kept.length; at++) {
      const fields = kept.toSpliced(at, 0, field)
      t.equal(passed(...fields), kept.map(each => `${each}\r\n`).join(''), `${field} at ${at}`)
    }
  }
  // Two expectations would be refused.
  const twice = dropped.filter(field => !field.startsWith('Expect'))
  t.equal(
    passed(...twice.flatMap(field => [field, 'A: 1', field])),
    'A: 1\r\n'.repeat(twice.length),
  )
})

test('names that only begin alike go on', async t => {
  const fields = ['X-Forwarded: 1', 'X-Forwarde-For: 1', 'X-Weird: 1', 'X-Real-IPs: 1', 'X: 1']
  t.equal(passed(...fields), fields.map(field => `${field}\r\n`).join(''))
})

test('Connection names fields away, but none that say who the client is', async t => {
  t.equal(passed('Connection: X-Mine, close', 'x-mine: 1', 'X-Other: 2'), 'X-Other: 2\r\n')
  const kept = ['Authorization: Basic x', 'Cookie: a=1', 'X-Api-Key: k', 'DPoP: d']
  const names = 'Authorization, Cookie, X-Api-Key, DPoP, Host, Forwarded, X-Forwarded-For, Via'
  t.equal(passed(`Connection: ${names}`, ...kept), kept.map(field => `${field}\r\n`).join(''))
  const trusted = write(
    requestHead([
      'Connection: X-Forwarded-Port, X-Forwarded-For, Forwarded, traceparent, X-Real-IP',
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Port: 81',
      'X-Real-IP: 6.6.6.6',
    ]),
    { trusted: true },
  )
  t.match(trusted, /X-Forwarded-Port: 81\r\nX-Real-IP: 6\.6\.6\.6\r\nX-Forwarded-For: 6\.6\.6\.6, /)
})

test('both forms are sent at once, and Via after what came', async t => {
  const text = write(requestHead(['Via: 1.0 other'], 'GET /a?b HTTP/1.0'), {
    options: { forwardedFields: 'both' },
  })
  t.equal(
    text,
    'GET /a?b HTTP/1.1\r\nHost: a.test\r\nVia: 1.0 other\r\n' +
      'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test\r\n' +
      'Forwarded: for=192.0.2.1;proto=http;host=a.test\r\n' +
      'X-Request-Id: id-1\r\nVia: 1.0 weir\r\n\r\n',
  )
})

test('the word of a trusted peer goes on', async t => {
  const fields = [
    'X-Forwarded-For: 6.6.6.6',
    'A: 1',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: b.test',
    'X-Forwarded-Port: 8443',
    'X-Real-IP: 6.6.6.6',
    'X-Weir-Subject: root',
  ]
  const text = write(requestHead(fields), {
    trusted: true,
    client: { isNamed: true, address: '6.6.6.6' },
  })
  t.equal(
    text,
    'GET / HTTP/1.1\r\nHost: a.test\r\nA: 1\r\nX-Forwarded-Proto: https\r\n' +
      'X-Forwarded-Host: b.test\r\nX-Forwarded-Port: 8443\r\nX-Real-IP: 6.6.6.6\r\n' +
      'X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Request-Id: id-1\r\nVia: 1.1 weir\r\n\r\n',
  )
})

test('of the form that a trusted peer does not write nothing goes on', async t => {
  const x = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https', 'X-Real-IP: 6.6.6.6']
  const head = requestHead([...x, 'X-Forwarded-Port: 1', 'Forwarded: for=7.7.7.7'])
  const of = (forwardedRead: ForwardingOptions['forwardedRead'], address: string): string =>
    write(head, {
      trusted: true,
      options: { forwardedRead, forwardedFields: 'both' },
      client: { isNamed: true, address },
    })
  const byX = of('x-forwarded', '6.6.6.6')
  t.notMatch(byX, /7\.7\.7\.7/)
  t.match(byX, /\r\nForwarded: for=6\.6\.6\.6;proto=https, for=192\.0\.2\.1;/)
  const byForwarded = of('forwarded', '7.7.7.7')
  t.notMatch(byForwarded, /6\.6\.6\.6|https|-Port/)
  t.match(byForwarded, /\r\nX-Forwarded-For: 7\.7\.7\.7, 192\.0\.2\.1\r\n/)
})

test('of whom to doubt, the chains do not', async t => {
  const fields = ['X-Forwarded-For: 6.6.6.6', 'Forwarded: for=7.7.7.7', 'X-Real-IP: 6.6.6.6']
  const text = write(requestHead([...fields, 'X-Forwarded-Proto: https']), {
    trusted: true,
    options: { forwardedFields: 'both' },
    client: { isDoubtful: true },
  })
  t.notMatch(text, /6\.6\.6\.6|7\.7\.7\.7/)
  t.match(text, /X-Forwarded-Proto: https\r\nX-Forwarded-For: 192\.0\.2\.1\r\n/)
  t.match(text, /Forwarded: for=192\.0\.2\.1;proto=http;host=a\.test\r\n/)
})

const PARENT = 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const GOES_ON = /traceparent: 00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331).{16}-01\r\n/
const BEGINS = /traceparent: 00-(?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-.{16}-01\r\n/

test('a trace begins for anybody, and goes on for the trusted, or for all', async t => {
  const traced = requestHead([PARENT, 'tracestate: a=1'])
  const trusted = { options: { traceparent: 'trusted' } } as const
  t.match(write(traced, trusted), BEGINS)
  t.notMatch(write(traced, trusted), /tracestate/)
  t.match(write(requestHead([]), trusted), BEGINS)
  t.match(write(traced, { ...trusted, trusted: true }), GOES_ON)
  t.match(write(traced, { ...trusted, trusted: true }), /\r\ntracestate: a=1\r\n/)
  t.match(write(requestHead([]), { ...trusted, trusted: true }), BEGINS)
  t.match(write(traced, { options: { traceparent: 'continue' } }), GOES_ON)
  const off = write(traced)
  t.ok(off.includes(`${PARENT}\r\ntracestate: a=1\r\n`))
  t.equal(off.match(/traceparent/g)?.length, 1)
  t.notMatch(write(requestHead([])), /traceparent/)
})

test('what one request said is not told of the next', async t => {
  const options = { forwardedFields: 'both', traceparent: 'trusted' } as const
  const fields = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https', PARENT, 'tracestate: a=1']
  write(requestHead(fields), { trusted: true, options })
  for (const trusted of [true, false]) {
    const text = write(requestHead([]), { trusted, options })
    t.notMatch(text, /6\.6\.6\.6|https|0af7651916|tracestate/)
  }
})

test('a length is told where there is a body, or could be one', async t => {
  const of = (line: string, ...fields: string[]): string => write(requestHead(fields, line))
  t.match(of('POST / HTTP/1.1'), /\r\nContent-Length: 0\r\n\r\n$/)
  t.notMatch(of('DELETE / HTTP/1.1'), /Content-Length|Transfer-Encoding/)
  t.match(of('GET / HTTP/1.1', 'Content-Length: 007'), /\r\nContent-Length: 7\r\n\r\n$/)
  t.match(
    of('PUT / HTTP/1.1', 'Transfer-Encoding: chunked'),
    /\r\nTransfer-Encoding: chunked\r\n\r\n$/,
  )
  t.match(
    of('PUT / HTTP/1.1', 'Content-Length: 3', 'Expect: 100-continue'),
    /\r\nExpect: 100-continue\r\n/,
  )
})

test('who the client is is told by weir alone', async t => {
  const facts = {
    lines: 'X-Weir-Subject: billing\r\n',
    json: '',
    user: '',
    words: new Int32Array(4),
    talker: new Int32Array(9),
  }
  const lies = ['X-Weir-Subject: root', 'x-weir-auth: jwt', 'X-WEIR-NEW: 1', 'X_Weir_Subject: root']
  for (const trusted of [false, true]) {
    const text = write(requestHead([...lies, 'A: 1']), { facts, trusted })
    t.strictSame(text.match(/^x.weir.*$/gim), ['X-Weir-Subject: billing'])
    t.match(text, '\r\nA: 1\r\n')
    t.equal(write(requestHead(lies), { trusted }).match(/x.weir/i), null)
  }
})

test('credentials are passed on, or removed all of them', async t => {
  const fields = ['A: 1', 'Authorization: Bearer x', 'X-API-Key: x', 'DPoP: x', 'B: 2']
  t.equal(passed(...fields), fields.map(field => `${field}\r\n`).join(''))
  const removed = write(requestHead(fields), { removesCredential: true })
  t.match(removed, '\r\nA: 1\r\nB: 2\r\n')
  t.notMatch(removed, /authorization|x-api-key|dpop/i)
})

test('what is kept of one request is used for the next only where that says the same', async t => {
  const head = new RequestHead()
  const origin = (traceparent: ForwardingOptions['traceparent']): Origin =>
    new Origin({
      address: '192.0.2.1',
      proto: 'http',
      forwarders: null,
      forwarding: new Forwarding({ ...OPTIONS, traceparent }),
    })
  const client = new RequestClient({
    listener: 'web',
    address: '192.0.2.1',
    source: 1,
    peerIdentity: null,
    handshake: null,
    banCounted: false,
  })
  const [route, rewriting] = [testRoute(), testRoute({ rewriteHost: 'inside.test' })]
  const trace = 'traceparent: 00-11111111111111111111111111111111-2222222222222222-01'
  const requests: [string, Route][] = [
    ['GET /1 HTTP/1.1\r\nHost: a.test\r\nA: 1\r\n\r\n', route],
    ['GET /2?x HTTP/1.1\r\nHost: a.test\r\nA: 1\r\n\r\n', route],
    ['GET /3 HTTP/1.1\r\nHost: a.test\r\nA: 1\r\n\r\n', route],
    ['GET /4 HTTP/1.1\r\nHost: a.test\r\nA: 1\r\n\r\n', rewriting],
    ['GET /5 HTTP/1.1\r\nHost: a.test\r\nA: 2\r\n\r\n', rewriting],
    ['GET /6 HTTP/1.1\r\nHost: b.test\r\nA: 2\r\n\r\n', route],
    ['POST /7 HTTP/1.1\r\nHost: b.test\r\nA: 2\r\n\r\n', route],
    ...['8', '9', '10'].map((path): [string, Route] => [
      `GET /${path} HTTP/1.1\r\nHost: b.test\r\n${trace}\r\n\r\n`,
      route,
    ]),
    ...['b1', 'b2'].map((host): [string, Route] => [
      'GET /11 HTTP/1.0\r\n\r\n',
      testRoute({ name: host }),
    ]),
  ]
  for (const traceparent of ['off', 'continue'] as const) {
    const kept = origin(traceparent)
    for (const [n, [text, to]] of requests.entries()) {
      const bytes = Buffer.from(text)
      const fresh = new RequestHead()
      for (const each of [head, fresh]) each.parse(bytes, 0, bytes.length, 0)
      const host = `backend${n}.test`
      // What begins is random; of what goes on the parent is.
      const random = /traceparent: 00-(?!1{32}).*|[0-9a-f]{16}-01(?=\r)/
      const rest = { client, requestId: `id-${n}`, backendName: host, route: to, facts: null }
      const got = writeRequest({ head, ...rest }, kept)
      const wanted = writeRequest({ head: fresh, ...rest }, origin(traceparent))
      t.equal(got.replace(random, ''), wanted.replace(random, ''), text)
    }
  }
})
