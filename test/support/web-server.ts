/** A web server for tests of what weir itself asks, whose answers a test can change while it runs. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import { reset } from '../../src/transport/reset.ts'

export interface WebServer {
  readonly url: string
  /** Requests that came, as `METHOD path`. */
  readonly seen: string[]
  /** Connections there ever were. */
  readonly accepted: () => number
  /** What it does with a request from now on. */
  answer: RequestListener
  /** Stops listening, and resets what is open. */
  stop(): Promise<void>
  /** Listens again, on the same port. */
  restart(): Promise<void>
}

export interface WebServerOptions {
  /** Speaks TLS with these. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

/** Answers with JSON. */
export function sayJson(value: unknown): RequestListener {
  return (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
  }
}

/** Answers by path; 404 for others. */
export function sayByPath(answers: Readonly<Record<string, unknown>>): RequestListener {
  return (request, response) => {
    const value = answers[request.url ?? '']
    if (value === undefined) response.writeHead(404).end()
    else sayJson(value)(request, response)
  }
}

export async function startWebServer(
  t: Test,
  answer: RequestListener,
  { tls }: WebServerOptions = {},
): Promise<WebServer> {
  const seen: string[] = []
  const open = new Set<Socket>()
  let accepted = 0
  const listener = (request: IncomingMessage, response: Parameters<RequestListener>[1]): void => {
    seen.push(`${request.method} ${request.url}`)
    server.answer(request, response)
  }
  const http = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  http.on('connection', (socket: Socket) => {
    accepted++
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  const stop = async (): Promise<void> => {
    if (!http.listening) return
    const closed = once(http, 'close')
    http.close()
    for (const socket of open) reset(socket)
    await closed
  }
  t.teardown(stop)
  const server: WebServer = {
    url: tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    seen,
    accepted: () => accepted,
    answer,
    stop,
    async restart() {
      http.listen(port, '127.0.0.1')
      await once(http, 'listening')
    },
  }
  return server
}
