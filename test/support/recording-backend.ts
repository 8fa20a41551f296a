/**
 * A backend that keeps every byte it was sent, beside what Node's own server made of them: the second reader of
 * what weir forwards, over a real socket.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import type { ReadMessage } from './llhttp.ts'

export interface Recording {
  /** Bytes by connection, latin1; connections in the order in which they were first written to. */
  readonly bytes: readonly string[]
  /** Whole requests, as Node's server read them. */
  readonly messages: readonly ReadMessage[]
}

export interface RecordingBackend {
  readonly port: number
  readonly url: string
  /** Connections that are open. */
  readonly open: ReadonlySet<Socket>
  /** What came since the last call, of all connections. */
  take(): Recording
  /** A byte came since the last {@link take}. */
  readonly hasHeard: () => boolean
}

const HEAD_MAX = 65_536

/** Answers each whole request with 200 and `ok`. */
export async function startRecordingBackend(t: Test): Promise<RecordingBackend> {
  const open = new Set<Socket>()
  let heard = new Map<Socket, string>()
  let messages: ReadMessage[] = []
  const server = createServer({ maxHeaderSize: HEAD_MAX }, (request, response) => {
    const body: Buffer[] = []
    request.on('data', (bytes: Buffer) => body.push(bytes))
    request.on('error', () => {})
    request.on('end', () => {
      messages.push(messageOf(request, Buffer.concat(body).toString('latin1')))
      response.end('ok')
    })
  })
  server.maxHeadersCount = 0
  server.keepAliveTimeout = 60_000
  // Behind the server's own listener: from here on its bytes are told to both.
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('data', (bytes: Buffer) => {
      heard.set(socket, (heard.get(socket) ?? '') + bytes.toString('latin1'))
    })
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
  })
  server.on('clientError', (_, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    open,
    hasHeard: () => heard.size > 0,
    take() {
      const recording = { bytes: [...heard.values()], messages }
      heard = new Map()
      messages = []
      return recording
    },
  }
}

function messageOf(request: IncomingMessage, body: string): ReadMessage {
  const { method = '', url = '', httpVersion, rawHeaders } = request
  const fields: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    fields.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
  }
  return { line: `${method} ${url} HTTP/${httpVersion}`, fields, body }
}

/** Of a request that weir wrote: what the client said, without Host and what weir adds. */
export function clientFields({ fields }: ReadMessage): string[] {
  const ours = /^(?:Host|X-Forwarded-\w+|Forwarded|X-Request-Id|traceparent|Via): /
  return fields.filter(field => !ours.test(field))
}

export function hostOf({ fields }: ReadMessage): string | undefined {
  return fields.find(field => field.startsWith('Host: '))?.slice('Host: '.length)
}
