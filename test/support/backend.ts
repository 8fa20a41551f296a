/** Backends for the flow tests: small real servers that can be killed and come back. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Test } from 'tap'
import { reset } from '../../src/transport/reset.ts'

export interface Backend {
  readonly port: number
  readonly url: string
  /** Connections that brought at least a byte: probes bring none. */
  readonly served: () => number
  readonly open: ReadonlySet<Socket>
  /** Stops listening and resets what is open, as a killed process would. */
  kill(): Promise<void>
  /** Listens again on the same port. */
  revive(): Promise<void>
}

type Serve = (socket: Socket) => void

/** Sends back what it gets, and ends when the client does. */
export function echo(socket: Socket): void {
  socket.pipe(socket)
}

/** Answers the first bytes with its name, and closes. */
export function named(name: string): Serve {
  return socket => {
    socket.once('data', () => socket.end(name))
  }
}

/** Answers with all that it was sent, once the client is done. */
export function recorder(socket: Socket): void {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('end', () => socket.end(Buffer.concat(chunks)))
}

export interface BackendOptions {
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly host?: string
}

export async function startBackend(
  t: Test,
  serve: Serve,
  { tls, host = '127.0.0.1' }: BackendOptions = {},
): Promise<Backend> {
  const open = new Set<Socket>()
  let served = 0
  const track = (socket: Socket): void => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
  }
  const accept = (socket: Socket): void => {
    socket.on('error', () => {})
    socket.once('data', () => served++)
    serve(socket)
  }
  const make = (): Server => {
    const server =
      tls === undefined
        ? createServer({ allowHalfOpen: true }, accept)
        : createTlsServer({ ...tls, allowHalfOpen: true }, accept)
    // Of a TLS server too these are the plain sockets, handshakes that fail included.
    server.on('connection', track)
    server.on('tlsClientError', () => {})
    return server
  }
  let server = make()
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
  return {
    port,
    url: `${tls === undefined ? 'tcp' : 'tls'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    served: () => served,
    open,
    kill,
    async revive() {
      server = make()
      server.listen(port, host)
      await once(server, 'listening')
    },
  }
}
