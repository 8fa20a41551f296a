/** Clients for the flow tests. */
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'

export interface ClientOptions {
  readonly host?: string
  /** Source address, to be another client. */
  readonly from?: string
}

/** @throws the system's error if it does not connect */
export async function dial(
  port: number,
  { host = '127.0.0.1', from }: ClientOptions = {},
): Promise<Socket> {
  const options: NetConnectOpts = { port, host, allowHalfOpen: true }
  const socket = connect(from === undefined ? options : { ...options, localAddress: from })
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}

/** @throws the handshake's error */
export async function dialTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ...options })
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

/** Sends `bytes`, says it is done, and reads to the end. @throws what broke it */
export async function exchange(socket: Socket, bytes: string | Buffer): Promise<string> {
  socket.end(bytes)
  return (await readAll(socket)).toString('latin1')
}

export async function readAll(socket: Socket): Promise<Buffer> {
  // Not `for await`: it destroys a socket whose other half is still wanted.
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('end', resolve)
  socket.once('error', reject)
  socket.once('close', () => reject(new Error('closed before its end')))
  await promise
  return Buffer.concat(chunks)
}

/** The next bytes, at least `length` of them. */
export async function read(socket: Socket, length: number): Promise<string> {
  let text = ''
  while (text.length < length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    text += chunk.toString('latin1')
  }
  return text
}

/** Reads to the end. @returns the code of what broke it, or 'closed' */
export function brokenOff(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let code = 'closed'
  socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code ?? error.message))
  socket.once('end', () => socket.end())
  socket.once('close', () => resolve(code))
  socket.resume()
  return promise
}

/** How a connection ended that was not served: reset, closed, or the code of another error. */
export async function ending(
  port: number,
  options: ClientOptions = {},
  send?: string | Buffer,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({
    port,
    host: options.host ?? '127.0.0.1',
    ...(options.from === undefined ? {} : { localAddress: options.from }),
  })
  let got = Buffer.alloc(0)
  socket.on('connect', () => {
    if (send !== undefined) socket.write(send)
  })
  socket.on('data', (chunk: Buffer) => (got = Buffer.concat([got, chunk])))
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  socket.on('close', () =>
    resolve(got.length > 0 ? `closed after ${got.toString('hex')}` : 'closed'),
  )
  return promise
}
