/**
 * What Node users would pick, as a process: `node bench/node-proxy.ts http-proxy-3|fastify HTTP HTTPS BACKEND
 * CERT KEY LOG`. Rate per address, X-Forwarded-For and a line per request are written by hand, as cheap as can be.
 */
import { createWriteStream, readFileSync } from 'node:fs'
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import fastifyHttpProxy from '@fastify/http-proxy'
import fastify, { type FastifyInstance } from 'fastify'
import { createProxyServer } from 'http-proxy-3'

const RATE = 1_000_000
const KEEP_ALIVE_MS = 600_000
const BATCH_CHARS = 65_536

const [kind = '', http = '0', https = '0', backend = '0', cert = '', key = '', log = ''] =
  process.argv.slice(2)
const upstream = `http://127.0.0.1:${backend}`
const tls = {
  cert: readFileSync(cert),
  key: readFileSync(key),
  minVersion: 'TLSv1.2',
  ecdhCurve: 'X25519:P-256',
} as const

const file = createWriteStream(log, { flags: 'a' })
let batch = ''
setInterval(writeBatch, 500)

const counts = new Map<string, number>()
setInterval(() => counts.clear(), 1000)

if (kind === 'http-proxy-3') startHttpProxy3()
else await startFastify()

function startHttpProxy3(): void {
  const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 })
  const proxy = createProxyServer({ target: upstream, agent, xfwd: true })
  proxy.on('error', (_, request) => request.socket.destroy())
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const address = request.socket.remoteAddress ?? ''
    if (isAboveRate(address)) {
      response.writeHead(429).end()
      return
    }
    response.on('finish', () =>
      logLine(address, request.method ?? '', request.url ?? '', response.statusCode),
    )
    proxy.web(request, response)
  }
  const options = { keepAliveTimeout: KEEP_ALIVE_MS }
  createServer(options, serve).listen(Number(http), '127.0.0.1', 4096)
  createTlsServer({ ...tls, ...options }, serve).listen(Number(https), '127.0.0.1', 4096)
}

async function startFastify(): Promise<void> {
  const options = { keepAliveTimeout: KEEP_ALIVE_MS, bodyLimit: 2 ** 40 }
  const plain = fastify(options)
  const secure = fastify({ ...options, https: tls })
  for (const [server, port] of [
    [plain, http],
    [secure as unknown as FastifyInstance, https],
  ] as const) {
    server.addHook('onRequest', (request, reply, done) => {
      if (isAboveRate(request.ip)) void reply.code(429).send()
      else done()
    })
    server.addHook('onResponse', (request, reply, done) => {
      logLine(request.ip, request.method, request.url, reply.statusCode)
      done()
    })
    await server.register(fastifyHttpProxy, {
      upstream,
      undici: { connections: 256, pipelining: 1 },
      replyOptions: {
        rewriteRequestHeaders: (request, headers) => ({
          ...headers,
          'x-forwarded-for': request.ip,
        }),
        // The backend's own would tell a client that it may stay when it asked to close.
        rewriteHeaders: headers => {
          const kept = { ...headers }
          delete kept.connection
          return kept
        },
      },
    })
    await server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })
  }
}

function isAboveRate(address: string): boolean {
  const count = (counts.get(address) ?? 0) + 1
  counts.set(address, count)
  return count > RATE
}

function logLine(address: string, method: string, path: string, status: number): void {
  batch += `${address} ${Date.now()} "${method} ${path}" ${status}\n`
  if (batch.length > BATCH_CHARS) writeBatch()
}

function writeBatch(): void {
  if (batch === '') return
  file.write(batch)
  batch = ''
}
