/**
 * One attempt to reach a backend: TCP, then a PROXY header if asked for, then TLS if asked for,
 * all before one deadline.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import type { FaultCode } from '../core/errors.ts'
import { Deadline, type Deadlines } from './deadlines.ts'
import {
  OwnReadBuffer,
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

/** The socket of a backend. */
export interface Dialed {
  readonly socket: Socket
  /** Where its bytes arrive; null if they come as 'data', as those of a TLS socket do. */
  readonly readBuffer: ReadBuffer | null
}

export interface DialOwner {
  /** From now on the socket is the owner's. Its first bytes come later, never within this call. */
  onDialed(dialed: Dialed): void
  onDialFailed(code: FaultCode, cause: string): void
}

export class Dial {
  readonly #target: DialTarget
  readonly #owner: DialOwner
  readonly #deadlines: Deadlines
  readonly #deadline: Deadline
  #socket: Socket | null = null
  #readBuffer: ReadBuffer | null = null

  constructor(target: DialTarget, owner: DialOwner, deadlines: Deadlines) {
    this.#target = target
    this.#owner = owner
    this.#deadlines = deadlines
    this.#deadline = new Deadline(() => this.#timedOut())
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
    const onread =
      tls !== null ? null : shareBuffer ? new SharedReadBuffer(buffers) : new OwnReadBuffer(buffers)
    const options = { host: address, port, allowHalfOpen: true, noDelay: true }
    const socket = connect(onread === null ? options : { ...options, onread })
    this.#readBuffer = onread
    this.#socket = socket
    this.#deadlines.set(this.#deadline, timeoutMs)
    socket.on('error', error => this.#failed('WEIR_CONNECT_FAILED', error))
    socket.on('connect', () => {
      if (header !== null) socket.write(header)
      if (tls === null) this.#done(socket)
      else this.#startTls(socket, tls)
    })
  }

  /** Gives up; the owner hears nothing more. */
  cancel(): void {
    this.#deadlines.clear(this.#deadline)
    const socket = this.#socket
    this.#socket = null
    if (socket === null) return
    // Its last error may still be on the way, and nobody else listens.
    socket.removeAllListeners()
    socket.on('error', ignore)
    socket.destroy()
    this.#readBuffer?.release(true)
  }

  #startTls(raw: Socket, tls: BackendTls): void {
    raw.removeAllListeners('error')
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
    socket.on('error', error => this.#failed('WEIR_BACKEND_TLS', error))
    socket.on('end', () => this.#failed('WEIR_BACKEND_TLS', new Error('closed in the handshake')))
    socket.on('secureConnect', () => this.#done(socket))
  }

  #done(socket: Socket): void {
    this.#deadlines.clear(this.#deadline)
    this.#socket = null
    socket.removeAllListeners('error')
    socket.removeAllListeners('connect')
    socket.removeAllListeners('secureConnect')
    this.#owner.onDialed({ socket, readBuffer: this.#readBuffer })
  }

  #failed(code: FaultCode, error: NodeJS.ErrnoException): void {
    if (this.#socket === null) return
    this.cancel()
    this.#owner.onDialFailed(code, error.code ?? error.message)
  }

  #timedOut(): void {
    const { name, timeoutMs } = this.#target
    this.cancel()
    this.#owner.onDialFailed('WEIR_CONNECT_TIMEOUT', `${name} took over ${timeoutMs} ms`)
  }
}

function ignore(): void {}
