/**
 * Bytes both ways between two sockets, without a look at them.
 *
 * What one side sends is read only as fast as the other takes it, so a tunnel never holds more than
 * one read and what fits under the sockets' high-water mark (64 KiB each way). A side that says it is done (FIN, or TLS
 * close_notify) is passed on as just that; the other direction goes on. A side that breaks takes the
 * other with it, at once and with a reset, because the bytes still under way are not the whole.
 */
import type { Socket } from 'node:net'
import type { Dialed } from './dial.ts'
import type { ReadBuffer } from './read-buffer.ts'

/** Whoever owns the tunnel. */
export interface TunnelOwner {
  onClientBytes(count: number): void
  onBackendBytes(count: number): void
  /** Both sides are done and closed. */
  onTunnelDone(): void
  onClientBroke(cause: string): void
  /**
   * @param untouched no byte had gone either way: the client is still there, as before, and the
   *   session may be tried on another backend
   */
  onBackendBroke(cause: string, untouched: boolean): void
}

export class Tunnel {
  /** Payload received from each side. */
  bytesFromClient = 0
  bytesFromBackend = 0
  readonly #client: Socket
  readonly #backend: Socket
  readonly #readBuffer: ReadBuffer | null
  /** TLS: what it is given to write it encrypts at once, so the bytes need not stay. */
  readonly #clientEncrypts: boolean
  readonly #owner: TunnelOwner
  #open = true
  #closedCount = 0

  readonly #onClientData = (bytes: Buffer): void => {
    this.bytesFromClient += bytes.length
    this.#owner.onClientBytes(bytes.length)
    if (!this.#backend.write(bytes)) this.#client.pause()
  }
  readonly #onBackendData = (bytes: Buffer): void => {
    this.bytesFromBackend += bytes.length
    this.#owner.onBackendBytes(bytes.length)
    if (!this.#client.write(bytes)) this.#backend.pause()
  }
  /** The same for bytes that stand in a buffer which the next read overwrites. */
  readonly #onBackendBytes = (bytes: Buffer): boolean => {
    this.bytesFromBackend += bytes.length
    this.#owner.onBackendBytes(bytes.length)
    return this.#clientEncrypts ? this.#writeEncrypted(bytes) : this.#writePlain(bytes)
  }
  readonly #onClientDrain = (): void => {
    if (this.#backend.isPaused()) this.#backend.resume()
  }
  readonly #onBackendDrain = (): void => void this.#client.resume()
  readonly #onClientEnd = (): void => void this.#backend.end()
  readonly #onBackendEnd = (): void => void this.#client.end()
  readonly #onClientError = (error: NodeJS.ErrnoException): void => {
    if (!this.#open) return
    this.cut()
    this.#owner.onClientBroke(error.code ?? error.message)
  }
  readonly #onBackendError = (error: NodeJS.ErrnoException): void => {
    if (this.#open) this.#backendBroke(error.code ?? error.message)
  }
  readonly #onClientClose = (): void => {
    if (!this.#open) return
    if (isDone(this.#client)) return this.#closedOne()
    this.cut()
    this.#owner.onClientBroke('closed early')
  }
  readonly #onBackendClose = (): void => {
    if (!this.#open) return
    if (isDone(this.#backend)) this.#closedOne()
    else this.#backendBroke('closed early')
  }

  constructor(client: Socket, { socket: backend, readBuffer }: Dialed, owner: TunnelOwner) {
    this.#client = client
    this.#clientEncrypts = 'encrypted' in client
    this.#backend = backend
    this.#readBuffer = readBuffer
    this.#owner = owner
  }

  /** From here on the tunnel hears what both sockets have to say. */
  start(): void {
    const client = this.#client
    const backend = this.#backend
    backend.on('error', this.#onBackendError)
    backend.on('close', this.#onBackendClose)
    backend.on('end', this.#onBackendEnd)
    backend.on('drain', this.#onBackendDrain)
    if (this.#readBuffer === null) backend.on('data', this.#onBackendData)
    else this.#readBuffer.onBytes = this.#onBackendBytes
    client.on('error', this.#onClientError)
    client.on('close', this.#onClientClose)
    client.on('end', this.#onClientEnd)
    client.on('drain', this.#onClientDrain)
    client.on('data', this.#onClientData)
    // The gate paused it, and then 'data' alone does not start the flow.
    if (client.isPaused()) client.resume()
    // An earlier tunnel of this session may have read it to its end.
    if (client.readableEnded) backend.end()
  }

  /** Cuts both sides, now; the owner hears nothing more. */
  cut(): void {
    this.#open = false
    this.#releaseBuffer()
    reset(this.#client)
    reset(this.#backend)
  }

  #writePlain(bytes: Buffer): boolean {
    const client = this.#client
    const below = client.write(bytes)
    if (client.writableLength === 0) return true
    // The kernel did not take all of it: the rest is sent from where it stands.
    this.#backend.pause()
    // Only a write that reaches the high-water mark is followed by 'drain'.
    if (below) client.write(NOTHING, this.#onClientDrain)
    return false
  }

  #writeEncrypted(bytes: Buffer): boolean {
    const client = this.#client
    // Behind an earlier write that is still under way it would wait as it is.
    const kept = client.writableLength === 0 ? bytes : Buffer.from(bytes)
    if (!client.write(kept)) this.#backend.pause()
    return true
  }

  #releaseBuffer(): void {
    this.#readBuffer?.release(this.#clientEncrypts || this.#client.writableLength === 0)
  }

  #backendBroke(cause: string): void {
    const untouched = this.bytesFromClient === 0 && this.bytesFromBackend === 0
    if (untouched && !this.#client.destroyed && this.#client.writable) {
      this.#letGoOfClient()
      this.#releaseBuffer()
      reset(this.#backend)
      this.#owner.onBackendBroke(cause, true)
    } else {
      this.cut()
      this.#owner.onBackendBroke(cause, false)
    }
  }

  #letGoOfClient(): void {
    this.#open = false
    const client = this.#client
    client.pause()
    client.off('error', this.#onClientError)
    client.off('close', this.#onClientClose)
    client.off('end', this.#onClientEnd)
    client.off('drain', this.#onClientDrain)
    client.off('data', this.#onClientData)
  }

  #closedOne(): void {
    if (++this.#closedCount < 2) return
    this.#open = false
    this.#releaseBuffer()
    this.#owner.onTunnelDone()
  }
}

/** It has read all there was and sent all it was given. */
function isDone(socket: Socket): boolean {
  return socket.readableEnded && socket.writableFinished
}

/** Closes with RST where that is possible: on TLS, leaving out close_notify says the same. */
function reset(socket: Socket): void {
  if (socket.destroyed) return
  if ('encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}

const NOTHING = Buffer.alloc(0)
