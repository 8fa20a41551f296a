/** Clients of plain HTTP that say nothing, or nothing for long: no session of HTTP is made for them before. */
import { once } from 'node:events'
import { type Test, test } from 'tap'
import { ClientEar } from '../support/client-ear.ts'
import { dial, exchange } from '../support/client.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

const HEAD_MS = 2000
const HEAD = 'GET / HTTP/1.1\r\nHost: a\r\n'

async function start(t: Test): Promise<RunningWeir> {
  const backend = await startHttpBackend(t, sayName('a'))
  return await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--workers', '1', '--backend', backend.url],
      ...['--probe', 'none', '--head-timeout', `${HEAD_MS}ms`],
    ),
  )
}

async function listenTo(t: Test, port: number): Promise<ClientEar> {
  const ear = new ClientEar(await dial(port))
  t.teardown(() => ear.socket.destroy())
  return ear
}

test('the time for a head is that of the connection, whenever its first byte comes', async t => {
  const weir = await start(t)
  const port = weir.ports[0]!
  const ended: string[] = []
  const watch = (name: string, ear: ClientEar): void => {
    ear.socket.on('end', () => ended.push(name))
  }
  const silent = await listenTo(t, port)
  const late = await listenTo(t, port)
  watch('silent', silent)
  watch('late', late)
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, HEAD_MS / 2)
  await promise
  late.socket.write(HEAD)
  const later = await listenTo(t, port)
  watch('later', later)
  await until(() => ended.length === 3, 'all are ended')
  t.strictSame(ended.toSorted(), ['late', 'later', 'silent'])
  t.equal(ended[2], 'later')
  t.equal(silent.text, '', 'who has said nothing would take an answer for its own')
  t.equal(later.text, '')
  t.match(late.text, /^HTTP\/1\.1 408 .*"reason":"request-timeout"/s)
  await weir.metricIs('weir_refusals_total', { reason: 'request-timeout' }, 3)
})

test('who leaves without a word is no refusal, and leaves nothing', async t => {
  const weir = await start(t)
  const port = weir.ports[0]!
  const leavers = await Promise.all(Array.from({ length: 30 }, () => listenTo(t, port)))
  await weir.metricIs('weir_connections', {}, 30)
  leavers.forEach(({ socket }, i) => {
    if (i % 3 === 0) socket.end()
    else if (i % 3 === 1) socket.resetAndDestroy()
    else socket.destroy()
  })
  await weir.metricIs('weir_sessions_ended_total', { ending: 'finished' }, 30)
  await weir.metricIs('weir_connections', {}, 0)
  t.equal(await weir.metric('weir_refusals_total', { reason: 'request-timeout' }), 0)
  t.notOk(weir.lines.some(({ event }) => event === 'connection' || event === 'refused'))
})

test('a request in single bytes, or in the same packet as the end, is one like others', async t => {
  const weir = await start(t)
  const port = weir.ports[0]!
  const ear = await listenTo(t, port)
  ear.socket.setNoDelay(true)
  for (const byte of `${HEAD}\r\n`) if (!ear.socket.write(byte)) await once(ear.socket, 'drain')
  await until(() => ear.text !== '', 'it is answered')
  t.match(ear.text, /^HTTP\/1\.1 200 /)
  t.match(await exchange(await dial(port), `${HEAD}Connection: close\r\n\r\n`), /^HTTP\/1\.1 200 /)
  t.match(await exchange(await dial(port), `${HEAD}\r\n`), /^HTTP\/1\.1 200 /)
})
