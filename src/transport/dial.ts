/**
 * One attempt to reach a backend: TCP, then a PROXY header if asked for, then TLS if asked for,
 * all before one deadline.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import type { FaultCode } from '../core/errors.ts'
import { Deadline, type DeadlineOwner, type Deadlines } from './deadlines.ts'
import type { Listeners } from './hearers.ts'
import { listen, stopListening } from './listen.ts'
import { PlainSocket } from './plain-socket.ts'
import {
  onread,
  OwnReadBuffer,
  type PlainReadBuffer,
  type ReadBuffer,
  type ReadBuffers,
  SharedReadBuffer,
} from './read-buffer.ts'

/** How a backend is reached; made once, shared by all dials to it. */
export interface DialTarget {
  readonly name: string
  /** IP address; null while the name has not been resolved. */
  address: string | null
  readonly port: number
  readonly timeoutMs: number
  /** null for plain TCP. */
  readonly tls: BackendTls | null
}

export interface BackendTls {
  readonly secureContext: SecureContext
  /** Sent as SNI unless it is an IP address, and verified in the certificate. */
  readonly serverName: string
  readonly isAddress: boolean
  readonly insecure: boolean
}

/** The socket of a backend: one of Node under TLS, else one of weir's own. */
export interface Dialed {
  readonly socket: Socket | PlainSocket
  /** Where its bytes arrive; null if they come as 'data', as those of a TLS socket do. */
  readonly readBuffer: ReadBuffer | null
}

export interface DialOwner {
  /** From now on the socket is the owner's. Its first bytes come later, never within this call. */
  onDialed(dialed: Dialed): void
  onDialFailed(code: FaultCode, cause: string): void
}

const DIAL = Symbol('dial')

/** A socket knows the dial it belongs to until that is over. */
type Dialing = (Socket | PlainSocket) & { [DIAL]?: Dial | null }

export class Dial implements DeadlineOwner {
  readonly #target: DialTarget
  readonly #owner: DialOwner
  readonly #deadlines: Deadlines
  readonly #deadline: Deadline
  #socket: Dialing | null = null
  #readBuffer: PlainReadBuffer | null = null
  /** The PROXY header. */
  #header: Buffer | null = null
  #listeners: Listeners = {}

  constructor(target: DialTarget, owner: DialOwner, deadlines: Deadlines) {
    this.#target = target
    this.#owner = owner
    this.#deadlines = deadlines
    this.#deadline = new Deadline(this)
  }

  /**
   * @param header  the PROXY header, sent before anything else; null for none
   * @param shareBuffer the bytes of the backend are done with when the reader returns
   */
  start(header: Buffer | null, buffers: ReadBuffers, shareBuffer: boolean): void {
    const { address, port, timeoutMs, tls, name } = this.#target
    if (address === null) {
      this.#owner.onDialFailed('WEIR_BACKEND_UNRESOLVED', `${name} has no address yet`)
      return
    }
    this.#header = header
    this.#deadlines.set(this.#deadline, timeoutMs)
    if (tls === null) {
      this.#readBuffer = shareBuffer ? new SharedReadBuffer(buffers) : new OwnReadBuffer(buffers)
    }
    const socket = open(address, port, this.#readBuffer)
    this.#socket = socket
    this.#hear(socket, Dial.#plainListeners)
  }

  static readonly #plainListeners = {
    error(this: Dialing, error: Error): void {
      this[DIAL]!.#failed('WEIR_CONNECT_FAILED', error)
    },
    connect(this: Dialing): void {
      this[DIAL]!.#connected(this)
    },
  }

  static readonly #tlsListeners = {
    error(this: Dialing, error: Error): void {
      this[DIAL]!.#failed('WEIR_BACKEND_TLS', error)
    },
    end(this: Dialing): void {
      this[DIAL]!.#failed('WEIR_BACKEND_TLS', new Error('closed in the handshake'))
    },
    secureConnect(this: Dialing): void {
      this[DIAL]!.#done(this)
    },
  }

  /** Gives up; the owner hears nothing more. */
  cancel(): void {
    this.#deadlines.clear(this.#deadline)
    const socket = this.#socket
    this.#socket = null
    if (socket === null) return
    this.#unhear(socket)
    // The last error of Node's may still be on the way, and nobody else listens.
    if (!(socket instanceof PlainSocket)) socket.on('error', ignore)
    socket.destroy()
    this.#readBuffer?.release(true)
  }

  #connected(socket: Dialing): void {
    const { tls } = this.#target
    if (this.#header !== null) socket.write(this.#header)
    if (tls === null || socket instanceof PlainSocket) this.#done(socket)
    else this.#startTls(socket, tls)
  }

  #startTls(raw: Socket, tls: BackendTls): void {
    this.#unhear(raw)
    // The TLS socket reports what happens to the raw one.
    raw.on('error', ignore)
    const socket = connectTls({
      socket: raw,
      secureContext: tls.secureContext,
      host: tls.serverName,
      ...(tls.isAddress ? {} : { servername: tls.serverName }),
      rejectUnauthorized: !tls.insecure,
    })
    // tls.connect() takes allowHalfOpen from its options only where it makes the socket itself.
    socket.allowHalfOpen = true
    this.#socket = socket
    this.#hear(socket, Dial.#tlsListeners)
  }

  #done(socket: Dialing): void {
    this.#deadlines.clear(this.#deadline)
    this.#socket = null
    this.#unhear(socket)
    this.#owner.onDialed({ socket, readBuffer: this.#readBuffer })
  }

  #hear(socket: Dialing, listeners: Listeners): void {
    socket[DIAL] = this
    this.#listeners = listeners
    listen(socket, listeners)
  }

  /** One by one: `removeAllListeners()` makes of the socket's table of listeners a slow one, four times as large. */
  #unhear(socket: Dialing): void {
    socket[DIAL] = null
    stopListening(socket, this.#listeners)
  }

  #failed(code: FaultCode, error: NodeJS.ErrnoException): void {
    if (this.#socket === null) return
    this.cancel()
    this.#owner.onDialFailed(code, error.code ?? error.message)
  }

  /** It took too long. */
  onDeadline(): void {
    const { name, timeoutMs } = this.#target
    this.cancel()
    this.#owner.onDialFailed('WEIR_CONNECT_TIMEOUT', `${name} took over ${timeoutMs} ms`)
  }
}

/** @param readBuffer null for a socket of Node, as TLS needs it */
function open(
  address: string,
  port: number,
  readBuffer: PlainReadBuffer | null,
): Socket | PlainSocket {
  const options = { host: address, port, allowHalfOpen: true, noDelay: true }
  if (readBuffer === null) return connect(options)
  return (
    PlainSocket.dial(address, port, readBuffer) ??
    connect({ ...options, onread: onread(readBuffer) })
  )
}

function ignore(): void {}
