/** What the end of an exchange costs: its counters and its line. */
import { randomHashKey } from '../../src/core/hash.ts'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import type { Exchange } from '../../src/proxy/exchange.ts'
import { countExchange } from '../../src/proxy/exchange-counters.ts'
import type { Http1Session } from '../../src/proxy/http1-session.ts'
import { SessionLog } from '../../src/proxy/session-log.ts'
import { RefusalNotes } from '../../src/proxy/refusal-notes.ts'
import { createShared } from '../../src/shared/layout.ts'
import { testRoute } from '../../test/support/route.ts'

// An exchange as it is at its end. The text of a batch is copied, as it is into the ring.
const ring = Buffer.alloc(65_536)
const lines = (accessFormat: 'json' | 'combined'): SessionLog => {
  return new SessionLog({
    worker: 0,
    sessions: true,
    refusals: true,
    accessFormat,
    hiddenParameter: '',
    write: batch => ring.write(batch, 'latin1') > 0,
    wake: () => {},
    drop: () => {},
  })
}
const json = lines('json')
const combined = lines('combined')
const request = Buffer.from(
  'GET /assets/site.css?v=12 HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 ' +
    '(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: text/css,*/*;q=0.1\r\n' +
    'Accept-Language: en\r\nReferer: https://www.example.org/\r\nCookie: a=1\r\n\r\n',
)
const head = new RequestHead()
head.parse(request, 0, request.length, 0)
const shared = createShared({
  workers: 1,
  backends: 1,
  listeners: 1,
  routes: 1,
  addresses: 1024,
  moreBuckets: false,
  sessionsPerWorker: 16,
  requestsPerWorker: 16,
  proofs: 64,
  hashKey: randomHashKey(),
})
const { counters } = shared
const notes = new RefusalNotes(shared, 0, { ipv4Prefix: 32, ipv6Prefix: 64 }, false)
const session = {
  edge: { slice: counters.slice(0), at: counters.at, notes },
  requests: 7,
  lineParts: null,
  client: {
    slot: shared.addresses.acquire(Int32Array.of(0, 0, 0xffff, 0xcb_00_71_4d | 0), 0),
    address: '203.0.113.77',
    port: 40_000,
    peer: '',
    serverName: '',
    handshake: null,
    entrance: { index: 0, config: { name: 'http://[::]:80' } },
  },
} as unknown as Http1Session
const exchange = {
  head,
  client: { address: session.client.address, isNamed: false },
  requestId: '0123456789abcdef00000001',
  route: testRoute({ name: 'http://[::]:80' }),
  status: 200,
  refused: 0,
  reason: '',
  facts: null,
  cause: '',
  backendName: '10.0.0.1:8080',
  tries: 1,
  queuedMs: 0,
  connectMs: 0,
  firstByteMs: 0.734_567,
  startedMs: 0.1,
  bytesReceived: 0,
  bytesSent: 12_345,
} as unknown as Exchange
let nowMs = 1

export const exchangeParts: Readonly<Record<string, () => void>> = {
  'exchange: count it': () => countExchange(session, exchange, performance.now()),
  'exchange: its JSON line': () => json.exchange(session, exchange, (nowMs += 0.013)),
  'exchange: its combined line': () => combined.exchange(session, exchange, (nowMs += 0.013)),
}
