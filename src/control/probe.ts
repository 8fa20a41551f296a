/** One probe of one backend: a connection, a handshake or a request, before a deadline. */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import { type BackendConfig, type ProbeConfig, type SendProxy, usesTls } from '../config/config.ts'

/** A status line is shorter; a backend that sends more without one is not speaking HTTP. */
const ANSWER_BYTES_MAX = 8192

/** "This is no client's connection": UNKNOWN in version 1, LOCAL in version 2. */
const proxyHeaders = {
  off: null,
  v1: Buffer.from('PROXY UNKNOWN\r\n'),
  v2: Buffer.from([...Buffer.from('\r\n\r\n\0\r\nQUIT\n'), 0x20, 0, 0, 0]),
} as const satisfies Record<SendProxy, Buffer | null>

export interface ProbeTarget {
  readonly backend: BackendConfig
  readonly probe: ProbeConfig
  readonly sendProxy: SendProxy
  /** Of tls:// backends. */
  readonly secureContext: SecureContext | null
}

/** @returns null if the backend is well, else the cause, for the log */
export function probe(target: ProbeTarget, address: string): Promise<string | null> {
  const { backend, probe: config, sendProxy } = target
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const raw = connect({ host: address, port: backend.port })
  let socket: Socket = raw
  const finish = (cause: string | null): void => {
    clearTimeout(timer)
    // The TLS socket first: to close the plain one below it from within 'secureConnect' crashes Node.
    socket.destroy()
    raw.destroy()
    resolve(cause)
  }
  const timer = setTimeout(
    () => finish(`no answer within ${config.timeoutMs} ms`),
    config.timeoutMs,
  )
  raw.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message))
  raw.on('connect', () => {
    const header = proxyHeaders[sendProxy]
    if (config.kind === 'tcp') {
      // A backend that waits for the header would log an error for each probe without one.
      if (header === null) finish(null)
      else raw.end(header, () => finish(null))
      return
    }
    if (header !== null) raw.write(header)
    if (config.kind === 'tls' || usesTls(backend.scheme))
      socket = startTls(raw, target, ready, finish)
    else ready()
  })
  const ready = (): void => {
    if (config.kind === 'http') ask(socket, backend, config, finish)
    else finish(null)
  }
  return promise
}

function startTls(
  raw: Socket,
  { backend, secureContext }: ProbeTarget,
  ready: () => void,
  finish: (cause: string | null) => void,
): Socket {
  const socket = connectTls({
    socket: raw,
    host: backend.serverName,
    ...(secureContext === null ? {} : { secureContext }),
    ...(isIP(backend.serverName) === 0 ? { servername: backend.serverName } : {}),
    // A tls probe of a tcp:// backend asks only whether TLS is spoken there.
    rejectUnauthorized: usesTls(backend.scheme) && !backend.insecure,
  })
  socket.on('error', (error: NodeJS.ErrnoException) =>
    finish(`TLS: ${error.code ?? error.message}`),
  )
  socket.on('close', () => finish('TLS: closed in the handshake'))
  socket.on('secureConnect', ready)
  return socket
}

function ask(
  socket: Socket,
  backend: BackendConfig,
  config: ProbeConfig,
  finish: (cause: string | null) => void,
): void {
  let answer = ''
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString('latin1')
    const end = answer.indexOf('\n')
    if (end !== -1) finish(judge(answer.slice(0, end), config))
    else if (answer.length > ANSWER_BYTES_MAX) finish('no HTTP status line')
  })
  socket.on('end', () => finish('closed without an answer'))
  socket.write(
    `GET ${config.path} HTTP/1.1\r\nHost: ${config.host || backend.name}\r\n` +
      'User-Agent: weir-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n',
  )
}

/** @param line the status line, RFC 9112 §4 */
function judge(line: string, { statusMin, statusMax }: ProbeConfig): string | null {
  const match = /^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(line)
  if (match === null) return 'no HTTP status line'
  const status = Number(match[1])
  if (status >= statusMin && status <= statusMax) return null
  return `status ${status}, not ${statusMin === statusMax ? statusMin : `${statusMin}-${statusMax}`}`
}
