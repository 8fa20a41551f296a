import { type Test, test } from 'tap'
import { type HttpBackend, say, sayName, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'http://127.0.0.1:0', '--probe', 'none', '--request-rate', '0']

async function start(t: Test, backends: readonly HttpBackend[], ...flags: string[]) {
  const urls = backends.flatMap(({ url }) => ['--backend', url])
  return await startWeir(t, withoutLimits(...LISTEN, '--workers', '2', ...urls, ...flags))
}

async function status(weir: RunningWeir, path = '/'): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${weir.ports[0]!}${path}`)
  await answer.arrayBuffer()
  return answer.status
}

/** Requests over many connections, so that every worker has some. */
async function statuses(weir: RunningWeir, count: number): Promise<number[]> {
  return await Promise.all(
    Array.from({ length: count }, async (_, i) => await status(weir, `/${i}`)),
  )
}

test('a backend that answers 5xx, or nothing, in a row is ejected, and comes back', async t => {
  const [a, b] = [await startHttpBackend(t, say(500)), await startHttpBackend(t, sayName('b'))]
  const weir = await start(t, [a, b], '--eject-errors', '4', '--eject-time', '500ms')
  const first = await statuses(weir, 40)
  const failed = first.filter(each => each === 500).length
  t.ok(failed >= 4, `${failed} were served by it`)
  const line = await weir.line(({ msg }) => msg === 'backend ejected', 'ejected')
  t.match(line, { cause: 'errors in a row', backend: `127.0.0.1:${a.port}` })
  t.equal(await weir.metric('weir_backend_ejections_total', { cause: 'errors' }), 1)
  await until(async () => {
    const before = a.seen.length
    await statuses(weir, 4)
    return a.seen.length > before
  }, 'it gets requests again when its time is over')
  a.answer = request => request.socket.resetAndDestroy()
  await until(async () => {
    await statuses(weir, 8)
    return (await weir.metric('weir_backend_ejections_total', { cause: 'errors' })) >= 2
  }, 'resets eject as well')
  t.equal(await weir.metric('weir_backend_ejections_total', { cause: 'dials' }), 0)
})

test('a backend far slower than its pool is ejected, and without the flag it is not', async t => {
  const backends = [
    await startHttpBackend(t, say(200, 300)),
    await startHttpBackend(t, say(200)),
    await startHttpBackend(t, say(200)),
  ]
  const slow = ['--balance', 'round-robin', '--eject-time', '60s']
  const weir = await start(t, backends, '--eject-slow', '3', ...slow)
  for (let i = 0; i < 10; i++) await statuses(weir, 24)
  const line = await weir.line(({ msg }) => msg === 'backend ejected', 'ejected')
  t.match(line, { cause: 'slower than its pool', backend: `127.0.0.1:${backends[0]!.port}` })
  const before = backends[0]!.seen.length
  await statuses(weir, 24)
  t.equal(backends[0]!.seen.length, before)
  await weir.metricIs('weir_backend_ejections_total', { cause: 'slow' }, 1)

  const without = await start(t, backends, ...slow)
  for (let i = 0; i < 10; i++) await statuses(without, 24)
  t.ok(backends[0]!.seen.length >= before + 78, 'a third of 240, give or take one of each worker')
})

test('a circuit breaker opens, answers at once, tries with one request, and closes', async t => {
  const a = await startHttpBackend(t, say(503))
  const breaker = ['--breaker-errors', '50', '--breaker-requests', '10', '--breaker-time', '1s']
  const weir = await start(t, [a], ...breaker)
  const first = await statuses(weir, 10)
  t.ok(first.every(each => each === 503))
  t.equal(a.seen.length, 10)
  await weir.metricIs('weir_backend_breaker_state', { state: 'open' }, 1)

  const refused = await fetch(`http://127.0.0.1:${weir.ports[0]!}/`)
  t.equal(refused.status, 503)
  t.ok(refused.headers.has('retry-after'))
  t.match(await refused.json(), { reason: 'circuit-open' })
  t.equal(a.seen.length, 10, 'the backend has its rest')

  // The trial is held open: no second request may go there meanwhile.
  let trial: (() => void) | null = null
  a.answer = (_, response) => (trial = () => response.end('well'))
  await until(async () => {
    void status(weir).catch(() => {})
    void status(weir).catch(() => {})
    return trial !== null
  }, 'a trial')
  await weir.metricIs('weir_backend_breaker_state', { state: 'half-open' }, 1)
  t.ok((await statuses(weir, 20)).every(each => each === 503))
  t.equal(a.seen.length, 11, 'one trial of both workers')
  a.answer = sayName('well')
  trial!()
  await until(async () => (await status(weir)) === 200, 'it is closed')
  t.ok((await statuses(weir, 20)).every(each => each === 200))
  await weir.metricIs('weir_backend_breaker_opens_total', {}, 1)
  await weir.line(({ msg }) => msg === 'circuit breaker opened', 'opened')
  await weir.line(({ msg }) => msg === 'circuit breaker is closed', 'closed')
  t.ok((await weir.metric('weir_request_faults_total', { fault: 'circuit-open' })) >= 21)
})

test('dials that fail open a breaker too, and the others of the pool go on', async t => {
  const [a, b] = [await startHttpBackend(t, sayName('a')), await startHttpBackend(t, sayName('b'))]
  const breaker = ['--breaker-errors', '50', '--breaker-requests', '5', '--breaker-time', '60s']
  const weir = await start(t, [a, b], '--eject-after', '0', ...breaker)
  await a.kill()
  for (let i = 0; i < 10; i++) t.ok((await statuses(weir, 4)).every(each => each === 200))
  await weir.metricIs('weir_backend_breaker_state', { state: 'open' }, 1)
  const dials = await weir.metric('weir_backend_dial_failures_total')
  t.ok((await statuses(weir, 40)).every(each => each === 200))
  t.equal(await weir.metric('weir_backend_dial_failures_total'), dials, 'nobody dials it now')
})

test('a trial whose client leaves does not keep the breaker half-open for ever', async t => {
  const a = await startHttpBackend(t, say(500))
  const breaker = ['--breaker-errors', '1', '--breaker-requests', '1', '--breaker-time', '100ms']
  const weir = await start(t, [a], ...breaker)
  t.equal(await status(weir), 500)
  let began = false
  a.answer = () => (began = true)
  const gone = new AbortController()
  await until(async () => {
    void fetch(`http://127.0.0.1:${weir.ports[0]!}/`, { signal: gone.signal }).catch(() => {})
    return began
  }, 'a trial')
  gone.abort()
  a.answer = sayName('a')
  t.equal(await status(weir), 503)
  await until(async () => (await status(weir)) === 200, 'another trial', 15_000)
})
