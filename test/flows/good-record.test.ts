import { once } from 'node:events'
import { test } from 'tap'
import { echo, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, ending, exchange, read, readAll } from '../support/client.ts'
import { say, sayName, startHttpBackend } from '../support/http-backend.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

async function get(port: number, from: string, path = '/'): Promise<string> {
  const socket = await dial(port, { from })
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  return (await readAll(socket)).toString().slice(9, 12)
}

test('an answer below 400 of a backend earns a good record, and nothing else does', async t => {
  const backend = await startHttpBackend(t, say(404))
  const flags = ['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '2']
  const weir = await startWeir(t, withoutLimits(...flags))
  const [port] = weir.ports
  t.equal(await get(port!, '127.0.0.2'), '404')
  t.equal(await get(port!, '127.0.0.3', '/ bad'), '400')
  await ending(port!, { from: '127.0.0.4' }, 'rubbish\r\n\r\n')
  t.equal(await weir.metric('weir_good_records'), 0)
  backend.answer = sayName('served')
  for (let i = 0; i < 3; i++) t.equal(await get(port!, '127.0.0.5'), '200')
  t.equal(await get(port!, '127.0.0.6'), '200')
  await weir.metricIs('weir_good_records', {}, 2)
})

test('a session earns one that carried bytes both ways and ended well', async t => {
  const backend = await startBackend(t, echo)
  const flags = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url]
  const weir = await startWeir(t, withoutLimits(...flags))
  const [port] = weir.ports
  t.equal(await exchange(await dial(port!, { from: '127.0.0.2' }), ''), '', 'said nothing')
  const broken = await dial(port!, { from: '127.0.0.3' })
  broken.write('x')
  await read(broken, 1)
  broken.resetAndDestroy()
  await weir.metricIs('weir_connections', {}, 0)
  t.equal(await weir.metric('weir_good_records'), 0)
  t.equal(await exchange(await dial(port!, { from: '127.0.0.4' }), 'x'), 'x')
  await weir.metricIs('weir_good_records', {}, 1)
})

test('a handshake alone earns none, however well it went', async t => {
  const backend = await startBackend(t, echo)
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('localhost', ['localhost'])
  const flags = ['--listen', 'tls://127.0.0.1:0', '--backend', backend.url]
  const weir = await startWeir(t, withoutLimits(...flags, '--cert', cert, '--key', key))
  const [port] = weir.ports
  const idle = await dialTls(port!, { ca: authority.pem })
  idle.end()
  idle.resume()
  await once(idle, 'close')
  await weir.metricIs('weir_connections', {}, 0)
  t.equal(await weir.metric('weir_good_records'), 0)
  const served = await dialTls(port!, { ca: authority.pem })
  t.equal(await exchange(served, 'x'), 'x')
  await weir.metricIs('weir_good_records', {}, 1)
})
