/**
 * Where the bytes of a TLS client are read to: the buffer all share while it sends heads, a fresh one for each read of
 * a body.
 *
 * Node lets nobody say so of a TLS socket around a plain one, though what is below it can: without this each read
 * allocates and goes through the queue of a stream, a twentieth of what a small request over TLS costs. What it
 * relies on is looked for before it is used; where it is not there the bytes come as 'data'.
 */
import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { ReadBuffers, Reader, SessionReadBuffer } from './read-buffer.ts'

/** A TLS record holds no more. */
const RECORD_MAX = 16_384

export class TlsReadBuffer implements SessionReadBuffer {
  reader: Reader | null = null
  /** What is kept of it, nobody keeps here. */
  readonly size = 0
  readonly #buffers: ReadBuffers
  #fresh = false
  #given: Buffer | null

  private constructor(buffers: ReadBuffers) {
    this.#buffers = buffers
    this.#given = buffers.shared
  }

  /**
   * @param socket that has finished its handshake
   * @returns null if this Node has no such way
   */
  static attach(socket: TLSSocket, buffers: ReadBuffers): TlsReadBuffer | null {
    // oxlint-disable-next-line no-underscore-dangle -- Node's name for it
    const handle = (socket as unknown as { _handle?: Partial<TlsHandle> | null })._handle
    if (names === null || typeof handle?.useUserBuffer !== 'function') return null
    const readBuffer = new TlsReadBuffer(buffers)
    Object.assign(socket, {
      [names.buffer]: buffers.shared,
      [names.callback]: readBuffer.callback,
      [names.generator]: readBuffer.buffer,
    })
    handle.useUserBuffer(buffers.shared)
    return readBuffer
  }

  get isOwn(): boolean {
    return this.#fresh
  }

  get isFresh(): boolean {
    return this.#fresh
  }

  takeOwn(): void {
    this.#fresh = true
  }

  giveOwn(): void {
    this.#fresh = false
  }

  readonly buffer = (): Buffer | undefined => {
    // Reading may go on after the socket was paused, as far as what was decrypted leads.
    if (this.#fresh) return (this.#given = Buffer.allocUnsafeSlow(RECORD_MAX))
    if (this.#given === this.#buffers.shared) return undefined
    return (this.#given = this.#buffers.shared)
  }

  readonly callback = (count: number, buffer: Buffer): boolean => {
    this.reader?.onBytes(buffer, count)
    return true
  }

  release(): void {
    this.reader = null
  }
}

interface TlsHandle {
  useUserBuffer(buffer: Buffer): void
}

interface Names {
  readonly buffer: symbol
  readonly callback: symbol
  readonly generator: symbol
}

/** Under which names a socket keeps what `onread` says; null if they are not the ones that are known. */
const names = findNames()

function findNames(): Names | null {
  const onread = { buffer: Buffer.alloc(1), callback: () => true }
  const socket = new Socket({ onread })
  const found = (name: string): symbol | undefined =>
    Object.getOwnPropertySymbols(socket).find(({ description }) => description === name)
  const [buffer, callback, generator] = [found('kBuffer'), found('kBufferCb'), found('kBufferGen')]
  if (buffer === undefined || callback === undefined || generator === undefined) return null
  const kept = socket as unknown as Record<symbol, unknown>
  const asExpected = kept[buffer] === onread.buffer && kept[callback] === onread.callback
  return asExpected ? { buffer, callback, generator } : null
}
