/** What becomes of refused clients, by where they are refused and what --action says. */
import { connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { echo, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { brokenOff, dial, dialTls, ending, exchange, read } from '../support/client.ts'
import { extension, hello, record, serverName } from '../support/hello.ts'
import { startHttpBackend } from '../support/http-backend.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

/** One that never comes back while a test runs, and the first of which is let in. */
const ONE = '0.01'
const TIME_MS = 400
const TARPIT = ['--tarpit-time', `${TIME_MS}ms`, '--tarpit-max', '4', '--workers', '1']
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

const SUPPORTED_VERSIONS = 43
const HELLO = record(
  hello({
    extensions: [serverName('localhost'), extension(SUPPORTED_VERSIONS, Buffer.from([2, 3, 4]))],
  }),
)

/** What the client saw: how it ended, after which bytes, and whether it took the time of the tarpit. */
async function seen(socket: Socket): Promise<{ end: string; bytes: number; held: boolean }> {
  const began = performance.now()
  const end = await brokenOff(socket)
  return { end, bytes: socket.bytesRead, held: performance.now() - began >= TIME_MS - 100 }
}

const NO_BYTES = {
  reset: { end: 'ECONNRESET', bytes: 0 },
  close: { end: 'closed', bytes: 0 },
  tarpit: { end: 'ECONNRESET', bytes: 0, held: true },
} as const

const SERVED = /^HTTP\/1.1 200 .*served$/s

/** One whole answer. */
async function answer(socket: Socket): Promise<string> {
  let text = ''
  for (;;) {
    text += await read(socket, 1)
    const [head = '', body] = text.split('\r\n\r\n')
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1])
    if (body !== undefined && body.length >= length) return text
  }
}

async function counted(weir: RunningWeir, reason: string, action: string): Promise<void> {
  await weir.metricIs('weir_actions_total', { reason, action }, 1)
  await weir.metricIs('weir_refusals_total', { reason }, 1)
}

for (const action of ['reset', 'close', 'tarpit'] as const) {
  test(`right after accept: ${action}`, async t => {
    const backend = await startBackend(t, echo)
    const listen = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url, ...TARPIT]
    const flags = [...listen, '--deny', '127.0.0.2', '--action', `denied=${action}`]
    const weir = await startWeir(t, withoutLimits(...flags))
    const client = connect({ port: weir.ports[0]!, localAddress: '127.0.0.2', host: '127.0.0.1' })
    t.match(await seen(client), NO_BYTES[action])
    await counted(weir, 'denied', action)
  })

  test(`before a handshake: ${action}`, async t => {
    const { weir } = await https(t, 'handshake', action)
    const client = await dial(weir.ports[0]!)
    client.write(HELLO)
    t.match(await seen(client), NO_BYTES[action])
    await counted(weir, 'handshake-rate', action)
    await weir.metricIs('weir_connections', {}, 0)
  })

  test(`a request over http: ${action}`, async t => {
    const weir = await http(t, ['--action', `request-rate=${action}`])
    const client = await dial(weir.ports[0]!)
    client.write(GET)
    t.match(await answer(client), SERVED)
    const before = client.bytesRead
    client.write(GET)
    const { bytes, ...end } = await seen(client)
    t.equal(bytes, before, 'not a byte more')
    t.match({ ...end, bytes: 0 }, NO_BYTES[action])
    await counted(weir, 'request-rate', action)
    await weir.metricIs('weir_connections', {}, 0)
  })

  test(`a request over https: ${action}`, async t => {
    const { weir, ca } = await https(t, 'request', action)
    const client = await dialTls(weir.ports[0]!, { ca })
    client.write(GET)
    t.match(await answer(client), SERVED)
    const before = client.bytesRead
    client.write(GET)
    const { bytes, ...end } = await seen(client)
    t.equal(action === 'close' || bytes === before, true, 'not a byte more, but for close_notify')
    t.match({ ...end, bytes: 0 }, NO_BYTES[action])
    await counted(weir, 'request-rate', action)
    await weir.metricIs('weir_connections', {}, 0)
  })
}

async function http(t: Test, flags: string[]): Promise<RunningWeir> {
  const backend = await startHttpBackend(t, (_, response) => response.end('served'))
  const listen = ['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--probe', 'none']
  const limit = ['--request-rate', ONE, '--request-burst', '1', ...TARPIT]
  return startWeir(t, withoutLimits(...listen, ...limit, ...flags))
}

/** One handshake or one request is let in, and its guard does `action` after that. */
async function https(t: Test, limited: 'handshake' | 'request', action: string) {
  const ca = testAuthority(t)
  const { cert, key } = ca.issue('a', ['localhost'])
  const backend = await startHttpBackend(t, (_, response) => response.end('served'))
  const listen = ['--listen', 'https://127.0.0.1:0', '--cert', cert, '--key', key]
  const limit = [`--${limited}-rate`, ONE, `--${limited}-burst`, '1', ...TARPIT, '--probe', 'none']
  const flags = [...listen, '--backend', backend.url, ...limit]
  const weir = await startWeir(t, [
    '--connection-rate',
    '0',
    ...flags,
    '--action',
    `${limited}-rate=${action}`,
  ])
  if (limited === 'handshake') (await dialTls(weir.ports[0]!, { ca: ca.pem })).destroy()
  return { weir, ca: ca.pem }
}

test('a tarpit that is full resets; what it holds counts for nobody, and a stop ends it at once', async t => {
  const backend = await startBackend(t, echo)
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url, '--workers', '1']
  const limits = ['--connection-rate', ONE, '--connection-burst', '2']
  const pit = ['--tarpit-time', '1h', '--tarpit-max', '3', '--action', 'all=tarpit']
  const weir = await startWeir(t, [...listen, ...limits, ...pit])
  const port = weir.ports[0]!
  const good = await dial(port)
  good.write('x')
  t.equal(await read(good, 1), 'x')
  // The second token.
  await exchange(await dial(port), 'x')
  const held: Socket[] = []
  for (let i = 0; i < 3; i++) held.push(await dial(port))
  // One that sends, one that is done speaking, one that says nothing.
  held[0]!.write(Buffer.alloc(1_000_000))
  held[1]!.end()
  await weir.metricIs('weir_tarpitted', {}, 3)
  await weir.metricIs('weir_connections', {}, 1)
  t.equal(await ending(port, {}, 'x'), 'ECONNRESET', 'there is no room')
  const reason = 'connection-rate'
  await weir.metricIs('weir_actions_total', { reason, action: 'tarpit' }, 3)
  await weir.metricIs('weir_actions_total', { reason, action: 'reset' }, 1)
  await weir.metricIs('weir_refusals_total', { reason }, 4)
  good.destroy()
  const ends = held.map(socket => brokenOff(socket))
  t.equal(await weir.stop(), 0)
  t.match(await Promise.all(ends), ['ECONNRESET', /^E(CONNRESET|PIPE)$/, 'ECONNRESET'])
})

test('a guard that is only tried does nothing else either', async t => {
  const weir = await http(t, ['--action', 'request-rate=reset', '--shadow', 'request-rate'])
  const client = await dial(weir.ports[0]!)
  for (let i = 0; i < 3; i++) {
    client.write(GET)
    t.match(await answer(client), SERVED)
  }
  await weir.metricIs('weir_shadow_refusals_total', { reason: 'request-rate' }, 2)
  t.equal(await weir.metric('weir_actions_total'), 0)
})

test('what came before is answered, and a head that nobody can read is treated alike', async t => {
  const weir = await http(t, ['--action', 'request-rate=reset'])
  const client = await dial(weir.ports[0]!)
  client.write(GET + GET)
  t.match(await answer(client), SERVED)
  t.equal(await brokenOff(client), 'ECONNRESET')
  t.equal(await ending(weir.ports[0]!, {}, 'rubbish\r\n\r\n'), 'ECONNRESET')
  await weir.metricIs('weir_refusals_total', { reason: 'request-rate' }, 2)
  const line = await weir.line(({ end }) => end === 'refused', 'of the session')
  t.match(line, { cause: 'request-rate' })
})

test('the connection of a trusted proxy is not ended for one of its clients', async t => {
  const weir = await http(t, ['--action', 'request-rate=reset', '--forwarded-from', '127.0.0.1'])
  const proxy = await dial(weir.ports[0]!)
  const of = (client: string) => GET.replace('\r\n\r\n', `\r\nX-Forwarded-For: ${client}\r\n\r\n`)
  for (const [client, status] of [
    ['192.0.2.1', 200],
    ['192.0.2.1', 429],
    ['192.0.2.2', 200],
  ]) {
    proxy.write(of(String(client)))
    t.match(await answer(proxy), new RegExp(`^HTTP/1.1 ${status}`))
  }
  t.equal(await weir.metric('weir_actions_total'), 0)
})
