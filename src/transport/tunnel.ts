/**
 * Bytes both ways between two sockets, without a look at them.
 *
 * What one side sends is read only as fast as the other takes it, so a tunnel never holds more than
 * one read and what fits under the sockets' high-water mark (64 KiB each way). A side that says it is
 * done (FIN, or TLS close_notify) is passed on as just that; the other direction goes on. A side that
 * breaks takes the other with it, at once and with a reset, because the bytes still under way are not
 * the whole.
 */
import type { Socket } from 'node:net'
import type { Dialed } from './dial.ts'
import type { Held } from './held.ts'
import { listen, stopListening } from './listen.ts'
import type { PlainSocket } from './plain-socket.ts'
import type { ReadBuffer, Reader } from './read-buffer.ts'
import { reset } from './reset.ts'

const TUNNEL = Symbol('tunnel')

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

/** A socket that is an end of a tunnel. */
type End = Socket & { [TUNNEL]?: Tunnel }
type BackendEnd = (Socket | PlainSocket) & { [TUNNEL]?: Tunnel }

export class Tunnel implements Reader {
  /** Payload received from each side. */
  bytesFromClient = 0
  bytesFromBackend = 0
  readonly #client: End
  readonly #backend: BackendEnd
  readonly #readBuffer: ReadBuffer | null
  /** TLS: what it is given to write it encrypts at once, so the bytes need not stay. */
  readonly #clientEncrypts: boolean
  readonly #owner: TunnelOwner
  #open = true
  #closedCount = 0

  constructor(client: Socket, { socket: backend, readBuffer }: Dialed, owner: TunnelOwner) {
    this.#client = client
    this.#clientEncrypts = 'encrypted' in client
    this.#backend = backend
    this.#readBuffer = readBuffer
    this.#owner = owner
  }

  static readonly #clientListeners = {
    data(this: End, bytes: Buffer): void {
      const tunnel = this[TUNNEL]!
      tunnel.bytesFromClient += bytes.length
      tunnel.#owner.onClientBytes(bytes.length)
      if (!tunnel.#backend.write(bytes)) this.pause()
    },
    drain(this: End): void {
      const backend = this[TUNNEL]!.#backend
      if (backend.isPaused()) backend.resume()
    },
    end(this: End): void {
      this[TUNNEL]!.#backend.end()
    },
    error(this: End, error: NodeJS.ErrnoException): void {
      this[TUNNEL]!.#clientBroke(error.code ?? error.message)
    },
    close(this: End): void {
      const tunnel = this[TUNNEL]!
      if (isDone(this)) tunnel.#closedOne()
      else tunnel.#clientBroke('closed early')
    },
  }

  static readonly #backendListeners = {
    drain(this: BackendEnd): void {
      this[TUNNEL]!.#client.resume()
    },
    end(this: BackendEnd): void {
      this[TUNNEL]!.#client.end()
    },
    error(this: BackendEnd, error: NodeJS.ErrnoException): void {
      this[TUNNEL]!.#backendBroke(error.code ?? error.message)
    },
    close(this: BackendEnd): void {
      const tunnel = this[TUNNEL]!
      if (isDone(this)) tunnel.#closedOne()
      else tunnel.#backendBroke('closed early')
    },
  }

  /** Of a backend without a read buffer, besides. */
  static readonly #streamListeners = {
    data(this: End, bytes: Buffer): void {
      const tunnel = this[TUNNEL]!
      tunnel.bytesFromBackend += bytes.length
      tunnel.#owner.onBackendBytes(bytes.length)
      if (!tunnel.#client.write(bytes)) this.pause()
    },
  }

  /** From here on the tunnel hears what both sockets have to say. */
  start(): void {
    const client = this.#client
    const backend = this.#backend
    client[TUNNEL] = this
    backend[TUNNEL] = this
    listen(backend, Tunnel.#backendListeners)
    if (this.#readBuffer === null) listen(backend, Tunnel.#streamListeners)
    else this.#readBuffer.reader = this
    listen(client, Tunnel.#clientListeners)
    // The gate paused it, and then 'data' alone does not start the flow.
    if (client.isPaused()) client.resume()
    // An earlier tunnel of this session may have read it to its end.
    if (client.readableEnded) backend.end()
  }

  /** Adds what it holds of its backend's side now; the client's is its owner's. */
  hold(held: Held): void {
    held.fromBackend += this.#backend.readableLength + (this.#readBuffer?.size ?? 0)
    held.toBackend += this.#backend.writableLength
  }

  /** Cuts both sides, now; the owner hears nothing more. */
  cut(): void {
    this.#open = false
    this.#releaseBuffer()
    reset(this.#client)
    reset(this.#backend)
  }

  /** The backend's bytes, where they stand in a buffer which the next read overwrites. */
  onBytes(buffer: Buffer, count: number): boolean {
    const bytes = count === buffer.length ? buffer : buffer.subarray(0, count)
    this.bytesFromBackend += count
    this.#owner.onBackendBytes(count)
    return this.#clientEncrypts ? this.#writeEncrypted(bytes) : this.#writePlain(bytes)
  }

  #writePlain(bytes: Buffer): boolean {
    const client = this.#client
    const below = client.write(bytes)
    if (client.writableLength === 0) return true
    // The kernel did not take all of it: the rest is sent from where it stands.
    this.#backend.pause()
    // Only a write that reaches the high-water mark is followed by 'drain'.
    if (below) client.write(NOTHING, () => this.#open && this.#backend.resume())
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

  #clientBroke(cause: string): void {
    if (!this.#open) return
    this.cut()
    this.#owner.onClientBroke(cause)
  }

  #backendBroke(cause: string): void {
    if (!this.#open) return
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
    stopListening(client, Tunnel.#clientListeners)
  }

  #closedOne(): void {
    if (!this.#open) return
    if (++this.#closedCount < 2) return
    this.#open = false
    this.#releaseBuffer()
    this.#owner.onTunnelDone()
  }
}

/** It has read all there was and sent all it was given. */
function isDone(socket: Socket | PlainSocket): boolean {
  return socket.readableEnded && socket.writableFinished
}

const NOTHING = Buffer.alloc(0)
