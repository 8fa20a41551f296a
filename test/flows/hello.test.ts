import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { Duplex } from 'node:stream'
import { type Test, test } from 'tap'
import { echo, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, ending } from '../support/client.ts'
import { extension, hello, record, serverName } from '../support/hello.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

async function tlsWeir(
  t: Test,
  ...flags: string[]
): Promise<{ weir: RunningWeir; port: number; ca: string }> {
  const backend = await startBackend(t, echo)
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('localhost', ['localhost'])
  const listen = ['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key]
  const weir = await startWeir(t, withoutLimits(...listen, '--backend', backend.url, ...flags))
  return { weir, port: weir.ports[0]!, ca: authority.pem }
}

test('a hello that comes byte by byte is as good as any', async t => {
  const { port, ca } = await tlsWeir(t)
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const drip = new Duplex({
    read() {},
    async write(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) {
        socket.write(Buffer.from([byte]))
        await turn()
      }
      done()
    },
  })
  socket.on('data', bytes => drip.push(bytes))
  socket.on('error', () => {})
  const client = connectTls({ socket: drip, servername: 'localhost', ca })
  await once(client, 'secureConnect')
  client.write('x')
  const [answer] = (await once(client, 'data')) as [Buffer]
  t.equal(answer.toString(), 'x')
  socket.destroy()
})

test('a hello that drips on is cut at the deadline, however busy it looks', async t => {
  const { weir, port } = await tlsWeir(t, '--hello-timeout', '600ms')
  const bytes = record(
    hello({ extensions: [serverName('localhost'), extension(21, Buffer.alloc(4000))] }),
  )
  const socket = await dial(port)
  let sent = 0
  const timer = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), 20)
  t.teardown(() => clearInterval(timer))
  socket.resume()
  await until(() => socket.destroyed, 'the connection is cut')
  t.ok(sent < bytes.length, `cut after ${sent} of ${bytes.length} bytes`)
  await weir.metricIs('weir_refusals_total', { reason: 'hello-timeout' }, 1)
  await weir.metricIs('weir_connections', {}, 0)
})

test('oversized, odd and foreign hellos are refused by name, and the next client is served', async t => {
  const { weir, port, ca } = await tlsWeir(t)
  const large = hello({ extensions: [extension(21, Buffer.alloc(60_000))] })
  const refused: [string, Buffer, string][] = [
    ['larger than any client sends', record(large, [16_384]), 'hello-too-large'],
    ['NUL in the name', record(hello({ extensions: [serverName('a\0b')] })), 'bad-server-name'],
    [
      'two names',
      record(hello({ extensions: [serverName('a.test'), serverName('b.test')] })),
      'hello-malformed',
    ],
    [
      'SSLv2',
      Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex'),
      'not-tls',
    ],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'not-tls'],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'not-tls'],
  ]
  const before = new Map<string, number>()
  for (const [what, bytes, reason] of refused) {
    const wanted = (before.get(reason) ?? 0) + 1
    before.set(reason, wanted)
    const how = await ending(port, {}, bytes)
    t.match(how, /^(?:ECONNRESET|EPIPE|closed)/, what)
    await weir.metricIs('weir_refusals_total', { reason }, wanted)
  }
  const client = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca })
  await once(client, 'secureConnect')
  client.destroy()
  await weir.metricIs('weir_connections', {}, 0)
})

test('a ticket outlives one rotation of the keys, and not two', async t => {
  const { weir, port, ca } = await tlsWeir(t, '--ticket-rotation', '2s')
  const open = async (session?: Buffer) => {
    const options = { port, host: '127.0.0.1', servername: 'localhost', ca }
    const client = connectTls(session === undefined ? options : { ...options, session })
    client.on('error', () => {})
    const tickets: Buffer[] = []
    client.on('session', (ticket: Buffer) => tickets.push(ticket))
    await once(client, 'secureConnect')
    client.write('x')
    await once(client, 'data')
    if (session === undefined) await until(() => tickets.length > 0, 'a ticket')
    const resumed = client.isSessionReused()
    client.destroy()
    return { ticket: tickets[0]!, resumed }
  }
  const { ticket } = await open()
  t.ok((await open(ticket)).resumed, 'at once')
  let resumedLate = false
  const begun = performance.now()
  for (let n = 0; n < 200; n++) {
    const { resumed } = await open(ticket)
    const ageMs = performance.now() - begun
    // Older than one period: sealed by the previous key.
    if (resumed && ageMs > 2100) resumedLate = true
    if (!resumed) break
    t.ok(ageMs < 12_000, 'a ticket does not live for ever')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  t.ok(resumedLate, 'after a rotation')
  t.notOk((await open(ticket)).resumed, 'but not after two')
  await weir.metricIs('weir_connections', {}, 0)
})
