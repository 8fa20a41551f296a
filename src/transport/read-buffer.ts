/**
 * Where the bytes of a backend are read to: buffers that are used again and again, instead of one
 * allocated for every read.
 *
 * Fresh memory costs more than the copy into it (page faults, then the collector), and a transfer is
 * cheaper in large reads. So a socket begins with a small buffer, gets the next size when a read has
 * filled it, and falls back when a read would have fitted into the size below.
 *
 * Where the reader is done with the bytes before the next read of any socket (they go into TLS, which
 * encrypts them at once) all sockets share one buffer, and an idle one costs nothing.
 */
import type { Socket } from 'node:net'

/** Bytes: what an idle session holds, what answers fit in, and what a transfer deserves. */
const SIZES = [1024, 8192, 32_768, 262_144] as const
/** Buffers of each size that wait for a user: 1, 4, 4 and 16 MiB at most. */
const KEPT = [1024, 512, 128, 64] as const
/** The small ones are cut from memory of this size: to have one of its own costs more than all that is read into it. */
const SLAB = 8192
/** Of the largest size, in use or not: above it sockets make do with the next. */
const LARGEST_MAX = 64
const LARGEST = SIZES.length - 1
/** So many in use are more work than others are to wait for. */
const MANY = 4
/** Of the shared one: four TLS records. More would leave the processor's cache before it is encrypted. */
const SHARED = 65_536

/** The buffers of one worker. */
export class ReadBuffers {
  /** For readers that are done with the bytes when they return. */
  readonly shared = Buffer.allocUnsafeSlow(SHARED)
  readonly #kept: Buffer[][] = SIZES.map(() => [])
  #largestInUse = 0
  /** Bytes of the buffers that sockets hold, and of those that wait for one. */
  taken = 0
  spare = SHARED

  /** Buffers of the largest size that sockets hold now. */
  get largestInUse(): number {
    return this.#largestInUse
  }

  /** Much is moved by many: each is to let others be read before it goes on. */
  get isBusy(): boolean {
    return this.#largestInUse > MANY
  }

  /** @returns whether a socket may have a buffer of this size now */
  has(size: number): boolean {
    return size < LARGEST || this.#largestInUse < LARGEST_MAX
  }

  /** @param size index into the sizes */
  take(size: number): Buffer {
    if (size === LARGEST) this.#largestInUse++
    this.taken += SIZES[size]!
    if (size === 0 && this.#kept[0]!.length === 0) this.#cutSlab()
    const kept = this.#kept[size]!.pop()
    if (kept === undefined) return Buffer.allocUnsafeSlow(SIZES[size]!)
    this.spare -= SIZES[size]!
    return kept
  }

  #cutSlab(): void {
    const slab = Buffer.allocUnsafeSlow(SLAB)
    for (let at = 0; at < SLAB; at += SIZES[0]) {
      this.#kept[0]!.push(slab.subarray(at, at + SIZES[0]))
    }
    this.spare += SLAB
  }

  /** @param reusable false if somebody may still read from it */
  give(size: number, buffer: Buffer, reusable: boolean): void {
    if (size === LARGEST) this.#largestInUse--
    this.taken -= SIZES[size]!
    const kept = this.#kept[size]!
    if (!reusable || kept.length >= KEPT[size]!) return
    this.spare += SIZES[size]!
    kept.push(buffer)
  }
}

/** Who gets the bytes of a socket. */
export interface Reader {
  /**
   * The first `count` bytes of `buffer`; a view of just these would cost as much as reading a head.
   *
   * @returns whether it is done with them; if not, it has paused the socket, and the bytes stand until
   *   it is resumed. Of shared buffers it must be done.
   */
  onBytes(buffer: Buffer, count: number): boolean
}

/** What a socket reads into, and who it is for. */
export interface ReadBuffer {
  /** Asked for before the first read and after every one; undefined is the same as before. */
  buffer(): Buffer | undefined
  /** The first `count` bytes of `buffer` were read. */
  callback(count: number, buffer: Buffer): boolean
  /** Bytes that come while there is none are lost: a backend says nothing before the tunnel is there. */
  reader: Reader | null
  /** Bytes it has for itself. */
  readonly size: number
  /**
   * The socket is closed; idempotent.
   *
   * @param reusable false if the last bytes are still being written from it
   */
  release(reusable: boolean): void
}

/** Of a socket without TLS. */
export interface PlainReadBuffer extends ReadBuffer {
  buffer(): Buffer
  /** Whoever filled it is to let others be read before it is again. */
  readonly isBusy: boolean
}

/** It, as a socket of Node wants it: as `onread`. */
export function onread(readBuffer: PlainReadBuffer) {
  return {
    buffer: () => readBuffer.buffer(),
    callback: (count: number, buffer: Buffer) => readBuffer.callback(count, buffer),
  }
}

/** That of a client: one all share for heads, one of its own for what may have to wait. */
export interface SessionReadBuffer extends ReadBuffer {
  /** The bytes that were read last stay until the socket is resumed. */
  readonly isOwn: boolean
  /** They are the reader's for good. */
  readonly isFresh: boolean
  /** The next read goes to one of its own. */
  takeOwn(): void
  /** The next read goes to the one all share. */
  giveOwn(): void
}

/** The one all share; its readers are always done. */
export class SharedReadBuffer implements PlainReadBuffer {
  reader: Reader | null = null
  readonly size = 0
  readonly isBusy = false
  readonly #buffers: ReadBuffers

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers
  }

  buffer(): Buffer {
    return this.#buffers.shared
  }

  callback(count: number, buffer: Buffer): boolean {
    this.reader?.onBytes(buffer, count)
    return true
  }

  release(): void {}
}

/**
 * Of a client that was accepted: the one all share while it sends heads, which are used or copied at once, and one of
 * its own while it sends a body, which may wait for the backend.
 */
export class ClientReadBuffer implements SessionReadBuffer, PlainReadBuffer {
  readonly isFresh = false
  readonly #buffers: ReadBuffers
  #reader: Reader | null = null
  #own: OwnReadBuffer | null = null
  #released = false

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers
  }

  get reader(): Reader | null {
    return this.#reader
  }

  /** Of what comes next, wherever it is read to: one of its own may outlast the body that it was taken for. */
  set reader(reader: Reader | null) {
    this.#reader = reader
    if (this.#own !== null) this.#own.reader = reader
  }

  get size(): number {
    return this.#own?.size ?? 0
  }

  get isBusy(): boolean {
    return this.#own !== null && this.#own.isBusy
  }

  get isOwn(): boolean {
    return this.#own !== null
  }

  takeOwn(): void {
    if (this.#own !== null || this.#released) return
    this.#own = new OwnReadBuffer(this.#buffers)
    this.#own.reader = this.reader
  }

  /** Nobody reads from its own any more. */
  giveOwn(): void {
    this.#own?.release(true)
    this.#own = null
  }

  buffer(): Buffer {
    return this.#own === null ? this.#buffers.shared : this.#own.buffer()
  }

  callback(count: number, buffer: Buffer): boolean {
    if (this.#own !== null) return this.#own.callback(count)
    this.reader?.onBytes(buffer, count)
    return true
  }

  release(reusable: boolean): void {
    this.#released = true
    this.#own?.release(reusable)
    this.#own = null
  }
}

/** One of a socket's own, that grows and shrinks with what comes. */
export class OwnReadBuffer implements PlainReadBuffer {
  reader: Reader | null = null
  readonly #buffers: ReadBuffers
  #size = 0
  #buffer: Buffer
  #released = false

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers
    this.#buffer = buffers.take(0)
  }

  get size(): number {
    return this.#released ? 0 : SIZES[this.#size]!
  }

  get isBusy(): boolean {
    return this.#size > 1 && this.#buffers.isBusy
  }

  buffer(): Buffer {
    return this.#buffer
  }

  callback(count: number): boolean {
    const done = this.reader?.onBytes(this.#buffer, count) ?? true
    if (done) this.#fit(count)
    return true
  }

  release(reusable: boolean): void {
    if (this.#released) return
    this.#released = true
    this.#buffers.give(this.#size, this.#buffer, reusable)
  }

  /** Chooses the buffer of the next read by what the last one brought. */
  #fit(count: number): void {
    const size = this.#size
    if (this.#released) return
    if (count === SIZES[size]) {
      if (size < LARGEST && this.#buffers.has(size + 1)) this.#change(size + 1)
    } else if (size > 0 && count <= SIZES[size - 1]!) {
      this.#change(size - 1)
    }
  }

  #change(size: number): void {
    this.#buffers.give(this.#size, this.#buffer, true)
    this.#size = size
    this.#buffer = this.#buffers.take(size)
  }
}

/** Tells the bytes as 'data', for who may keep them: a tunnel. */
export class CopyingReader implements Reader {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  onBytes(buffer: Buffer, count: number): boolean {
    this.#socket.emit('data', Buffer.from(buffer.subarray(0, count)))
    return true
  }
}
