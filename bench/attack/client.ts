/**
 * Clients that behave, a process: `node bench/attack/client.ts ORDER`, where ORDER is JSON. Each makes requests when
 * they are due, whether the last was answered or not: a proxy that stalls delays all that fall due meanwhile, and
 * each counts from then. Prints every request when it ends.
 */
import { Agent, request as requestHttp } from 'node:http'
import { Agent as SecureAgent, request as requestHttps } from 'node:https'
import { politeSource } from './sources.ts'

export interface ClientOrder {
  readonly port: number
  readonly secure: boolean
  readonly seconds: number
  /** Sent with each request; '' for none. */
  readonly apiKey: string
}

/** When it was due, ms since 1970; how long it took, ms; and what came if it was not served, '' if it was. */
export type PoliteRequest = readonly [dueMs: number, tookMs: number, failure: string]

const CLIENTS = 5
const PER_SECOND = 20
/** As browsers have. */
const SOCKETS_MAX = 6
/** Who waits longer has gone away. */
const PATIENCE_MS = 2000
/** Connections are kept for so many requests: pages are left, and come back to. */
const REQUESTS_PER_CONNECTION = 10
const OK = 200

class Client {
  readonly #order: ClientOrder
  readonly #agent: Agent | SecureAgent
  readonly #requests: PoliteRequest[]
  #sent = 0

  constructor(order: ClientOrder, number: number, requests: PoliteRequest[]) {
    const options = { keepAlive: true, maxSockets: SOCKETS_MAX, localAddress: politeSource(number) }
    this.#order = order
    this.#agent = order.secure
      ? new SecureAgent({ ...options, rejectUnauthorized: false })
      : new Agent(options)
    this.#requests = requests
  }

  request(dueMs: number): void {
    if (this.#sent++ % REQUESTS_PER_CONNECTION === 0) this.#leave()
    const { port, secure, apiKey } = this.#order
    const headers = apiKey === '' ? {} : { 'x-api-key': apiKey }
    const options = { port, host: '127.0.0.1', agent: this.#agent, headers, path: '/' }
    let isOver = false
    const end = (failure: string): void => {
      if (isOver) return
      isOver = true
      clearTimeout(patience)
      this.#requests.push([dueMs, performance.timeOrigin + performance.now() - dueMs, failure])
    }
    const request = secure ? requestHttps(options) : requestHttp(options)
    const patience = setTimeout(() => {
      end('timeout')
      request.destroy()
    }, PATIENCE_MS)
    request.on('response', response => {
      const { statusCode } = response
      response.on('end', () => end(statusCode === OK ? '' : `status ${statusCode}`))
      response.on('error', () => end('cut'))
      response.resume()
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      end(`${error.code}${request.reusedSocket ? ', kept' : ''}`)
    })
    request.end()
  }

  /** Lets the connections go that wait for another request. */
  #leave(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy()
    }
  }
}

async function behave(order: ClientOrder): Promise<PoliteRequest[]> {
  const requests: PoliteRequest[] = []
  const clients = Array.from({ length: CLIENTS }, (_, n) => new Client(order, n, requests))
  const everyMs = 1000 / (PER_SECOND * CLIENTS)
  const startMs = performance.timeOrigin + performance.now()
  const total = Math.round((order.seconds * 1000) / everyMs)
  for (let n = 0; n < total; n++) {
    const dueMs = startMs + n * everyMs
    const early = dueMs - performance.timeOrigin - performance.now()
    // Whole milliseconds, and never early: what is sent before it is due would count as faster than it was.
    if (early > 0) await new Promise(resolve => setTimeout(resolve, Math.ceil(early)))
    clients[n % CLIENTS]!.request(dueMs)
  }
  await new Promise(resolve => setTimeout(resolve, PATIENCE_MS + 100))
  return requests
}

const requests = await behave(JSON.parse(process.argv[2] ?? '{}') as ClientOrder)
process.stdout.write(`${JSON.stringify(requests)}\n`, () => process.exit(0))
