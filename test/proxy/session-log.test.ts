import { test } from 'tap'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import { ADMITTED, type RefusalName, refusal } from '../../src/core/refusals.ts'
import type { Entrance } from '../../src/proxy/edge.ts'
import type { Exchange } from '../../src/proxy/exchange.ts'
import type { Http1Session } from '../../src/proxy/http1-session.ts'
import { SessionLog } from '../../src/proxy/session-log.ts'
import type { TcpSession } from '../../src/proxy/tcp-session.ts'
import { testRoute } from '../support/route.ts'

const entrance = { index: 0, config: { name: 'tcp://[::]:1 "x"' } } as unknown as Entrance

function makeLog(sessions = true, refusals = true, accessFormat: 'json' | 'combined' = 'json') {
  const batches: string[] = []
  const wakes: number[] = []
  const room = { left: Number.POSITIVE_INFINITY }
  let dropped = 0
  const log = new SessionLog({
    worker: 3,
    sessions,
    refusals,
    accessFormat,
    hiddenParameter: '',
    write: lines => room.left-- > 0 && batches.push(lines) > 0,
    wake: () => wakes.push(batches.length),
    drop: lines => (dropped += lines),
  })
  return {
    log,
    batches,
    wakes,
    room,
    dropped: () => dropped,
    lines(): Record<string, unknown>[] {
      log.flush()
      return batches
        .join('')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as Record<string, unknown>)
    },
  }
}

const CLIENT = { listener: entrance.config.name, address: '192.0.2.1' }

function refuse(log: SessionLog, name: RefusalName): void {
  const leftOut = log.sampleRefusal(refusal(name))
  if (leftOut !== -1) log.refusal(CLIENT, refusal(name), leftOut)
}

const SESSION = {
  entrance,
  address: '192.0.2.1',
  port: 1234,
  peer: '',
  serverName: '',
  handshake: null,
  backendName: 'b\u0001:1',
  dials: 2,
  queuedMs: 0,
  startedMs: 0,
  connectedMs: 0,
  ending: 'finished',
  refused: ADMITTED,
  cause: '',
  http: null,
  tunnel: { bytesFromClient: 5, bytesFromBackend: 7 },
} as unknown as TcpSession

/** The session, with some facts changed. */
function sessionWith(facts: object): TcpSession {
  return Object.assign({}, SESSION, facts)
}

test('a session is one line of JSON, whatever names it has', async t => {
  const it = makeLog()
  it.log.session(SESSION)
  it.log.session(sessionWith({ peer: '10.0.0.1', serverName: 'a.test', cause: 'said "no"\n' }))
  const [first, second] = it.lines()
  t.match(first, {
    level: 30,
    msg: 'connection',
    listener: 'tcp://[::]:1 "x"',
    client: '192.0.2.1',
    client_port: 1234,
    backend: 'b\u0001:1',
    dials: 2,
    bytes_received: 5,
    bytes_sent: 7,
    end: 'finished',
    worker: 3,
  })
  t.notOk('sni' in first! || 'peer' in first! || 'cause' in first!)
  t.match(second, { peer: '10.0.0.1', sni: 'a.test', cause: 'said "no"\n' })
})

test('refusals are sampled by reason, and the next line says how many were left out', async t => {
  const it = makeLog()
  for (let i = 0; i < 100; i++) refuse(it.log, 'denied')
  refuse(it.log, 'connection-rate')
  const lines = it.lines()
  const denied = lines.filter(({ reason }) => reason === 'denied')
  // A second may begin in between: then there are two samples.
  t.ok(denied.length === 5 || denied.length === 10, `${denied.length} lines of 100`)
  t.equal(it.dropped(), 100 - denied.length)
  t.equal(lines.filter(({ reason }) => reason === 'connection-rate').length, 1)
})

test('sessions can be left out, refusals are told all the same', async t => {
  const it = makeLog(false)
  it.log.session(SESSION)
  it.log.session(sessionWith({ ending: 'refused', refused: refusal('not-tls') }))
  t.match(it.lines(), [{ msg: 'refused', reason: 'not-tls' }])
})

test('who is let in by a guard that is tried is told as who is refused, and sampled alike', async t => {
  const it = makeLog()
  refuse(it.log, 'request-rate')
  for (let i = 0; i < 5; i++) it.log.shadow(refusal('request-rate'), CLIENT)
  const [refused, ...tried] = it.lines()
  t.equal(tried.length, 4)
  for (const line of tried) t.match(line, { ...refused, msg: 'shadow', time: Number })
  t.equal(it.dropped(), 1)
})

test('below their level neither kind is written, nor counted as dropped', async t => {
  const it = makeLog(false, false)
  for (let i = 0; i < 100; i++) refuse(it.log, 'denied')
  it.log.session(sessionWith({ ending: 'refused', refused: refusal('not-tls') }))
  it.log.session(SESSION)
  t.strictSame(it.lines(), [])
  t.equal(it.dropped(), 0)
})

test('a main that does not keep up costs lines, not memory', async t => {
  const it = makeLog()
  it.room.left = 64
  for (let i = 0; i < 200; i++) {
    it.log.session(SESSION)
    it.log.flush()
  }
  t.equal(it.batches.length, 64)
  t.equal(it.dropped(), 136)
  it.room.left = 1
  it.log.session(SESSION)
  it.log.flush()
  t.equal(it.batches.length, 65)
})

test('main is told once for many batches, and at each step for what is left', async t => {
  const it = makeLog()
  while (it.batches.length < 33) it.log.session(SESSION)
  t.strictSame(it.wakes, [16, 32])
  it.log.flush()
  t.equal(it.wakes.length, 3)
  it.log.flush()
  t.equal(it.wakes.length, 3, 'nothing new, nothing told')
})

test('lines are ASCII, whatever a name holds', async t => {
  const it = makeLog()
  it.log.session(sessionWith({ cause: 'h\u00f6\u4e2d\u007f' }))
  t.match(it.lines(), [{ cause: 'h\u00f6\u4e2d\u007f' }])
  t.match(it.batches[0], /^[\x20-\x7e\n]+$/)
})

test('lines are sent in batches', async t => {
  const it = makeLog()
  for (let i = 0; i < 1000; i++) it.log.session(SESSION)
  t.ok(it.batches.length > 5 && it.batches.length < 30, `${it.batches.length} batches`)
  t.equal(it.lines().length, 1000)
})

const FACTS = {
  requestId: 'r',
  backendName: '',
  cause: '',
  refused: ADMITTED,
  startedMs: 0,
  bytesReceived: 0,
  bytesSent: 0,
  facts: null,
}

/** An HTTP session, and an exchange on it with some facts changed. */
const HTTP = { client: SESSION, lineParts: null } as unknown as Http1Session
function exchangeWith(facts: object): Exchange {
  const bytes = Buffer.from('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  const head = new RequestHead()
  head.parse(bytes, 0, bytes.length, 0)
  const client = { address: SESSION.address, isNamed: false }
  return { head, client, route: testRoute(), ...FACTS, ...facts } as Exchange
}

test('every exchange has its line, but a flood of refused ones is sampled', async t => {
  const it = makeLog()
  const rate = refusal('request-rate')
  for (let i = 0; i < 50; i++) {
    it.log.exchange(HTTP, exchangeWith({ status: 200, reason: '' }), 1)
    it.log.exchange(HTTP, exchangeWith({ status: 429, reason: 'request-rate', refused: rate }), 1)
    it.log.badRequest(HTTP, 400, 'bad-request', 'r')
  }
  const lines = it.lines()
  t.equal(lines.filter(({ status }) => status === 200).length, 50)
  for (const reason of ['request-rate', 'bad-request']) {
    const { length } = lines.filter(line => line['reason'] === reason)
    // A second may begin in between.
    t.ok(length === 5 || length === 10, `${length} lines of ${reason}`)
  }
})

test('in the combined format exchanges are told so, and all else as JSON', async t => {
  const it = makeLog(true, true, 'combined')
  it.log.exchange(HTTP, exchangeWith({ status: 200, bytesSent: 5 }), 1)
  it.log.badRequest(HTTP, 400, 'bad-request', 'r')
  it.log.session(SESSION)
  it.log.flush()
  const [first, second, third] = it.batches.join('').split('\n')
  t.match(first, /^192\.0\.2\.1 - - \[.{26}\] "GET \/a HTTP\/1\.1" 200 5 "-" "-"$/)
  t.match(second, /^192\.0\.2\.1 - - \[.{26}\] "-" 400 0 "-" "-"$/)
  t.match(JSON.parse(third!), { msg: 'connection' })
})

test('without lines of sessions exchanges have none, but refused ones do', async t => {
  const it = makeLog(false)
  it.log.exchange(HTTP, exchangeWith({ status: 200, reason: '' }), 1)
  const refused = refusal('request-rate')
  it.log.exchange(HTTP, exchangeWith({ status: 429, reason: 'request-rate', refused }), 1)
  t.match(it.lines(), [{ status: 429 }])
})
