import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { Tunnel, type TunnelOwner } from '../../src/transport/tunnel.ts'
import { readAll } from '../support/client.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

class Recorder implements TunnelOwner {
  readonly heard: string[] = []
  onClientBytes(): void {}
  onBackendBytes(): void {}
  onTunnelDone(): void {
    this.heard.push('done')
  }
  onClientBroke(cause: string): void {
    this.heard.push(`client ${cause}`)
  }
  onBackendBroke(cause: string, untouched: boolean): void {
    this.heard.push(`backend ${cause}${untouched ? ', untouched' : ''}`)
  }
}

/** client ⇄ [front tunnel back] ⇄ backend */
async function tunnel(t: Parameters<typeof socketPair>[0]) {
  const [one, two] = [await socketPair(t), await socketPair(t)]
  const owner = new Recorder()
  const it = new Tunnel(one.server, { socket: two.client, readBuffer: null }, owner)
  it.start()
  two.server.resume()
  return {
    client: one.client,
    front: one.server,
    back: two.client,
    backend: two.server,
    owner,
    tunnel: it,
  }
}

function isGone(socket: Socket): boolean {
  return socket.destroyed
}

test('bytes go both ways and are counted', async t => {
  const { client, backend, owner, tunnel: it } = await tunnel(t)
  const [atBackend, atClient] = [readAll(backend), readAll(client)]
  client.end('question')
  backend.end('the answer')
  t.equal((await atBackend).toString(), 'question')
  t.equal((await atClient).toString(), 'the answer')
  await until(() => owner.heard.length > 0, 'the end')
  t.strictSame(owner.heard, ['done'])
  t.strictSame([it.bytesFromClient, it.bytesFromBackend], [8, 10])
})

test('a side that is done may still be spoken to', async t => {
  const { client, backend, owner } = await tunnel(t)
  const atBackend = readAll(backend)
  client.end('all I have')
  t.equal((await atBackend).toString(), 'all I have')
  t.strictSame(owner.heard, [])
  const atClient = readAll(client)
  backend.write('one ')
  backend.end('two')
  t.equal((await atClient).toString(), 'one two')
})

test('a side that resets takes the other with it, by a reset', async t => {
  for (const side of ['client', 'backend'] as const) {
    const made = await tunnel(t)
    const other = side === 'client' ? made.backend : made.client
    made.client.write('x')
    await once(made.backend, 'data')
    const broke = once(other, 'error') as Promise<[NodeJS.ErrnoException]>
    made[side].resetAndDestroy()
    const [error] = await broke
    t.equal(error.code, 'ECONNRESET')
    t.strictSame(made.owner.heard, [`${side} ECONNRESET`])
    t.ok(isGone(made.front) && isGone(made.back))
  }
})

test('a backend that breaks before a byte went leaves the client as it was', async t => {
  const { client, front, backend, owner } = await tunnel(t)
  backend.resetAndDestroy()
  await until(() => owner.heard.length > 0, 'the break')
  t.strictSame(owner.heard, ['backend ECONNRESET, untouched'])
  t.notOk(isGone(front))
  // The next tunnel of the session gets what the client says.
  const next = await socketPair(t)
  const owner2 = new Recorder()
  new Tunnel(front, { socket: next.client, readBuffer: null }, owner2).start()
  next.server.resume()
  const heard = readAll(next.server)
  client.end('still here')
  t.equal((await heard).toString(), 'still here')
})

test('a client that was done before the second backend is done there too', async t => {
  const { client, front, backend, owner } = await tunnel(t)
  const ended = once(front, 'end')
  client.end()
  await ended
  backend.resetAndDestroy()
  await until(() => owner.heard.length > 0, 'the break')
  t.match(owner.heard[0], /untouched/)
  const next = await socketPair(t)
  new Tunnel(front, { socket: next.client, readBuffer: null }, new Recorder()).start()
  next.server.resume()
  t.equal((await readAll(next.server)).length, 0)
})

test('what one side does not take the other is not asked for', async t => {
  const { client, front, back, backend } = await tunnel(t)
  backend.pause()
  const chunk = Buffer.alloc(64 * 1024, 1)
  let sent = 0
  const push = (): void => {
    for (let i = 0; i < 1000; i++) {
      sent += chunk.length
      if (!client.write(chunk)) return
    }
  }
  client.on('drain', push)
  push()
  await until(() => front.isPaused(), 'the front is paused')
  // 16 KiB high-water mark and one read above it.
  t.ok(back.writableLength <= 16 * 1024 + 64 * 1024, `${back.writableLength} bytes are held`)
  client.off('drain', push)
  let received = 0
  backend.on('data', (bytes: Buffer) => (received += bytes.length))
  backend.resume()
  client.end()
  await once(backend, 'end')
  t.equal(received, sent)
})

test('a cut tunnel says nothing more', async t => {
  const { client, backend, owner, tunnel: it } = await tunnel(t)
  it.cut()
  it.cut()
  await until(() => isGone(client) && isGone(backend), 'both ends are gone')
  t.strictSame(owner.heard, [])
})
