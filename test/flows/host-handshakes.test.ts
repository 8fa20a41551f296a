/** The budget of handshakes of the host: who gets them in a flood, and whose tickets are believed. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type Test, test } from 'tap'
import { ClientHello } from '../../src/codec/client-hello.ts'
import { echo, startBackend } from '../support/backend.ts'
import { type TestAuthority, testAuthority } from '../support/certificates.ts'
import { dialTls, exchange } from '../support/client.ts'
import { type RunningWeir, startWeir } from '../support/weir.ts'

/** First bytes of an answer: a refusal is an alert, a handshake one of these. */
const ALERT = 21
const HANDSHAKE = 22
const AT_ONCE = 50

interface TlsWeir {
  readonly weir: RunningWeir
  readonly port: number
  readonly ca: TestAuthority
}

async function tlsWeir(t: Test, ...flags: string[]): Promise<TlsWeir> {
  const backend = await startBackend(t, echo)
  const ca = testAuthority(t)
  const { cert, key } = ca.issue('a', ['localhost'])
  const weir = await startWeir(t, [
    ...['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key, '--backend', backend.url],
    ...['--workers', '2', '--connection-rate', '0', ...flags],
  ])
  return { weir, port: weir.ports[0]!, ca }
}

interface Visit {
  readonly answer: string
  readonly resumed: boolean
  readonly session: Buffer | undefined
}

/** A whole session, which earns a good record if it is served. */
async function visit(
  { port, ca }: TlsWeir,
  from: string,
  session?: Buffer,
  ecdhCurve = 'auto',
): Promise<Visit> {
  const kept = session === undefined ? {} : { session }
  const options = { ca: ca.pem, localAddress: from, ecdhCurve, ...kept }
  let ticket: Buffer | undefined
  try {
    const socket = await dialTls(port, options)
    socket.on('session', (each: Buffer) => (ticket = each))
    // Once it is closed it does not say.
    const resumed = socket.isSessionReused()
    return { answer: await exchange(socket, 'x'), resumed, session: ticket }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { answer: code ?? message, resumed: false, session: ticket }
  }
}

/** Says hello and leaves at the first bytes of an answer. @returns the first of them; -1 for none */
function greet(port: number, from: string, hello: Buffer): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const socket = connect({ port, host: '127.0.0.1', localAddress: from }, () => socket.write(hello))
  socket.on('data', (bytes: Buffer) => {
    resolve(bytes[0]!)
    socket.destroy()
  })
  socket.on('error', () => {})
  socket.on('close', () => resolve(-1))
  return promise
}

/** @returns how many of them were answered with a handshake, and how many with an alert */
async function flood(
  port: number,
  hello: Buffer,
  addresses: readonly string[],
): Promise<{ shaken: number; alerted: number }> {
  const answers: number[] = []
  for (let i = 0; i < addresses.length; i += AT_ONCE) {
    const some = addresses.slice(i, i + AT_ONCE)
    answers.push(...(await Promise.all(some.map(from => greet(port, from, hello)))))
  }
  const count = (first: number): number => answers.filter(each => each === first).length
  return { shaken: count(HANDSHAKE), alerted: count(ALERT) }
}

/** What a client says first. */
async function helloOf(session?: Buffer): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const options = { port, host: '127.0.0.1', servername: 'localhost' }
  const client = connectTls(session === undefined ? options : { ...options, session })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return hello
}

/** The hello of somebody who has a ticket, with garbage for all of it but the name of its key. */
async function lyingHello(session: Buffer): Promise<Buffer> {
  const bytes = await helloOf(session)
  const hello = new ClientHello()
  hello.parse(bytes)
  const ticket = bytes.indexOf(Buffer.from(hello.ticketName, 'hex'))
  bytes.fill(0x5a, ticket + 16, ticket + 100)
  return bytes
}

function addresses(count: number, network = 10): string[] {
  return Array.from({ length: count }, (_, i) => `127.${network}.${i % 250}.${(1 + i / 250) | 0}`)
}

function budget(rate: string, burst: string): string[] {
  return ['--host-handshake-rate', rate, '--host-handshake-burst', burst]
}

test('in a flood from a thousand addresses those with a good record get in, all of them', async t => {
  const at = await tlsWeir(t, ...budget('0.1', '300'))
  const good = addresses(10, 20)
  for (const from of good) t.equal((await visit(at, from)).answer, 'x')
  await at.weir.metricIs('weir_good_records', {}, 10)
  const hello = await helloOf()
  const flooding = flood(at.port, hello, addresses(1000))
  const answers: string[] = []
  for (let i = 0; i < 100; i++) answers.push((await visit(at, good[i % 10]!)).answer)
  const { shaken, alerted } = await flooding
  answers.push(...(await Promise.all(good.map(from => visit(at, from)))).map(each => each.answer))
  t.strictSame(
    answers.filter(answer => answer !== 'x'),
    [],
  )
  t.equal(shaken + alerted, 1000)
  t.ok(shaken <= 150, `${shaken} strangers of half of 300, and what was refilled`)
  await at.weir.metricIs('weir_refusals_total', { reason: 'host-handshake-rate' }, alerted)
  t.equal((await visit(at, '127.30.0.1')).answer, 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR')
  const { session } = await visit(at, good[0]!)
  const { answer, resumed } = await visit(at, '127.30.0.2', session)
  t.strictSame([answer, resumed], ['x', true], 'a stranger with a ticket is charged nothing')
  t.equal(await at.weir.metric('weir_bans_total'), 0)
})

test('a flood of an address that is refused by itself takes nothing of the host', async t => {
  const own = ['--handshake-rate', '0.01', '--handshake-burst', '2']
  const at = await tlsWeir(t, ...own, ...budget('0.01', '20'))
  const one = Array.from({ length: 100 }, () => '127.0.0.9')
  t.match(await flood(at.port, await helloOf(), one), { shaken: 2, alerted: 98 })
  await at.weir.metricIs('weir_refusals_total', { reason: 'handshake-rate' }, 98)
  t.match(await flood(at.port, await helloOf(), addresses(8)), { shaken: 8, alerted: 0 })
  t.match(await flood(at.port, await helloOf(), addresses(8, 11)), { shaken: 0, alerted: 8 })
})

test('resumptions are charged neither to their address nor to the host', async t => {
  const own = ['--handshake-rate', '0.01', '--handshake-burst', '3']
  const at = await tlsWeir(t, ...own, ...budget('0.01', '4'))
  const { session } = await visit(at, '127.0.0.2')
  for (let i = 0; i < 20; i++) {
    const { answer, resumed } = await visit(at, i < 10 ? '127.0.0.2' : '127.0.0.3', session)
    t.strictSame([answer, resumed], ['x', true])
  }
  t.equal(await at.weir.metric('weir_refusals_total'), 0)
  t.equal(await at.weir.metric('weir_tls_false_tickets_total'), 0)
})

test('a ticket behind a key share that has to be asked for anew is no lie, and costs a handshake', async t => {
  const at = await tlsWeir(t, '--handshake-rate', '0.01', '--handshake-burst', '4')
  const groups = 'P-521:X25519'
  const { session } = await visit(at, '127.0.0.2', undefined, groups)
  for (let i = 0; i < 3; i++) {
    const { answer, resumed } = await visit(at, '127.0.0.2', session, groups)
    t.strictSame([answer, resumed], ['x', true])
  }
  t.not((await visit(at, '127.0.0.2', session, groups)).answer, 'x')
  await at.weir.metricIs('weir_refusals_total', { reason: 'handshake-rate' }, 1)
  t.equal(await at.weir.metric('weir_tls_false_tickets_total'), 0)
})

test('the name of a ticket key with garbage behind it is no way around the budget of an address', async t => {
  const own = ['--handshake-rate', '0.01', '--handshake-burst', '8']
  const at = await tlsWeir(t, ...own, ...budget('0', '1'))
  const { session } = await visit(at, '127.0.0.2')
  const lie = await lyingHello(session!)
  const one = Array.from({ length: 40 }, () => '127.0.0.9')
  const { shaken, alerted } = await flood(at.port, lie, one)
  t.equal(shaken + alerted, 40)
  // Each is found out before the next is read, unless that comes to the other worker.
  t.ok(shaken >= 4 && shaken <= 8, `${shaken} of half of 8`)
  await at.weir.metricIs('weir_refusals_total', { reason: 'handshake-rate' }, alerted)
  const again = await flood(at.port, lie, one)
  t.strictSame(again, { shaken: 0, alerted: 40 })
  t.equal((await visit(at, '127.0.0.2', session)).answer, 'x', 'whose ticket it is, is served')
})

test('nor around that of the host, from ever so many addresses', async t => {
  const at = await tlsWeir(t, ...budget('0.02', '40'))
  const { session } = await visit(at, '127.0.0.2')
  await at.weir.metricIs('weir_good_records', {}, 1)
  const lie = await lyingHello(session!)
  const { shaken, alerted } = await flood(at.port, lie, addresses(300))
  t.equal(shaken + alerted, 300)
  t.ok(shaken >= 19 && shaken <= 24, `${shaken} of the half of 40, and of a tenth`)
  await at.weir.metricIs('weir_refusals_total', { reason: 'host-handshake-rate' }, alerted)
  await at.weir.metricIs('weir_tls_false_tickets_total', {}, shaken)
  for (let i = 0; i < 30; i++) {
    const { answer, resumed } = await visit(at, '127.0.0.2', session)
    t.strictSame([answer, resumed], ['x', true], 'more than there are tokens: they are given back')
  }
  const stranger = await visit(at, '127.0.0.3', session)
  t.match(stranger.answer, /ALERT_INTERNAL_ERROR/, 'of strangers no ticket is believed for now')
})
