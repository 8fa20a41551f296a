import { readdirSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, readAll } from '../support/client.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const ROUNDS = 20
const AT_ONCE = 40

/** What both sides do at random: they end, reset, or go on, now or a little later. */
function behave(socket: Socket): void {
  socket.on('error', () => {})
  const reset = (): void => void (socket.destroyed || endAtOnce(socket))
  const kind = Math.floor(Math.random() * 6)
  if (kind === 0) reset()
  else if (kind === 1) socket.once('data', reset)
  else if (kind === 2) socket.once('data', () => socket.end('bye'))
  else if (kind === 3) socket.end('x'.repeat(100_000))
  else if (kind === 4) {
    // FIN and RST in one breath.
    socket.end('y')
    setImmediate(reset)
  } else socket.pipe(socket)
  socket.resume()
}

function endAtOnce(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}

test('in whatever order both sides end and reset, nothing is left behind', async t => {
  const { cert, key } = testAuthority(t).issue('a', ['localhost'])
  const backend = await startBackend(t, behave)
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--listen', 'tls://127.0.0.1:0']
  const pair = ['--cert', cert, '--key', key, '--backend', backend.url, '--eject-after', '0']
  const weir = await startWeir(
    t,
    withoutLimits(...listen, ...pair, '--probe', 'none', '--idle-timeout', '500ms'),
  )
  const sockets = (): number => {
    const folder = `/proc/${weir.child.pid}/fd`
    return readdirSync(folder).filter(each => {
      try {
        return readlinkSync(`${folder}/${each}`).startsWith('socket:')
      } catch {
        return false
      }
    }).length
  }
  // The connection of the scrapes, which stays.
  t.equal(await weir.metric('weir_connections'), 0)
  const before = sockets()
  for (let round = 0; round < ROUNDS; round++) {
    const clients = Array.from({ length: AT_ONCE }, async (_, i) => {
      const port = weir.ports[i % 2]!
      const socket = await (i % 2 === 0
        ? dial(port)
        : dialTls(port, { rejectUnauthorized: false })
      ).catch(() => null)
      if (socket === null) return
      const closed = new Promise(resolve => socket.on('close', resolve))
      socket.write('hello')
      behave(socket)
      setTimeout(() => endAtOnce(socket), 1000).unref()
      await closed
    })
    await Promise.all(clients)
  }
  await weir.metricIs('weir_connections', {}, 0)
  await weir.metricIs('weir_backend_active_connections', {}, 0)
  await until(() => sockets() <= before, `no more sockets than ${before}`)
  t.equal(await weir.metric('weir_worker_restarts_total'), 0)
  t.equal(await weir.stop(), 0, 'and it can be ended')
})

test('who answers before it has heard all, and resets, has answered', async t => {
  const backend = await startBackend(t, socket =>
    socket.once('data', () => {
      socket.write('HTTP/1.1 413 No\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo much')
      socket.destroy()
    }),
  )
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--workers', '1', '--eject-after', '0'],
      ...['--backend', `http://127.0.0.1:${backend.port}`, '--probe', 'none'],
    ),
  )
  const bytes = 4_000_000
  // The reset comes between any two pieces of the body, mostly.
  for (let n = 0; n < 30; n++) {
    const client = await dial(weir.ports[0]!)
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n`)
    client.write('Connection: close\r\n\r\n')
    client.write(Buffer.alloc(bytes))
    t.match((await readAll(client)).toString(), /^HTTP\/1\.1 413 No\r\n.*\r\n\r\ntoo much$/s)
    client.destroy()
  }
})
