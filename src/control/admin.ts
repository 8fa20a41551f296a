/**
 * The admin port: metrics, liveness and readiness, on main and apart from the data plane, so that it
 * answers while the workers are flooded.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Registry } from 'prom-client'
import type { Endpoint } from '../config/config.ts'
import { keepNewest } from './newest-connections.ts'

/** A scrape reads all counters of all workers: more than one a second shows nothing new. */
const METRICS_AGE_MS = 1000
const CONNECTIONS_MAX = 64

export interface AdminParts {
  readonly endpoint: Endpoint
  readonly registry: Registry
  /** Why weir is not ready for traffic; null if it is. */
  readonly notReady: () => string | null
  /** What there is to tell of one that is ready; '' for nothing. */
  readonly note: () => string
}

export class Admin {
  readonly #parts: AdminParts
  readonly #server: Server
  #metrics: Promise<string> | null = null
  #metricsMs = 0

  constructor(parts: AdminParts) {
    this.#parts = parts
    this.#server = createServer(
      {
        headersTimeout: 5000,
        requestTimeout: 10_000,
        keepAliveTimeout: 5000,
        maxHeaderSize: 8192,
        connectionsCheckingInterval: 1000,
      },
      (request, response) => void this.#answer(request, response),
    )
    keepNewest(this.#server, CONNECTIONS_MAX)
    this.#server.on('clientError', (_, socket) => socket.destroy())
  }

  /**
   * @returns the port
   * @throws with what to do if the port cannot be had
   */
  start(): Promise<number> {
    const { host, port } = this.#parts.endpoint
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#server.once('error', reject)
    this.#server.listen({ host, port }, () => {
      this.#server.off('error', reject)
      this.#server.on('error', () => {})
      resolve((this.#server.address() as AddressInfo).port)
    })
    return promise
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Cache-Control', 'no-store')
    response.setHeader('X-Content-Type-Options', 'nosniff')
    if (!this.#isOurName(request.headers.host))
      return text(response, 421, 'unknown host; use an IP address or localhost')
    const path = (request.url ?? '/').split('?', 1)[0]!
    if (!Object.hasOwn(pages, path))
      return text(response, 404, `no such page; there are ${Object.keys(pages).join(' ')}`)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      return text(response, 405, 'GET or HEAD only')
    }
    switch (path) {
      case '/metrics': {
        const { registry } = this.#parts
        const metrics = await this.#scrape().catch(() => null)
        if (metrics === null) return text(response, 500, 'the metrics could not be read')
        response.setHeader('Content-Type', registry.contentType)
        response.end(metrics)
        return
      }
      case '/readyz': {
        const why = this.#parts.notReady()
        const note = this.#parts.note()
        const ready = note === '' ? 'ready' : `ready; ${note}`
        return text(response, why === null ? 200 : 503, why ?? ready)
      }
      case '/healthz':
        return text(response, 200, 'ok')
      default:
        return text(
          response,
          200,
          Object.entries(pages)
            .map(([page, about]) => `${page}  ${about}`)
            .join('\n'),
        )
    }
  }

  /** One scrape at a time, for all who ask within a second. */
  #scrape(): Promise<string> {
    const now = performance.now()
    if (this.#metrics === null || now - this.#metricsMs > METRICS_AGE_MS) {
      this.#metricsMs = now
      this.#metrics = this.#parts.registry.metrics()
    }
    return this.#metrics
  }

  /** A page in a browser must not read metrics through a name that points here (DNS rebinding). */
  #isOurName(host: string | undefined): boolean {
    if (host === undefined) return true
    const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
    return isIP(name) !== 0 || name === 'localhost' || name === this.#parts.endpoint.host
  }
}

const pages: Readonly<Record<string, string>> = {
  '/': 'this page',
  '/metrics': 'Prometheus metrics',
  '/healthz': '200 while the process runs',
  '/readyz': '200 while it takes traffic, 503 and the reason if not',
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' })
  response.end(`${body}\n`)
}
