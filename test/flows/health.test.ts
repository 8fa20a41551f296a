import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { echo, named, startBackend } from '../support/backend.ts'
import { dial, ending, exchange, read } from '../support/client.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'tcp://127.0.0.1:0']

test('a backend that dies under load is not noticed on new connections, and gets traffic again', async t => {
  const [a, b] = [await startBackend(t, named('a')), await startBackend(t, named('b'))]
  const probes = ['--probe-interval', '200ms', '--probe-rise', '2', '--slow-start', '1s']
  const flags = [...LISTEN, '--backend', a.url, '--backend', b.url, ...probes]
  const weir = await startWeir(t, withoutLimits(...flags))
  const ask = async () => await exchange(await dial(weir.ports[0]!), 'x')
  const answers = new Set<string>()
  for (let i = 0; i < 20; i++) answers.add(await ask())
  t.strictSame([...answers].toSorted(), ['a', 'b'])

  await a.kill()
  for (let i = 0; i < 200; i++) t.equal(await ask(), 'b', `connection ${i} after the death`)
  await weir.line(
    line => line.msg === 'backend is down' && line['cause'] === 'ECONNREFUSED',
    'down',
  )

  await a.revive()
  await weir.line(line => line.msg === 'backend is up' && line['from'] === 'down', 'up again')
  await until(async () => (await ask()) === 'a', 'traffic is back')
  await weir.metricIs('weir_backend_state_changes_total', { state: 'down' }, 1)
})

test('backups stand in when no other is up, and drained backends get nothing', async t => {
  const [main, spare, old] = [
    await startBackend(t, named('main')),
    await startBackend(t, named('spare')),
    await startBackend(t, named('old')),
  ]
  const urls = [main.url, `${spare.url}?backup`, `${old.url}?drain`].flatMap(url => [
    '--backend',
    url,
  ])
  const weir = await startWeir(t, withoutLimits(...LISTEN, ...urls, '--probe-interval', '200ms'))
  const ask = async () => await exchange(await dial(weir.ports[0]!), 'x')
  for (let i = 0; i < 10; i++) t.equal(await ask(), 'main')
  await main.kill()
  for (let i = 0; i < 10; i++) t.equal(await ask(), 'spare')
})

test('with no backend up it is not ready, and says so to each client', async t => {
  const backend = await startBackend(t, echo)
  const flags = [
    ...LISTEN,
    '--backend',
    backend.url,
    '--probe-interval',
    '200ms',
    '--probe-fall',
    '1',
  ]
  const weir = await startWeir(t, withoutLimits(...flags))
  t.equal((await weir.admin('/readyz')).status, 200)
  await backend.kill()
  await weir.line(({ msg }) => msg === 'backend is down', 'down')
  const ready = await weir.admin('/readyz')
  t.equal(ready.status, 503)
  t.match(await ready.text(), 'no backend is up')
  t.equal(await ending(weir.ports[0]!, {}, 'x'), 'ECONNRESET')
  await weir.line(line => line['end'] === 'no-backend', 'no-backend')
})

test('failed dials eject a backend without any probe', async t => {
  const [a, b] = [await startBackend(t, named('a')), await startBackend(t, named('b'))]
  const eject = ['--probe', 'none', '--eject-after', '3', '--eject-time', '60s', '--workers', '1']
  const urls = ['--backend', a.url, '--backend', b.url]
  const weir = await startWeir(t, withoutLimits(...LISTEN, ...urls, ...eject))
  await a.kill()
  for (let i = 0; i < 30; i++) t.equal(await exchange(await dial(weir.ports[0]!), 'x'), 'b')
  await weir.line(({ msg }) => msg === 'backend ejected', 'ejected')
  await weir.metricIs('weir_backend_dial_failures_total', {}, 3)
  await weir.metricIs('weir_backend_ejected', {}, 1)
})

test('an http probe wants the right status', async t => {
  const sick = await startBackend(t, named('HTTP/1.1 503 Busy\r\n\r\n'))
  const well = await startBackend(t, named('HTTP/1.1 204 No Content\r\n\r\n'))
  const urls = ['--backend', sick.url, '--backend', well.url]
  const probe = ['--probe', 'http', '--probe-path', '/health', '--probe-status', '200-299']
  const weir = await startWeir(t, withoutLimits(...LISTEN, ...urls, ...probe))
  await weir.line(line => line['cause'] === 'status 503, not 200-299', 'the cause')
  for (let i = 0; i < 4; i++) t.match(await exchange(await dial(weir.ports[0]!), 'x'), '204')
})

test('a worker that dies takes only its own sessions, and is replaced', async t => {
  const backend = await startBackend(t, echo)
  const script = new URL('../support/killable.ts', import.meta.url).pathname
  const flags = [...LISTEN, '--backend', backend.url, '--workers', '2', '--probe', 'none']
  const weir = await startWeir(t, withoutLimits(...flags), { script })
  const sockets: Socket[] = []
  for (let i = 0; i < 24; i++) {
    const socket = await dial(weir.ports[0]!)
    socket.write('x')
    await read(socket, 1)
    sockets.push(socket)
  }
  const ofFirst = await weir.metric('weir_worker_connections', { worker: '0' })
  t.ok(ofFirst > 0 && ofFirst < 24, `worker 0 has ${ofFirst} of 24`)
  weir.child.stdin!.write('0\n')
  await weir.line(({ msg }) => msg === 'worker ended, starting another', 'worker ended')
  await until(
    () =>
      sockets.filter(socket => socket.closed || socket.readableEnded || socket.destroyed).length ===
      ofFirst,
    'its sessions ended',
  )
  await weir.metricIs('weir_connections', {}, 24 - ofFirst)
  await weir.metricIs('weir_backend_active_connections', {}, 24 - ofFirst)
  await weir.metricIs('weir_worker_restarts_total', {}, 1)
  for (const socket of sockets) {
    if (socket.readableEnded || socket.destroyed) continue
    socket.write('y')
    t.equal(await read(socket, 1), 'y', 'a session of the other worker goes on')
  }
  for (let i = 0; i < 16; i++) t.equal(await exchange(await dial(weir.ports[0]!), 'z'), 'z')
  for (const socket of sockets) socket.destroy()
  await weir.metricIs('weir_connections', {}, 0)
  await weir.metricIs('weir_backend_active_connections', {}, 0)
})

test('SIGTERM drains: running sessions go on, new ones are refused, exit 0', async t => {
  const backend = await startBackend(t, echo)
  const weir = await startWeir(t, withoutLimits(...LISTEN, '--backend', backend.url))
  const socket = await dial(weir.ports[0]!)
  socket.write('x')
  await read(socket, 1)
  const stopped = weir.stop()
  await weir.line(({ msg }) => msg === 'draining', 'draining')
  t.equal((await weir.admin('/readyz')).status, 503)
  await t.rejects(dial(weir.ports[0]!).then(each => exchange(each, 'x')))
  socket.write('still here')
  t.equal(await read(socket, 10), 'still here')
  socket.destroy()
  t.equal(await stopped, 0)
})

test('SIGHUP ends nothing', async t => {
  const backend = await startBackend(t, echo)
  const weir = await startWeir(t, withoutLimits(...LISTEN, '--backend', backend.url))
  const socket = await dial(weir.ports[0]!)
  socket.write('x')
  await read(socket, 1)
  weir.child.kill('SIGHUP')
  await weir.line(({ msg }) => msg === 'SIGHUP ignored', 'the signal')
  socket.write('still here')
  t.equal(await read(socket, 10), 'still here')
  t.equal((await weir.admin('/readyz')).status, 200)
  socket.destroy()
})

test('nor does it while weir starts', async t => {
  let starting: ChildProcess | null = null
  // Its first probe is not answered: until that is over weir is not ready.
  const backend = await startBackend(t, () => void starting!.kill('SIGHUP'))
  const probes = ['--probe', 'http', '--probe-timeout', '500ms', '--probe-interval', '1h']
  const flags = withoutLimits(...LISTEN, '--backend', backend.url, ...probes)
  const weir = await startWeir(t, flags, { onStart: child => (starting = child) })
  const messages = weir.lines.map(({ msg }) => msg)
  t.ok(messages.includes('SIGHUP ignored'), 'it was told')
  t.ok(messages.indexOf('SIGHUP ignored') < messages.indexOf('ready'))
})

test('the drain ends at its deadline, and at a second signal', async t => {
  const backend = await startBackend(t, echo)
  for (const drain of ['300ms', '1h']) {
    const weir = await startWeir(
      t,
      withoutLimits(...LISTEN, '--backend', backend.url, '--drain-timeout', drain),
    )
    const socket = await dial(weir.ports[0]!)
    socket.write('x')
    await read(socket, 1)
    const stopped = weir.stop()
    await weir.line(({ msg }) => msg === 'draining', 'draining')
    if (drain === '1h') weir.child.kill('SIGINT')
    t.equal(await stopped, 0, drain)
    t.ok(
      weir.lines.some(line => line['end'] === 'drained'),
      'the cut session has its line',
    )
    socket.destroy()
  }
})
