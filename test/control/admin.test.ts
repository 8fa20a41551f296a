import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { Counter, Registry } from 'prom-client'
import { test } from 'tap'
import { Admin } from '../../src/control/admin.ts'
import { brokenOff, dial, readAll } from '../support/client.ts'

async function startAdmin(t: { teardown(fn: () => void): void }) {
  const registry = new Registry()
  let scrapes = 0
  const counter = new Counter({
    name: 'x_total',
    help: 'x',
    registers: [registry],
    collect() {
      scrapes++
    },
  })
  counter.inc(3)
  const state: { notReady: string | null; note: string } = { notReady: null, note: '' }
  const admin = new Admin({
    endpoint: { host: '127.0.0.1', port: 0 },
    registry,
    notReady: () => state.notReady,
    note: () => state.note,
  })
  const port = await admin.start()
  t.teardown(() => admin.stop())
  return { port, state, scrapes: () => scrapes }
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

function ask(port: number, path: string, host?: string, method = 'GET'): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const headers = host === undefined ? {} : { host }
  const sent = request(
    { port, host: '127.0.0.1', path, method, headers, agent: false },
    response => {
      void readAll(response as never).then(
        body =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: body.toString(),
          }),
        reject,
      )
    },
  )
  sent.on('error', reject)
  sent.end()
  return promise
}

test('the pages', async t => {
  const { port, state } = await startAdmin(t)
  t.match(await ask(port, '/metrics'), {
    status: 200,
    body: /^x_total 3$/m,
    headers: { 'content-type': /^text\/plain; version=0\.0\.4/, 'cache-control': 'no-store' },
  })
  t.match(await ask(port, '/healthz'), { status: 200, body: 'ok\n' })
  t.match(await ask(port, '/readyz'), { status: 200, body: 'ready\n' })
  state.notReady = 'no backend is up'
  t.match(await ask(port, '/readyz?verbose'), { status: 503, body: 'no backend is up\n' })
  t.match(await ask(port, '/healthz'), { status: 200 }, 'it lives all the same')
  t.match(await ask(port, '/'), { status: 200, body: /\/metrics {2}Prometheus metrics/ })
})

test('what there is not, and what is not to be done', async t => {
  const { port } = await startAdmin(t)
  t.match(await ask(port, '/nonsense'), {
    status: 404,
    body: /no such page; there are \/ \/metrics/,
  })
  t.match(await ask(port, '/constructor'), { status: 404 })
  t.match(await ask(port, '/metrics', undefined, 'POST'), {
    status: 405,
    headers: { allow: 'GET, HEAD' },
  })
  t.match(await ask(port, '/metrics', undefined, 'HEAD'), { status: 200, body: '' })
})

test('a name that merely points here gets nothing (DNS rebinding)', async t => {
  const { port } = await startAdmin(t)
  for (const host of [
    'evil.test',
    `evil.test:${port}`,
    '127.0.0.1.evil.test',
    'localhost.evil.test',
  ]) {
    t.match(await ask(port, '/metrics', host), { status: 421 }, host)
  }
  for (const host of ['localhost', `127.0.0.1:${port}`, `[::1]:${port}`, '10.0.0.1']) {
    t.match(await ask(port, '/metrics', host), { status: 200 }, host)
  }
})

test('many scrapes at once read the counters once', async t => {
  const { port, scrapes } = await startAdmin(t)
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(port, '/metrics')))
  t.ok(answers.every(({ status }) => status === 200))
  t.ok(scrapes() <= 2, `${scrapes()} readings`)
})

test('what is no HTTP is hung up on', async t => {
  const { port } = await startAdmin(t)
  const socket = connect(port, '127.0.0.1')
  socket.write('nonsense\r\n\r\n')
  socket.on('error', () => {})
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('close', resolve)
  socket.resume()
  await promise
  t.match(await ask(port, '/healthz'), { status: 200 }, 'others are answered')
})

test('clients that hold all of its connections keep nobody out: the oldest makes room', async t => {
  const { port } = await startAdmin(t)
  const held: Socket[] = []
  for (let i = 0; i < 64; i++) held.push(await dial(port))
  t.teardown(() => held.forEach(each => each.destroy()))
  const [first, second] = held
  const ending = brokenOff(first!)
  t.match(await ask(port, '/readyz'), { status: 200 })
  t.match(await ending, /closed|ECONNRESET/)
  second!.end('GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  t.match((await readAll(second!)).toString(), /^HTTP\/1\.1 200 /)
})
