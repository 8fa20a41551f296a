import { once } from 'node:events'
import { request as ask, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { type HttpBackend, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'http://127.0.0.1:0', '--probe', 'none', '--request-rate', '0']
const script = new URL('../support/killable.ts', import.meta.url).pathname

async function start(t: Test, backend: HttpBackend, ...flags: string[]): Promise<RunningWeir> {
  const all = withoutLimits(
    ...LISTEN,
    '--adaptive-concurrency',
    'true',
    '--backend',
    backend.url,
    ...flags,
  )
  return await startWeir(t, all, { script })
}

/** A backend whose time for a request is decided when it comes, by how many there are at once. */
async function startBusy(t: Test, serviceMs: (atOnce: number) => number) {
  const busy = { atOnce: 0, most: 0, served: 0, serviceMs }
  const backend = await startHttpBackend(t, (_, response) => {
    busy.most = Math.max(busy.most, ++busy.atOnce)
    setTimeout(() => {
      busy.atOnce--
      busy.served++
      response.end('well')
    }, busy.serviceMs(busy.atOnce))
  })
  return { busy, backend }
}

/** Clients that ask again as soon as they have an answer, and a little later if it is a refusal. */
function startCrowd(t: Test, weir: RunningWeir, clients: number) {
  const crowd = { well: 0, refused: 0, wellInARow: 0, odd: [] as string[], goes: true }
  const url = `http://127.0.0.1:${weir.ports[0]!}/`
  const client = async (): Promise<void> => {
    while (crowd.goes) {
      const answer = await fetch(url)
      const text = await answer.text()
      if (answer.status === 200) {
        crowd.well++
        crowd.wellInARow++
        continue
      }
      crowd.wellInARow = 0
      crowd.refused++
      const isGood =
        answer.status === 503 &&
        answer.headers.has('retry-after') &&
        text.includes('"reason":"adaptive-concurrency"')
      if (!isGood) crowd.odd.push(`${answer.status} ${text}`)
      await pause(50)
    }
  }
  const all = Promise.all(Array.from({ length: clients }, async () => await client()))
  t.teardown(() => (crowd.goes = false))
  const stop = async (): Promise<void> => {
    crowd.goes = false
    await all
  }
  return { crowd, stop }
}

test('a backend that gets slow under its requests gets fewer at once, and more when it is fast again', async t => {
  const even = (): number => 20
  const { busy, backend } = await startBusy(t, even)
  // Twice the least time is well: a busy machine must not look like a slow backend.
  const adaptive = ['--adaptive-concurrency-tolerance', '100']
  const queue = ['--queue-max', '10', '--queue-timeout', '1s']
  const weir = await start(t, backend, '--workers', '2', ...adaptive, ...queue)
  const limit = (): Promise<number> => weir.metric('weir_backend_concurrency_limit')
  const { crowd, stop } = startCrowd(t, weir, 60)
  await until(async () => (await limit()) >= 60, 'it is fast, and gets them all', 60_000)
  await until(() => crowd.wellInARow >= 200, 'nobody is refused', 60_000)
  const least = await weir.metric('weir_backend_least_response_seconds')
  t.ok(least >= 0.018)

  // As a processor that all of them share. On a busy machine the least time is longer, so this is, too: five at once
  // take twice the least time, which is well, and more do not.
  busy.serviceMs = atOnce => Math.max(20, 400 * least) * atOnce
  await until(async () => (await limit()) <= 15, 'the limit falls', 60_000)
  await until(() => busy.atOnce <= 15, 'and so does what is at the backend', 60_000)
  const before = { served: busy.served, refused: crowd.refused }
  busy.most = 0
  await until(() => busy.served >= before.served + 50, 'it goes on serving', 60_000)
  t.ok(busy.most <= 20, `${busy.most} at once`)
  await until(() => crowd.refused > before.refused, 'those beyond the queue are refused', 60_000)
  t.ok((await weir.metric('weir_request_faults_total', { fault: 'adaptive-concurrency' })) > 0)
  t.equal(await weir.metric('weir_request_faults_total', { fault: 'queue-full' }), 0)

  busy.serviceMs = even
  await until(async () => (await limit()) >= 60, 'it is fast again', 60_000)
  crowd.wellInARow = 0
  await until(() => crowd.wellInARow >= 200, 'nobody is refused again', 60_000)
  await stop()
  t.strictSame(crowd.odd, [], 'all refusals say why, and when to come back')
  await weir.metricIs('weir_backend_concurrency', {}, 0)
})

const ONE = ['--adaptive-concurrency-min', '1', '--adaptive-concurrency-max', '1']

test('who sends slowly and who reads a stream hold no place; who waits for a response does', async t => {
  const held: ServerResponse[] = []
  const backend = await startHttpBackend(t, (request, response) => {
    if (request.url === '/hold') {
      held.push(response)
      return
    }
    // The heads of the others come at once, and no end.
    response.writeHead(200)
    response.write('x')
    if (request.url === '/') response.end()
  })
  const weir = await start(t, backend, '--workers', '1', '--queue-max', '0', ...ONE)
  const to = (path: string): string => `http://127.0.0.1:${weir.ports[0]!}${path}`
  for (let i = 0; i < 5; i++) t.equal((await fetch(to('/stream'))).status, 200)
  const uploads = Array.from({ length: 5 }, () => ask(to('/hold'), { method: 'POST' }))
  for (const upload of uploads) {
    upload.on('error', () => {})
    upload.write('half')
  }
  await until(() => held.length === 5, 'the backend has five halves')
  t.equal((await fetch(to('/'))).status, 200)

  uploads[0]!.end()
  await weir.metricIs('weir_backend_concurrency', {}, 1)
  const refused = await fetch(to('/'))
  t.equal(refused.status, 503)
  t.equal(refused.headers.get('retry-after'), '5')
  t.match(await refused.json(), { reason: 'adaptive-concurrency' })
  const [response] = await Promise.all([
    once(uploads[0]!, 'response'),
    Promise.resolve(held.forEach(each => each.end())),
  ])
  t.equal((response as [{ statusCode: number }])[0].statusCode, 200)
  t.equal((await fetch(to('/'))).status, 200)
  for (const upload of uploads) upload.destroy()
  await weir.metricIs('weir_backend_concurrency', {}, 0)
})

test('one that waits in the queue is served when its turn comes, and refused when that takes too long', async t => {
  const held: ServerResponse[] = []
  const backend = await startHttpBackend(t, (_, response) => void held.push(response))
  const weir = await start(t, backend, '--workers', '1', '--queue-timeout', '30s', ...ONE)
  const url = `http://127.0.0.1:${weir.ports[0]!}/`
  const first = fetch(url)
  await until(() => held.length === 1, 'one is there')
  const second = fetch(url)
  await until(async () => (await weir.metric('weir_queued_total')) === 1, 'one waits')
  held[0]!.end('first')
  t.equal(await (await first).text(), 'first')
  await until(() => held.length === 2, 'its turn')
  held[1]!.end('second')
  t.equal(await (await second).text(), 'second')

  const short = await start(t, backend, '--workers', '1', '--queue-timeout', '100ms', ...ONE)
  const shortUrl = `http://127.0.0.1:${short.ports[0]!}/`
  const third = fetch(shortUrl)
  await until(() => held.length === 3, 'one is there')
  const refused = await fetch(shortUrl)
  t.match(await refused.json(), { status: 503, reason: 'adaptive-concurrency' })
  held[2]!.end('third')
  t.equal(await (await third).text(), 'third')
})

test('a worker that dies gives back the places of its requests', async t => {
  const held: ServerResponse[] = []
  const backend = await startHttpBackend(t, (_, response) => void held.push(response))
  const weir = await start(t, backend, '--workers', '1', '--queue-max', '0', ...ONE)
  const url = `http://127.0.0.1:${weir.ports[0]!}/`
  const cut = fetch(url).then(
    () => 'answered',
    () => 'cut',
  )
  await until(() => held.length === 1, 'one is there')
  t.equal((await fetch(url)).status, 503)
  weir.child.stdin!.write('0\n')
  await weir.line(({ msg }) => msg === 'worker listens again', 'it is replaced')
  t.equal(await cut, 'cut')
  await weir.metricIs('weir_backend_concurrency', {}, 0)
  const after = fetch(url)
  await until(() => held.length === 2, 'another is there')
  held[1]!.end()
  t.equal((await after).status, 200)
})
