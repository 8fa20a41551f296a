import { test } from 'tap'
import { recorder, startBackend } from '../support/backend.ts'
import { dial, ending, exchange } from '../support/client.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'tcp://127.0.0.1:0', '--probe', 'none']
const SIGNATURE = '0d0a0d0a000d0a515549540a'

test('a backend is told who the client is, in version 1', async t => {
  const backend = await startBackend(t, recorder)
  const weir = await startWeir(
    t,
    withoutLimits(...LISTEN, '--backend', backend.url, '--send-proxy', 'v1'),
  )
  const socket = await dial(weir.ports[0]!, { from: '127.0.0.9' })
  const port = socket.localPort
  t.equal(
    await exchange(socket, 'hi'),
    `PROXY TCP4 127.0.0.9 127.0.0.1 ${port} ${weir.ports[0]}\r\nhi`,
  )
})

test('a backend is told who the client is, in version 2', async t => {
  const backend = await startBackend(t, recorder)
  const weir = await startWeir(
    t,
    withoutLimits(...LISTEN, '--backend', backend.url, '--send-proxy', 'v2'),
  )
  const socket = await dial(weir.ports[0]!, { from: '127.0.0.9' })
  const port = socket.localPort!
  const ports = Buffer.from([port >> 8, port & 255, weir.ports[0]! >> 8, weir.ports[0]! & 255])
  const expected = `${SIGNATURE}2111000c7f0000097f000001${ports.toString('hex')}`
  const got = Buffer.from(await exchange(socket, 'hi'), 'latin1').toString('hex')
  t.equal(got, `${expected}6869`)
})

test('a trusted proxy says who the client is, in both versions', async t => {
  const backend = await startBackend(t, recorder)
  const trust = ['--proxy-protocol-from', '127.0.0.0/8', '--backend', backend.url]
  const weir = await startWeir(t, withoutLimits(...LISTEN, ...trust))
  const port = weir.ports[0]!
  t.equal(await exchange(await dial(port), 'PROXY TCP4 192.0.2.7 192.0.2.1 1234 443\r\nhi'), 'hi')
  await weir.line(
    line => line['client'] === '192.0.2.7' && line['client_port'] === 1234,
    'v1 client',
  )

  const v2 = Buffer.from(`${SIGNATURE}2111000cc0000208c000020104d201bb`, 'hex')
  const socket = await dial(port)
  // In pieces: the header may come in any number of segments.
  socket.write(v2.subarray(0, 7))
  socket.write(v2.subarray(7))
  t.equal(await exchange(socket, 'there'), 'there')
  const line = await weir.line(each => each['client'] === '192.0.2.8', 'v2 client')
  t.equal(line['peer'], '127.0.0.1')

  const local = Buffer.from(`${SIGNATURE}20000000`, 'hex')
  t.equal(await exchange(await dial(port), Buffer.concat([local, Buffer.from('own')])), 'own')
  await weir.line(each => each['client'] === '127.0.0.1', 'LOCAL keeps the peer')
})

test('the address in the header is what the guards count', async t => {
  const backend = await startBackend(t, recorder)
  const limits = ['--connection-rate', '0.01', '--connection-burst', '2']
  const trust = ['--proxy-protocol-from', '127.0.0.1', '--backend', backend.url]
  const weir = await startWeir(t, [...LISTEN, ...limits, ...trust])
  const say = (client: string) => `PROXY TCP4 ${client} 192.0.2.1 1 2\r\n`
  for (const client of ['192.0.2.7', '192.0.2.7', '192.0.2.8']) {
    t.equal(await exchange(await dial(weir.ports[0]!), `${say(client)}x`), 'x')
  }
  t.equal(await ending(weir.ports[0]!, {}, say('192.0.2.7')), 'ECONNRESET')
  await weir.metricIs('weir_refusals_total', { reason: 'connection-rate' }, 1)
})

test('a header from anybody else is just bytes', async t => {
  const backend = await startBackend(t, recorder)
  const trust = ['--proxy-protocol-from', '127.0.0.50', '--backend', backend.url]
  const weir = await startWeir(t, withoutLimits(...LISTEN, ...trust))
  const bytes = 'PROXY TCP4 192.0.2.7 192.0.2.1 1234 443\r\nhi'
  t.equal(await exchange(await dial(weir.ports[0]!), bytes), bytes)
})

test('a malformed or missing header from a trusted proxy is refused', async t => {
  const backend = await startBackend(t, recorder)
  const trust = ['--proxy-protocol-from', '127.0.0.1', '--backend', backend.url]
  const weir = await startWeir(t, withoutLimits(...LISTEN, ...trust))
  const bad = [
    'GET / HTTP/1.1\r\n\r\n',
    'PROXY TCP4 192.0.2.7 192.0.2.1 01234 443\r\n',
    'PROXY TCP4 2001:db8::1 192.0.2.1 1 2\r\n',
    `PROXY TCP4 ${' '.repeat(120)}`,
    Buffer.from(`${SIGNATURE}3111000cc0000208c000020104d201bb`, 'hex'),
    Buffer.from(`${SIGNATURE}21110004c0000208`, 'hex'),
  ]
  for (const bytes of bad)
    t.equal(await ending(weir.ports[0]!, {}, bytes), 'ECONNRESET', String(bytes))
  await weir.metricIs('weir_refusals_total', { reason: 'proxy-header-malformed' }, bad.length)
  t.equal(await ending(weir.ports[0]!, {}, 'PROXY '), 'ECONNRESET', 'one that never ends')
  await weir.metricIs('weir_refusals_total', { reason: 'proxy-header-timeout' }, 1)
  t.equal(backend.served(), 0)
})
