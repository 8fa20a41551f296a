/** HTTP backends for the flow tests, whose behaviour a test can change while they run. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, isIPv6, type Socket } from 'node:net'
import type { Test } from 'tap'
import { reset } from '../../src/transport/reset.ts'

export interface HttpBackend {
  readonly url: string
  readonly port: number
  /** Requests that came, the whole of their heads. */
  readonly seen: IncomingMessage[]
  /** Connections that are open. */
  readonly open: ReadonlySet<Socket>
  /** Connections there ever were. */
  readonly accepted: () => number
  /** What it does with a request from now on. */
  answer: RequestListener
  /** Stops listening and resets what is open, as a killed process would. */
  kill(): Promise<void>
}

/** Answers with its name. */
export function sayName(name: string): RequestListener {
  return (_, response) => response.end(name)
}

/** Answers with a status of its own. */
export function say(status: number, afterMs = 0): RequestListener {
  return (_, response) => {
    setTimeout(() => response.writeHead(status).end(), afterMs)
  }
}

export async function startHttpBackend(
  t: Test,
  answer: RequestListener,
  { host = '127.0.0.1', keepAliveMs = 60_000 } = {},
): Promise<HttpBackend> {
  const open = new Set<Socket>()
  const seen: IncomingMessage[] = []
  let accepted = 0
  const server: Server = createServer((request, response) => {
    seen.push(request)
    backend.answer(request, response)
  })
  server.keepAliveTimeout = keepAliveMs
  server.on('connection', (socket: Socket) => {
    accepted++
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const kill = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of open) reset(socket)
    await closed
  }
  t.teardown(kill)
  const url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
  const backend: HttpBackend = { url, port, seen, open, accepted: () => accepted, answer, kill }
  return backend
}
