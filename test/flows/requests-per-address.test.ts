import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Test, test } from 'tap'
import { dial, read, readAll } from '../support/client.ts'
import { startBackend } from '../support/backend.ts'
import { type HttpBackend, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, type WeirOptions, withoutLimits } from '../support/weir.ts'

/** Enough for the kernel to give both workers some: all go to one once in 32,000 runs. */
const LIMIT = 16
const LISTEN = ['--listen', 'http://127.0.0.1:0', '--workers', '2', '--request-rate', '0']
const REFUSED = /^HTTP\/1\.1 429 .*\r\nRetry-After: 1\r\n.*"reason":"requests-per-address"/s
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

interface Place {
  readonly weir: RunningWeir
  readonly backend: HttpBackend
  /** Answers that the backend owes, by their paths. */
  readonly owed: Map<string, ServerResponse>
}

async function start(t: Test, flags: string[] = [], options: WeirOptions = {}): Promise<Place> {
  const owed = new Map<string, ServerResponse>()
  const backend = await startHttpBackend(t, (request, response) => {
    owed.set(request.url!, response)
    response.on('close', () => owed.delete(request.url!))
  })
  const limit = ['--requests-per-address', `${LIMIT}`, '--probe', 'none']
  const all = [...LISTEN, '--backend', backend.url, ...limit, ...flags]
  const weir = await startWeir(t, [...withoutOwn(withoutLimits()), ...all], options)
  return { weir, backend, owed }
}

function withoutOwn(flags: readonly string[]): string[] {
  const at = flags.indexOf('--requests-per-address')
  return flags.toSpliced(at, 2)
}

async function send(
  { weir }: Pick<Place, 'weir'>,
  path: string,
  { fields = '', from = '127.0.0.1', method = 'GET', body = '' } = {},
): Promise<Socket> {
  const socket = await dial(weir.ports[0]!, { from })
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`)
  return socket
}

async function ask(place: Place, path: string, options: object = {}): Promise<string> {
  const socket = await send(place, path, { fields: 'Connection: close\r\n', ...options })
  const answer = (await readAll(socket)).toString('latin1')
  socket.destroy()
  return answer
}

/** As many requests as there may be, all of them held by the backend. */
async function fill(place: Place, name: string, count = LIMIT): Promise<Socket[]> {
  const fields = 'Connection: close\r\n'
  const sockets: Socket[] = []
  for (let i = 0; i < count; i++) sockets.push(await send(place, `/${name}/${i}`, { fields }))
  const has = (): number => [...place.owed.keys()].filter(at => at.startsWith(`/${name}/`)).length
  await until(() => has() === count, `${count} requests of ${name} at the backend`)
  return sockets
}

async function release(t: Test, place: Place, sockets: readonly Socket[]): Promise<void> {
  const answers = sockets.map(readAll)
  for (const response of place.owed.values()) response.end('done')
  for (const answer of await Promise.all(answers)) t.match(answer.toString(), /^HTTP\/1\.1 200 /)
}

/** There is room for the limit, all of it, and for no more. */
async function hasRoomForAll(t: Test, place: Place, name: string): Promise<void> {
  const sockets = await fill(place, 'after')
  t.match(await ask(place, '/more'), REFUSED, `after ${name} one more than ${LIMIT} is refused`)
  await release(t, place, sockets)
}

/** Until the exchange is over, as its line says. */
async function isOver({ weir }: Place, path: string): Promise<Record<string, unknown>> {
  return await weir.line(line => line['path'] === path, `the end of ${path}`)
}

test('the requests of an address at once are limited, over its connections and both workers', async t => {
  const place = await start(t)
  const sockets = await fill(place, 'first')
  for (const worker of ['0', '1']) {
    t.ok((await place.weir.metric('weir_worker_connections', { worker })) > 0, `worker ${worker}`)
  }
  for (let i = 0; i < 8; i++) t.match(await ask(place, '/more'), REFUSED)
  const other = await send(place, '/other', { from: '127.0.0.5' })
  await until(() => place.owed.has('/other'), 'another address has its own')
  other.destroy()
  await place.weir.metricIs('weir_refusals_total', { reason: 'requests-per-address' }, 8)
  const line = await place.weir.line(({ status }) => status === 429, 'of a refused one')
  t.match(line, { reason: 'requests-per-address', client: '127.0.0.1', path: '/more' })
  await release(t, place, sockets)
  await hasRoomForAll(t, place, 'answers')
})

test('a refused request leaves its connection usable, and those that wait behind it', async t => {
  const place = await start(t)
  const held = await fill(place, 'held', LIMIT - 1)
  const socket = await send(place, '/a')
  await until(() => place.owed.has('/a'), 'the last place is taken')
  const refused = await send(place, '/b', { body: 'GET /c HTTP/1.1\r\nHost: a\r\n\r\n' })
  let got = ''
  while ((got.match(/requests-per-address/g)?.length ?? 0) < 2) got += await read(refused, 1)
  place.owed.get('/a')!.end()
  await isOver(place, '/a')
  refused.write('GET /d HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => place.owed.has('/d'), 'the same connection, once there is room')
  t.match(await ask(place, '/e'), REFUSED)
  refused.destroy()
  await isOver(place, '/d')
  await release(t, place, held)
  socket.destroy()
})

test('pipelined requests count one at a time', async t => {
  const place = await start(t)
  const held = await fill(place, 'held', LIMIT - 1)
  const next = 'GET /two HTTP/1.1\r\nHost: a\r\n\r\n'
  const socket = await send(place, '/one', { body: next })
  await until(() => place.owed.has('/one'), 'the first of two')
  place.owed.get('/one')!.end()
  await until(() => place.owed.has('/two'), 'the second')
  t.match(await ask(place, '/more'), REFUSED)
  socket.destroy()
  await isOver(place, '/two')
  await release(t, place, held)
})

/** How an exchange may end before it is whole; the client's socket, and what the backend holds. */
const endings: Record<
  string,
  (place: Place, path: string) => Promise<{ status?: number; reason?: string }>
> = {
  async 'the client resets while it waits'(place, path) {
    const socket = await send(place, path)
    await until(() => place.owed.has(path), path)
    socket.resetAndDestroy()
    return { status: 0 }
  },
  async 'the client resets in the middle of its answer'(place, path) {
    const socket = await send(place, path)
    await until(() => place.owed.has(path), path)
    place.owed.get(path)!.write('part')
    await read(socket, 1)
    socket.resetAndDestroy()
    return { status: 200 }
  },
  async 'the client leaves in the middle of a body that is waited for'(place, path) {
    const fields = 'Content-Length: 9\r\n'
    const socket = await send(place, path, { method: 'POST', fields, body: 'part' })
    socket.end()
    return { status: 0 }
  },
  async 'the client leaves in the middle of its body'(place, path) {
    const fields = 'Transfer-Encoding: chunked\r\n'
    const socket = await send(place, path, { method: 'POST', fields, body: '4\r\npart\r\n' })
    await until(() => place.owed.has(path), path)
    socket.end()
    return { status: 0 }
  },
  async 'the backend resets before its answer'(place, path) {
    const socket = await send(place, path, { method: 'POST', fields: 'Content-Length: 0\r\n' })
    await until(() => place.owed.has(path), path)
    place.owed.get(path)!.socket!.resetAndDestroy()
    await read(socket, 1)
    return { status: 502 }
  },
  async 'the backend resets in the middle of its answer'(place, path) {
    const socket = await send(place, path)
    await until(() => place.owed.has(path), path)
    place.owed.get(path)!.write('part')
    await read(socket, 1)
    place.owed.get(path)!.socket!.resetAndDestroy()
    return { status: 200, reason: 'backend-reset' }
  },
  async 'the body is malformed'(place, path) {
    const fields = 'Transfer-Encoding: chunked\r\n'
    const socket = await send(place, path, { method: 'POST', fields, body: '1\r\nx\r\n' })
    await until(() => place.owed.has(path), path)
    socket.write('nonsense\r\n')
    await read(socket, 1)
    return { status: 400 }
  },
  async 'the body is too large'(place, path) {
    await ask(place, path, { method: 'POST', fields: 'Content-Length: 5000\r\n' })
    return { status: 413 }
  },
  async 'the backend takes too long'(place, path) {
    await ask(place, path)
    return { status: 504 }
  },
  async 'it is answered before its body is whole'(place, path) {
    const fields = 'Transfer-Encoding: chunked\r\n'
    const socket = await send(place, path, { method: 'POST', fields, body: '4\r\npart\r\n' })
    await until(() => place.owed.has(path), path)
    place.owed.get(path)!.writeHead(403).end()
    await read(socket, 1)
    return { status: 403 }
  },
}

test('however an exchange ends, what it counted is given back', async t => {
  const place = await start(t, ['--response-timeout', '3s', '--body-max', '1000'])
  for (const [i, [name, end]] of Object.entries(endings).entries()) {
    const path = `/end-${i}`
    for (const at of [`${path}/a`, `${path}/b`, `${path}/c`]) {
      const expected = await end(place, at)
      t.match(await isOver(place, at), expected, name)
    }
    await hasRoomForAll(t, place, name)
  }
})

test('a tunnel is no request any more', async t => {
  const backend = await startBackend(t, socket => {
    socket.once('data', () => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${UPGRADE}\r\n`))
    socket.on('end', () => socket.end())
  })
  const limit = ['--requests-per-address', '2', '--probe', 'none']
  const weir = await startWeir(t, [
    ...withoutOwn(withoutLimits(...LISTEN)),
    ...['--backend', `http://127.0.0.1:${backend.port}`, ...limit],
  ])
  const sockets: Socket[] = []
  for (let i = 0; i < 6; i++) {
    const socket = await send({ weir }, `/${i}`, { fields: UPGRADE })
    t.match(await read(socket, 12), /^HTTP\/1\.1 101/)
    sockets.push(socket)
  }
  t.equal(backend.open.size, 6, 'all of them at once')
  for (const socket of sockets) socket.destroy()
  await until(() => backend.open.size === 0, 'their end')
  // What is given back twice would make room for more than two.
  const again = await send({ weir }, '/again', { fields: UPGRADE })
  t.match(await read(again, 12), /^HTTP\/1\.1 101/)
  again.destroy()
})

/** Those of the sockets that have not ended. */
function aliveOf(sockets: readonly Socket[]): Set<Socket> {
  const alive = new Set(sockets)
  for (const socket of sockets) {
    for (const event of ['end', 'close']) socket.on(event, () => alive.delete(socket))
    socket.resume()
  }
  return alive
}

test('what a killed worker had counted is given back, and only that', async t => {
  const script = new URL('../support/killable.ts', import.meta.url).pathname
  const place = await start(t, [], { script })
  const sockets = await fill(place, 'held')
  const ofFirst = await place.weir.metric('weir_worker_connections', { worker: '0' })
  t.ok(ofFirst > 0 && ofFirst < LIMIT, `worker 0 has ${ofFirst} of ${LIMIT}`)
  const alive = aliveOf(sockets)
  place.weir.child.stdin!.write('0\n')
  const left = LIMIT - ofFirst
  await until(() => alive.size === left, `${left} connections of worker 1 are left`)
  await place.weir.line(({ msg }) => msg === 'worker listens again', 'its replacement')
  const again = await fill(place, 'again', ofFirst)
  t.match(await ask(place, '/more'), REFUSED)
  await release(t, place, [...alive, ...again])
  await hasRoomForAll(t, place, 'the death of a worker')
})

test('behind a trusted proxy they are counted for each client, killed workers included', async t => {
  const script = new URL('../support/killable.ts', import.meta.url).pathname
  const place = await start(t, ['--forwarded-from', '127.0.0.2'], { script })
  const asking = async (client: number, path: string): Promise<Socket> => {
    const fields = `X-Forwarded-For: 6.6.6.6, 192.0.2.${client}\r\nConnection: close\r\n`
    return await send(place, path, { fields, from: '127.0.0.2' })
  }
  const hold = async (client: number, name: string, count: number): Promise<Socket[]> => {
    const sockets: Socket[] = []
    for (let i = 0; i < count; i++) sockets.push(await asking(client, `/${name}/${i}`))
    await until(
      () => [...place.owed.keys()].filter(at => at.startsWith(`/${name}/`)).length === count,
      `${count} requests of client ${client}`,
    )
    return sockets
  }
  const isRefused = async (client: number): Promise<void> => {
    const answer = await readAll(await asking(client, '/more'))
    t.match(answer.toString(), REFUSED, `client ${client} has no more`)
  }
  const first = await hold(1, 'one', LIMIT)
  const second = await hold(2, 'two', LIMIT)
  const ofFirst = await place.weir.metric('weir_worker_connections', { worker: '0' })
  await isRefused(1)
  await isRefused(2)
  const alive = aliveOf([...first, ...second])
  place.weir.child.stdin!.write('0\n')
  await until(() => alive.size === 2 * LIMIT - ofFirst, 'the connections of worker 1 are left')
  await place.weir.line(({ msg }) => msg === 'worker listens again', 'its replacement')
  const leftOfOne = first.filter(socket => alive.has(socket)).length
  const again = await hold(1, 'again', LIMIT - leftOfOne)
  await isRefused(1)
  await release(t, place, [...alive, ...again])
})
