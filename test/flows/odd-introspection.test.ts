/** A server of tokens that answers anything but what it should. */
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { askWith } from '../support/ask.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

const DOWN = '503 introspection-down'

type Answer = (socket: Socket) => void

function say(body: string, head = 'HTTP/1.1 200 OK'): Answer {
  return socket =>
    socket.write(
      `${head}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
}

function raw(text: string): Answer {
  return socket => socket.end(text)
}

/** Seconds since 1970. */
const now = () => Math.floor(Date.now() / 1000)

const active = say('{"active":true,"sub":"a"}')

/** By token: what the server says of it, and what its client gets. */
const oddities: Readonly<Record<string, readonly [answer: Answer, verdict: string]>> = {
  redirect: [
    raw('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n'),
    DOWN,
  ],
  unauthorized: [say('{"error":"invalid_client"}', 'HTTP/1.1 401 Unauthorized'), DOWN],
  broken: [say('{"active":true}', 'HTTP/1.1 500 Oops'), DOWN],
  created: [say('{"active":true,"sub":"a"}', 'HTTP/1.1 201 Created'), DOWN],
  empty: [say(''), DOWN],
  'no-json': [say('<html>active</html>'), DOWN],
  array: [say('[{"active":true}]'), DOWN],
  null: [say('null'), DOWN],
  trailing: [say('{"active":true,"sub":"a"}{}'), DOWN],
  twice: [say('{"active":false,"active":true,"sub":"a"}'), DOWN],
  escaped: [say(String.raw`{"active":false,"\u0061ctive":true,"sub":"a"}`), DOWN],
  deep: [say(`{"active":true,"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`), DOWN],
  missing: [say('{"sub":"a"}'), DOWN],
  text: [say('{"active":"true","sub":"a"}'), DOWN],
  number: [say('{"active":1,"sub":"a"}'), DOWN],
  past: [say(`{"active":true,"sub":"a","exp":${now() - 60}}`), '401 token-expired'],
  'exp-text': [say(`{"active":true,"sub":"a","exp":"${now() + 60}"}`), '401 token-claim'],
  early: [say(`{"active":true,"sub":"a","nbf":${now() + 600}}`), '401 token-early'],
  inactive: [say('{"active":false,"sub":"a","exp":9999999999}'), '401 token-inactive'],
  large: [say(`{"active":true,"sub":"${'a'.repeat(2_000_000)}"}`), DOWN],
  endless: [
    socket => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const timer = setInterval(() => socket.write(`4000\r\n${'a'.repeat(16_384)}\r\n`), 1)
      socket.on('close', () => clearInterval(timer))
    },
    DOWN,
  ],
  chunks: [raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{"active":true}'), DOWN],
  framing: [
    raw(
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 25\r\n\r\n{"active":true,"sub":"a"}',
    ),
    DOWN,
  ],
  cut: [raw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"active":true,"sub":"a"}'), DOWN],
  garbage: [raw('\u0000\u0001 no HTTP at all\r\n\r\n'), DOWN],
  closed: [socket => socket.end(), DOWN],
  reset: [socket => socket.resetAndDestroy(), DOWN],
  switching: [
    raw('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    DOWN,
  ],
  silent: [() => {}, DOWN],
  slow: [
    socket => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n')
      const timer = setInterval(() => socket.write(' '), 20)
      socket.on('close', () => clearInterval(timer))
    },
    DOWN,
  ],
  'no-subject': [say('{"active":true}'), '200'],
}

interface Setup {
  readonly weir: RunningWeir
  readonly port: number
  /** Tokens that were asked about. */
  readonly asked: string[]
  /** Answers come when it is called; null for at once. */
  held: (() => void)[] | null
}

async function start(t: Test, timeout: string): Promise<Setup> {
  const setup = { asked: [] as string[], held: null as (() => void)[] | null }
  const server = createServer(socket => {
    socket.on('error', () => {})
    let question = ''
    socket.on('data', bytes => {
      question += bytes.toString('latin1')
      const token = /\r\n\r\n.*\btoken=([^&]+)/s.exec(question)?.[1]
      if (token === undefined) return
      question = ''
      setup.asked.push(token)
      const answer = () => (oddities[token]?.[0] ?? active)(socket)
      if (setup.held === null) answer()
      else setup.held.push(answer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address() as { port: number }
  const client = join(t.testdir(), 'client')
  writeFileSync(client, 'weir:secret\n')
  chmodSync(client, 0o600)
  const backend = await startHttpBackend(t, sayName('a'))
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '1'],
      ...['--request-rate', '0', '--auth-failure-rate', '0'],
      ...['--introspection-url', `http://127.0.0.1:${address.port}/`],
      ...['--introspection-client', client, '--introspection-timeout', timeout],
    ),
  )
  return Object.assign(setup, { weir, port: weir.ports[0]! })
}

test('whatever the server says, a client gets a clear answer and weir goes on', async t => {
  const { port, weir } = await start(t, '4s')
  let n = 0
  for (const [token, [, verdict]] of Object.entries(oddities)) {
    t.equal(await askWith(port, token), verdict, token)
    // Enough failures one after the other would be a server that is down.
    t.equal(await askWith(port, `good-${n++}`), '200', `after ${token}`)
  }
  t.equal(weir.child.exitCode, null)
  t.notOk(weir.lines.some(({ level }) => Number(level) >= 50))
})

test('answers that come in another order are for who asked', async t => {
  const setup = await start(t, '20s')
  const { port, asked } = setup
  const held: (() => void)[] = []
  setup.held = held
  const tokens = ['inactive', 'good-1', 'past', 'good-2']
  const verdicts = tokens.map(async token => await askWith(port, token))
  await until(() => held.length === tokens.length, 'all are asked about')
  for (const answer of held.toReversed()) answer()
  t.strictSame(await Promise.all(verdicts), [
    '401 token-inactive',
    '200',
    '401 token-expired',
    '200',
  ])
  t.equal(asked.length, tokens.length)
})

test('of very many tokens at once some are told to come again, and none is let in unasked', async t => {
  const setup = await start(t, '20s')
  const { port, asked, weir } = setup
  const held: (() => void)[] = []
  setup.held = held
  const many = Array.from({ length: 400 }, async (_, i) => await askWith(port, `many-${i}`))
  await until(
    async () => (await weir.metric('weir_refusals_total', { reason: 'auth-busy' })) > 0,
    'busy',
  )
  setup.held = null
  for (const answer of held) answer()
  const verdicts = await Promise.all(many)
  const of = (verdict: string) => verdicts.filter(each => each === verdict).length
  t.ok(of('503 auth-busy') > 0)
  t.ok(of('200') >= 200, `${of('200')} were let in`)
  t.equal(of('200') + of('503 auth-busy') + of('503 introspection-down'), 400)
  t.ok(asked.length >= of('200'))
  t.equal(await askWith(port, 'later'), '200')
})
