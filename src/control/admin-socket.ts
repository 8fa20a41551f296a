/**
 * The admin socket: a Unix socket for whoever runs weir, JSON over HTTP. What changes anything is here, and not on the
 * admin port.
 *
 * Who may open it is said by its mode, 0600, from the moment it exists. One that a dead process left is replaced, that
 * of a living one is not.
 */
import { lstatSync, unlinkSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { type Endpoint, EndpointError } from './endpoint.ts'
import { keepNewest } from './newest-connections.ts'

const OWNER_ONLY = 0o177
const BODY_MAX = 65_536
const CONNECTIONS_MAX = 16

export class AdminSocket {
  readonly #path: string
  readonly #endpoints: readonly Endpoint[]
  readonly #server: Server

  constructor(path: string, endpoints: readonly Endpoint[]) {
    this.#path = path
    this.#endpoints = endpoints
    this.#server = createServer(
      { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 1000, maxHeaderSize: 8192 },
      (request, response) => void this.#answer(request, response),
    )
    keepNewest(this.#server, CONNECTIONS_MAX)
    this.#server.on('clientError', (_, socket) => socket.destroy())
  }

  /** @throws with what to do if the path cannot be had */
  async start(): Promise<void> {
    await this.#clearPath()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    // The socket is made within listen(): nobody else may open it, not even for a moment.
    const umask = process.umask(OWNER_ONLY)
    try {
      this.#server.listen(this.#path, resolve)
    } finally {
      process.umask(umask)
    }
    try {
      await promise
    } catch (error) {
      throw new Error(this.#explain(error as NodeJS.ErrnoException), { cause: error })
    }
    this.#server.off('error', reject)
    this.#server.on('error', () => {})
  }

  /** Takes the path away with it. */
  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #clearPath(): Promise<void> {
    const found = lstatSync(this.#path, { throwIfNoEntry: false })
    if (found === undefined) return
    if (!found.isSocket()) {
      throw new Error(`${this.#path} is there and no socket; choose another --admin-socket`)
    }
    if (await isAlive(this.#path)) {
      throw new Error(
        `${this.#path} is the socket of a process that runs; stop it, or choose another --admin-socket`,
      )
    }
    unlinkSync(this.#path)
  }

  #explain({ code, message }: NodeJS.ErrnoException): string {
    if (code === 'EACCES' || code === 'EPERM') {
      return `${this.#path} cannot be made: not permitted; choose a folder that weir may write to`
    }
    if (code === 'ENOENT') return `${this.#path} cannot be made: there is no such folder`
    if (code === 'EINVAL' || code === 'ENAMETOOLONG') {
      return `${this.#path} is too long for a socket, 107 bytes at most`
    }
    return `${this.#path} cannot be made: ${message}`
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body } = await this.#handle(request).catch((error: unknown) => {
      // Of ours as well: whoever asks for something odd must not end weir.
      const status = error instanceof EndpointError ? error.status : 500
      return { status, body: { error: (error as Error).message } }
    })
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    response.end(`${JSON.stringify(body)}\n`)
  }

  async #handle(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const url = URL.parse(request.url ?? '/', 'http://weir')
    if (url === null) throw new EndpointError(400, 'the path cannot be read')
    const here = this.#endpoints.filter(({ path }) => path === url.pathname)
    if (here.length === 0) {
      const paths = new Set(this.#endpoints.map(({ path }) => path))
      throw new EndpointError(404, `no ${url.pathname}; there are ${[...paths].join(' ')}`)
    }
    const endpoint = here.find(({ method }) => method === request.method)
    if (endpoint === undefined) {
      throw new EndpointError(405, `${here.map(({ method }) => method).join(' or ')} only`)
    }
    return { status: 200, body: await endpoint.handle(url.searchParams, await readBody(request)) }
  }
}

/** @returns undefined for none */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const tooLarge = new EndpointError(413, `the body is larger than ${BODY_MAX} bytes`)
  if (Number(request.headers['content-length'] ?? 0) > BODY_MAX) throw tooLarge
  // In chunks it does not say how large it is.
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > BODY_MAX) throw tooLarge
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks).toString()
  if (body === '') return undefined
  try {
    return JSON.parse(body)
  } catch {
    throw new EndpointError(400, 'the body is no JSON')
  }
}

function isAlive(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(path)
  socket.on('connect', () => resolve(true))
  // Who may not even open it does not know that it is dead.
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  return promise.finally(() => socket.destroy())
}
