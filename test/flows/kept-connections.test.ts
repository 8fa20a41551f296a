import { type Test, test } from 'tap'
import { type HttpBackend, say, sayName, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

const COMMON = ['--listen', 'http://127.0.0.1:0', '--workers', '1', '--request-rate', '0']
/** Longer than any test. */
const KEPT = ['--backend-idle-timeout', '10m']

async function start(t: Test, backends: readonly HttpBackend[], ...flags: string[]) {
  const urls = backends.flatMap(({ url }) => ['--backend', url])
  return await startWeir(t, withoutLimits(...COMMON, ...KEPT, ...urls, ...flags))
}

async function ask(weir: RunningWeir): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${weir.ports[0]!}/`)).text()
}

test('a connection is used until --backend-max-age, and not beyond', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const none = ['--probe', 'none']
  const weir = await start(t, [backend], ...none, '--backend-max-age', '1s')
  const began = performance.now()
  let requests = 0
  await until(async () => {
    await ask(weir)
    requests++
    return performance.now() - began > 3500
  }, 'some seconds of requests')
  const connections = backend.accepted()
  t.ok(connections >= 3 && connections <= 5, `${connections} connections in 3.5 s`)
  t.ok(requests > 10 * connections, `${requests} requests`)

  const unlimited = await start(t, [backend], ...none, '--backend-max-age', '0')
  for (let i = 0; i < 50; i++) await ask(unlimited)
  t.equal(backend.accepted(), connections + 1)
})

test('what is kept is closed when the backend goes down, and when it is ejected', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const other = await startHttpBackend(t, sayName('b'))
  const probe = ['--probe', 'http', '--probe-interval', '100ms', '--probe-fall', '1']
  const weir = await start(t, [backend, other], ...probe, '--probe-path', '/health')
  await until(async () => (await ask(weir)) === 'a', 'it is used')
  const kept = [...backend.open]
  backend.answer = (request, response) => {
    response.statusCode = request.url === '/health' ? 503 : 200
    response.end('a')
  }
  await until(() => kept.every(socket => socket.closed), 'its connections are closed', 5000)
  t.equal(await ask(weir), 'b')

  const errors = ['--probe', 'none', '--eject-errors', '2', '--eject-time', '1h']
  const ejecting = await start(t, [backend, other], ...errors, '--eject-time-max', '1h')
  backend.answer = say(500)
  for (let i = 0; i < 8; i++) await ask(ejecting)
  await ejecting.metricIs('weir_backend_ejected', {}, 1)
  await until(() => backend.open.size === 0, 'its connections are closed', 5000)
  t.ok(other.open.size > 0, 'those of the other are kept')
})

test('no more than --backend-idle-max are kept after a burst', async t => {
  const backend = await startHttpBackend(t, say(200, 200))
  const weir = await start(t, [backend], '--probe', 'none', '--backend-idle-max', '3')
  await Promise.all(Array.from({ length: 12 }, async () => await ask(weir)))
  t.equal(backend.accepted(), 12)
  await until(() => backend.open.size === 3, 'three are kept')
})
