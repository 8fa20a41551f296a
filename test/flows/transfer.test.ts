import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls } from '../support/client.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

/** More than the kernel takes off anybody's hands, on both ways together. */
const BYTES = 24_000_000
const CLIENTS = 4
/** Prime, so that a piece that came twice or from another session never looks right. */
const noise = randomBytes(1_000_003)

/** What the client of `start` is to get, in pieces of sizes that go up and down. */
async function* pieces(start: number): AsyncGenerator<Buffer> {
  let at = start
  for (let sent = 0, n = 0; sent < BYTES; n++) {
    const size = Math.min([100, 4096, 70_000, 9, 300_000, 32_768][n % 6]!, BYTES - sent)
    yield slice(at, size)
    at = (at + size) % noise.length
    sent += size
    if (n % 5 === 0) await turn()
  }
}

function slice(at: number, size: number): Buffer {
  const end = at + size
  return end <= noise.length
    ? noise.subarray(at, end)
    : Buffer.concat([noise.subarray(at), slice(0, end - noise.length)])
}

async function sendAll(socket: Socket, start: number, progress = () => {}): Promise<void> {
  for await (const piece of pieces(start)) {
    progress()
    if (!socket.write(piece)) await once(socket, 'drain')
  }
  socket.end()
}

async function expected(start: number): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of pieces(start)) hash.update(piece)
  return hash.digest('hex')
}

/** Reads to the end, and stops again and again for a while, so that weir has to hold back. */
async function readSlowly(socket: Socket): Promise<string> {
  const hash = createHash('sha256')
  let count = 0
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    if (++count % 7 !== 0) return
    socket.pause()
    setTimeout(() => socket.resume(), count % 5)
  })
  await once(socket, 'end')
  return hash.digest('hex')
}

for (const mode of ['tcp', 'tls'] as const) {
  test(`${mode}: every client gets its own bytes, all of them, however slowly it reads`, async t => {
    let sentPieces = 0
    const backend = await startBackend(t, socket => {
      socket.once('data', (bytes: Buffer) => {
        sendAll(socket, bytes.readUInt32BE(), () => sentPieces++).catch(() => socket.destroy())
      })
    })
    const authority = testAuthority(t)
    const { cert, key } = authority.issue('localhost', ['localhost'])
    const weir = await startWeir(
      t,
      withoutLimits(
        '--listen',
        `${mode}://127.0.0.1:0`,
        '--backend',
        backend.url,
        ...(mode === 'tls' ? ['--cert', cert, '--key', key] : []),
      ),
    )
    const results = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, i) => {
        const start = i * 100_003
        const port = weir.ports[0]!
        const socket = await (mode === 'tls' ? dialTls(port, { ca: authority.pem }) : dial(port))
        const message = Buffer.alloc(4)
        message.writeUInt32BE(start)
        socket.write(message)
        // Nobody reads before everything between here and the backend is full.
        let before = -1
        await until(
          () => sentPieces > 0 && before === (before = sentPieces),
          'the backend had to stop',
          15_000,
          200,
        )
        const got = await readSlowly(socket)
        socket.end()
        return got === (await expected(start))
      }),
    )
    t.strictSame(
      results,
      Array.from({ length: CLIENTS }, () => true),
    )
  })

  test(`${mode}: the backend gets every byte of an upload`, async t => {
    const backend = await startBackend(t, socket => {
      readSlowly(socket).then(
        hash => socket.end(hash),
        () => socket.destroy(),
      )
    })
    const authority = testAuthority(t)
    const { cert, key } = authority.issue('localhost', ['localhost'])
    const weir = await startWeir(
      t,
      withoutLimits(
        '--listen',
        `${mode}://127.0.0.1:0`,
        '--backend',
        backend.url,
        ...(mode === 'tls' ? ['--cert', cert, '--key', key] : []),
      ),
    )
    const port = weir.ports[0]!
    const socket = await (mode === 'tls' ? dialTls(port, { ca: authority.pem }) : dial(port))
    const answer = once(socket, 'data')
    await sendAll(socket, 7)
    const [hash] = (await answer) as [Buffer]
    t.equal(hash.toString(), await expected(7))
  })
}
