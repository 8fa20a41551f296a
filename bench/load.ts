/**
 * Load and backend, run as processes of their own: `node bench/load.ts KIND ARGS…`. Prints one line of
 * JSON at its end; a round in which anything failed is invalid.
 */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { httpGenerators } from './http-load.ts'
import { startSink } from './sink.ts'
import { close, dial, type Generator, many } from './work.ts'

const MESSAGE = Buffer.alloc(64, 1)
const CHUNK = Buffer.alloc(65_536, 1)
const MIB = 1024 * 1024
const READ_SIZE = 262_144
/** A connection that is still open after this was not refused. */
const REFUSED_WITHIN_MS = 2000
/** One in so many may be served where a rate is the limit. */
const SERVED_SHARE = 1000

const generators: Readonly<Record<string, Generator>> = {
  ...httpGenerators,
  /** `count` messages of 64 bytes, there and back, over `concurrency` connections. */
  async messages(port, count, concurrency) {
    let left = count
    let operations = 0
    const ends = Array.from({ length: concurrency }, async () => {
      const socket = await dial(port)
      for (; left > 0; operations++) {
        left--
        socket.write(MESSAGE)
        await once(socket, 'data')
      }
      socket.destroy()
    })
    await Promise.all(ends)
    return { operations, failures: 0 }
  },
  /** `count` MiB from the backend. */
  async bulk(port, count, concurrency) {
    const bytes = (count / concurrency) * MIB
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        const { promise, resolve } = Promise.withResolvers<void>()
        let got = 0
        // Into one buffer: the load is not to be what the proxy waits for.
        const onread = {
          buffer: Buffer.allocUnsafeSlow(READ_SIZE),
          callback: (count: number) => {
            got += count
            if (got >= bytes) resolve()
            return true
          },
        }
        const socket = connect({ port, host: '127.0.0.1', onread })
        await once(socket, 'connect')
        socket.write(`DOWNLOAD ${bytes}`)
        await promise
        socket.destroy()
      }),
    )
    return { operations: count, failures: 0 }
  },
  /** `count` full TLS 1.3 handshakes, each with a message there and back. */
  handshakes(port, count, concurrency) {
    return many(count, concurrency, async () => {
      const socket = connectTls({
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ecdhCurve: 'X25519:P-256',
        minVersion: 'TLSv1.3',
      })
      await once(socket, 'secureConnect')
      socket.write(MESSAGE)
      await once(socket, 'data')
      await close(socket)
    })
  },
  /** `count` short connections: connect, a message there and back, close; from many addresses. */
  connections(port, count, concurrency) {
    let n = 0
    return many(count, concurrency, async () => {
      const socket = await dial(port, `127.0.${1 + (n++ % 50)}.1`)
      socket.write(MESSAGE)
      await once(socket, 'data')
      await close(socket)
    })
  },
  /** `count` connections that are refused: every one must be closed without a byte. */
  refused(port, count, concurrency) {
    return many(count, concurrency, async () => {
      if (!(await isRefused(port))) throw new Error('served')
    })
  },
  /** The same at a limit that lets one through now and then; that one is no operation. */
  async 'refused-rate'(port, count, concurrency) {
    let served = 0
    const { failures } = await many(count, concurrency, async () => {
      if (!(await isRefused(port)) && ++served > count / SERVED_SHARE) throw new Error('served')
    })
    return { operations: count - served, failures }
  },
  /** `count` TLS connections that say nothing more, held until stdin of the parent ends this process. */
  async idle(port, count, concurrency) {
    const work = await many(count, concurrency, async () => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      socket.on('error', () => {})
      await once(socket, 'secureConnect')
      socket.write(MESSAGE)
      await once(socket, 'data')
    })
    process.stdout.write(`${JSON.stringify(work)}\n`)
    await new Promise(resolve => setTimeout(resolve, 60_000))
    return work
  },
}

/**
 * @returns whether the connection is closed without a byte
 * @throws if there was none
 */
async function isRefused(port: number): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET') reject(error)
  })
  socket.on('data', () => resolve(false))
  socket.on('close', () => resolve(true))
  socket.setTimeout(REFUSED_WITHIN_MS, () => {
    resolve(false)
    socket.destroy()
  })
  return promise
}

/** Echoes, but answers HTTP and sends what it is asked for. */
function backend(): void {
  const http = createHttpServer((_, response) => response.end('ok'))
  http.keepAliveTimeout = 60_000
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    socket.on('error', () => {})
    socket.once('data', (first: Buffer) => {
      if (first[0] === 0x47) {
        socket.unshift(first)
        http.emit('connection', socket)
        return
      }
      if (first[0] === 0x44) {
        send(socket, Number(first.toString().split(' ')[1]))
        return
      }
      socket.write(first)
      socket.on('data', chunk => {
        if (!socket.write(chunk)) socket.pause()
      })
      socket.on('drain', () => socket.resume())
      socket.on('end', () => socket.end())
    })
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    const address = server.address()
    process.stdout.write(`${JSON.stringify(address)}\n`)
  })
}

function send(socket: Socket, bytes: number): void {
  let sent = 0
  const push = (): void => {
    while (sent < bytes) {
      sent += CHUNK.length
      if (!socket.write(CHUNK)) return
    }
  }
  socket.on('drain', push)
  push()
}

const [kind = '', port = '0', count = '0', concurrency = '1'] = process.argv.slice(2)
if (kind === 'backend') {
  backend()
} else if (kind === 'sink') {
  startSink()
} else {
  const startedMs = performance.now()
  const work = await generators[kind]!(Number(port), Number(count), Number(concurrency))
  const seconds = (performance.now() - startedMs) / 1000
  process.stdout.write(`${JSON.stringify({ ...work, seconds })}\n`)
  process.exit(0)
}
