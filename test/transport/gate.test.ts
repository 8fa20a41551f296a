import { once } from 'node:events'
import { test } from 'tap'
import type { ClientHello } from '../../src/codec/client-hello.ts'
import type { ProxyHeader } from '../../src/codec/proxy-protocol.ts'
import { refusals } from '../../src/core/refusals.ts'
import { Gate, type GateOwner } from '../../src/transport/gate.ts'
import { runningDeadlines, socketPair } from '../support/edge.ts'
import { hello, record, serverName } from '../support/hello.ts'
import { until } from '../support/until.ts'

/** Writes down what the gate says. */
class Recorder implements GateOwner {
  readonly heard: string[] = []
  onProxyHeader(header: ProxyHeader): void {
    this.heard.push(`header ${header.source}`)
  }
  onHello(found: ClientHello): void {
    this.heard.push(`hello ${found.serverName}`)
  }
  onGateRefused(refusal: number): void {
    this.heard.push(`refused ${refusals[refusal]![0]}`)
  }
  onGateClosed(): void {
    this.heard.push('closed')
  }
}

async function gate(t: Parameters<typeof socketPair>[0]) {
  const pair = await socketPair(t)
  const owner = new Recorder()
  return { ...pair, owner, gate: new Gate(pair.server, owner, runningDeadlines(t)) }
}

const HELLO = record(hello({ extensions: [serverName('a.test')] }))

test('the hello is read however it is cut, and its bytes can be read again', async t => {
  const { client, server, owner, gate: it } = await gate(t)
  it.readHello(5000)
  client.setNoDelay(true)
  for (const byte of HELLO.subarray(0, -1)) client.write(Buffer.from([byte]))
  await until(() => server.bytesRead === HELLO.length - 1, 'all but one byte came')
  t.strictSame(owner.heard, [])
  client.write(Buffer.concat([HELLO.subarray(-1), Buffer.from('more')]))
  await until(() => owner.heard.length > 0, 'the hello')
  t.strictSame(owner.heard, ['hello a.test'])
  t.ok(server.isPaused())
  let bytes = Buffer.alloc(0)
  server.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])))
  server.resume()
  await until(() => bytes.length === HELLO.length + 4, 'the bytes again')
  t.strictSame(bytes, Buffer.concat([HELLO, Buffer.from('more')]))
})

test('a PROXY header is taken away, what follows it stays', async t => {
  const { client, server, owner, gate: it } = await gate(t)
  it.readProxyHeader()
  client.write('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nhello')
  await until(() => owner.heard.length > 0, 'the header')
  t.strictSame(owner.heard, ['header 192.0.2.1'])
  server.resume()
  const [bytes] = (await once(server, 'data')) as [Buffer]
  t.equal(bytes.toString(), 'hello')
})

test('each fault has its refusal, told once', async t => {
  const cases: [string, Buffer | string][] = [
    ['not-tls', 'GET / HTTP/1.1\r\n'],
    ['hello-malformed', Buffer.from('160301000401000001ff', 'hex')],
    ['bad-server-name', record(hello({ extensions: [serverName('a\0b')] }))],
    ['hello-too-large', record(hello({ extensions: [Buffer.alloc(20_000)] }), [16_000])],
  ]
  for (const [reason, bytes] of cases) {
    const { client, owner, gate: it } = await gate(t)
    it.readHello(5000)
    client.write(bytes)
    client.write('and more')
    await until(() => owner.heard.length > 0, reason)
    t.strictSame(owner.heard, [`refused ${reason}`])
  }
  const { client, owner, gate: it } = await gate(t)
  it.readProxyHeader()
  client.write('PROXY NONSENSE\r\n')
  await until(() => owner.heard.length > 0, 'the refusal')
  t.strictSame(owner.heard, ['refused proxy-header-malformed'])
})

test('who says too little for too long is refused', async t => {
  const { client, owner, gate: it } = await gate(t)
  it.readHello(100)
  client.write(HELLO.subarray(0, 20))
  await until(() => owner.heard.length > 0, 'the refusal')
  t.strictSame(owner.heard, ['refused hello-timeout'])
})

test('who leaves is heard once, with or without a word', async t => {
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    const { client, server, owner, gate: it } = await gate(t)
    it.readHello(5000)
    client.write(HELLO.subarray(0, 20))
    await until(() => server.bytesRead === 20, 'the bytes')
    client[leave]()
    await until(() => owner.heard.length > 0, leave)
    client.destroy()
    if (!server.destroyed) {
      server.destroy()
      await once(server, 'close')
    }
    t.strictSame(owner.heard, ['closed'])
  }
})

test('a cancelled gate says nothing more', async t => {
  const { client, server, owner, gate: it } = await gate(t)
  it.readHello(100)
  it.cancel()
  client.end(HELLO)
  server.resume()
  await once(server, 'end')
  t.strictSame(owner.heard, [])
})
