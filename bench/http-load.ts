/** Load that speaks HTTP: wrk, autocannon, bodies both ways, clients that stay, a client that behaves. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import autocannon from 'autocannon'
import { dial, type Generator, many, quantile, type Work } from './work.ts'

const MIB = 1024 * 1024
const READ_SIZE = 262_144
const GET = 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n'
/** Of this bodies are cut; as large as the body, so that it is one write. */
const body = Buffer.alloc(MIB, 1)

export const httpGenerators: Readonly<Record<string, Generator>> = {
  /** Requests over connections that stay, as fast as wrk can for `count` seconds. */
  'wrk-http': (port, count, concurrency) => wrk(`http://127.0.0.1:${port}/`, count, concurrency),
  'wrk-https': (port, count, concurrency) => wrk(`https://127.0.0.1:${port}/`, count, concurrency),
  /** A new connection per request. */
  'wrk-http-close': (port, count, concurrency) =>
    wrk(`http://127.0.0.1:${port}/`, count, concurrency, '-H', 'Connection: close'),
  'wrk-https-close': (port, count, concurrency) =>
    wrk(`https://127.0.0.1:${port}/`, count, concurrency, '-H', 'Connection: close'),
  /** Requests over connections that stay: autocannon. */
  'autocannon-http': (port, count, connections) =>
    cannon(`http://127.0.0.1:${port}/`, count, connections),
  'autocannon-https': (port, count, connections) =>
    cannon(`https://127.0.0.1:${port}/`, count, connections),
  /** `count` bodies from the backend. */
  'get-1m': (port, count, concurrency) =>
    bodies(port, count, concurrency, client => client.get('/1m')),
  'get-100m': (port, count, concurrency) =>
    bodies(port, count, concurrency, client => client.get('/100m')),
  /** `count` bodies to the backend. */
  'put-1m': (port, count, concurrency) => bodies(port, count, concurrency, client => client.put(1)),
  'put-100m': (port, count, concurrency) =>
    bodies(port, count, concurrency, client => client.put(100)),
  /** `count` connections that asked once and stay; held until the parent ends this process. */
  async 'idle-http'(port, count, concurrency) {
    let n = 0
    const work = await many(count, concurrency, async () => {
      const socket = await dial(port, `127.0.${1 + (n++ % 50)}.1`)
      socket.write(GET)
      await once(socket, 'data')
    })
    process.stdout.write(`${JSON.stringify(work)}\n`)
    await pause(120_000)
    return work
  },
}

async function wrk(
  url: string,
  seconds: number,
  concurrency: number,
  ...more: readonly string[]
): Promise<Work> {
  const flags = [
    '-t1',
    '--latency',
    '--timeout=10s',
    `-c${concurrency}`,
    `-d${seconds}s`,
    ...more,
    url,
  ]
  const { stdout } = await promisify(execFile)('wrk', flags)
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0)
  const errors = /Socket errors: (.*)/.exec(stdout)?.[1] ?? ''
  const failures = [...errors.matchAll(/\d+/g)].reduce((sum, [each]) => sum + Number(each), 0)
  return {
    operations: number(/(\d+) requests in/),
    failures: failures + number(/Non-2xx or 3xx responses: (\d+)/),
    p50Ms: milliseconds(/50% +([\d.]+)([a-z]+)/.exec(stdout)),
    p99Ms: milliseconds(/99% +([\d.]+)([a-z]+)/.exec(stdout)),
  }
}

function milliseconds(match: RegExpExecArray | null): number {
  const per: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 }
  return Number(match?.[1]) * per[match?.[2] ?? '']!
}

async function cannon(url: string, amount: number, connections: number): Promise<Work> {
  const result = await autocannon({ url, amount, connections })
  return { operations: result['2xx'], failures: result.errors + result.non2xx }
}

async function bodies(
  port: number,
  count: number,
  concurrency: number,
  one: (client: BodyClient) => Promise<void>,
): Promise<Work> {
  const times: number[] = []
  let left = count
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      const client = new BodyClient(await connected(port))
      while (left-- > 0) {
        const startedMs = performance.now()
        await one(client)
        times.push(performance.now() - startedMs)
      }
      client.socket.destroy()
    }),
  )
  return { operations: count, failures: 0, ...latencies(times) }
}

function latencies(times: readonly number[]): { p50Ms: number; p99Ms: number } {
  return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) }
}

/** Reads into one buffer: the load is not to be what the proxy waits for. */
async function connected(port: number): Promise<ReadingSocket> {
  let onBytes: (bytes: Buffer) => void = ignore
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_SIZE),
      callback: (count: number, buffer: Uint8Array) => {
        onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, count))
        return true
      },
    },
  })
  await once(socket, 'connect')
  return { socket, read: next => (onBytes = next) }
}

function ignore(): void {}

interface ReadingSocket {
  readonly socket: Socket
  readonly read: (onBytes: (bytes: Buffer) => void) => void
}

class BodyClient {
  readonly socket: Socket
  readonly #whole: { resolve: () => void; reject: (error: Error) => void } = {
    resolve: () => {},
    reject: () => {},
  }
  /** Bytes to come of the response; -1 before its head. */
  #left = -1

  constructor({ socket, read }: ReadingSocket) {
    this.socket = socket
    read(bytes => this.#read(bytes))
    socket.on('error', error => this.#whole.reject(error))
    socket.on('close', () => this.#whole.reject(new Error('closed in the middle of a response')))
  }

  get(path: string): Promise<void> {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`)
    return this.#response()
  }

  async put(mib: number): Promise<void> {
    const type = 'Content-Type: application/octet-stream'
    this.socket.write(
      `PUT / HTTP/1.1\r\nHost: bench\r\n${type}\r\nContent-Length: ${mib * MIB}\r\n\r\n`,
    )
    const response = this.#response()
    for (let n = 0; n < mib; n++) {
      if (!this.socket.write(body)) await Promise.race([once(this.socket, 'drain'), response])
    }
    await response
  }

  #response(): Promise<void> {
    this.#left = -1
    return new Promise((resolve, reject) => Object.assign(this.#whole, { resolve, reject }))
  }

  #read(bytes: Buffer): void {
    if (this.#left === -1) {
      const end = bytes.indexOf('\r\n\r\n')
      const head = bytes.toString('latin1', 0, end)
      const length = /content-length: (\d+)/i.exec(head)?.[1]
      if (!head.startsWith('HTTP/1.1 200') || length === undefined) {
        return this.#whole.reject(new Error(`not what was asked for: ${head}`))
      }
      this.#left = Number(length) - (bytes.length - end - 4)
    } else this.#left -= bytes.length
    if (this.#left === 0) this.#whole.resolve()
  }
}
