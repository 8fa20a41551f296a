/**
 * A connection to a backend that speaks HTTP/1.1: one exchange after the other.
 *
 * What comes without a question, or beyond its answer, makes the connection worthless: the next client
 * must not get it (response queue poisoning).
 */
import type { Socket } from 'node:net'
import { ChunkReader } from '../codec/http1/chunks.ts'
import { CHUNKED, TO_THE_END } from '../codec/http1/framing.ts'
import { NEED_MORE, OK } from '../codec/http1/head.ts'
import { ResponseHead } from '../codec/http1/response-head.ts'
import { Deadline } from '../transport/deadlines.ts'
import type { Dialed } from '../transport/dial.ts'
import { listen, stopListening } from '../transport/listen.ts'
import type { Reader } from '../transport/read-buffer.ts'

const BACKEND = Symbol('backend')
const SWITCHING = 101

export interface ResponseOwner {
  /** 1xx, but for 101. */
  onInterim(head: ResponseHead): void
  onHead(head: ResponseHead): void
  /** @returns whether it is done with the bytes; if not, it has paused the connection */
  onData(bytes: Buffer, start: number, end: number): boolean
  /** The response is whole. */
  onResponse(): void
  /** 101: the connection is the owner's now, and what came behind the head with it. */
  onSwitched(head: ResponseHead, rest: Buffer): void
  onBackendFailed(cause: string): void
  /** All bytes of one read were told. */
  onRead(): void
  onBackendDrain(): void
}

type BackendSocket = Socket & { [BACKEND]?: Http1Backend }

export class Http1Backend implements Reader {
  /** Its number among all backends. */
  readonly backend: number
  readonly dialed: Dialed
  /** While it is kept; set by its keeper. */
  readonly deadline: Deadline
  /** Exchanges before this one. */
  served = 0
  #owner: ResponseOwner | null = null
  #onIdleEnd: () => void = nothing
  readonly #head = new ResponseHead()
  readonly #chunks = new ChunkReader()
  /** The beginning of a head that is not whole. */
  #pending: Buffer | null = null
  #inBody = false
  #left = 0
  #toHead = false
  #switches = false
  #reusable = true
  #closed = false

  constructor(backend: number, dialed: Dialed) {
    this.backend = backend
    this.dialed = dialed
    this.deadline = new Deadline(() => this.#end())
    const socket: BackendSocket = dialed.socket
    socket[BACKEND] = this
    listen(socket, Http1Backend.#listeners)
    if (dialed.readBuffer === null) listen(socket, Http1Backend.#streamListeners)
    else dialed.readBuffer.reader = this
  }

  static readonly #listeners = {
    drain(this: BackendSocket): void {
      this[BACKEND]!.#owner?.onBackendDrain()
    },
    end(this: BackendSocket): void {
      this[BACKEND]!.#ended()
    },
    error(this: BackendSocket, error: NodeJS.ErrnoException): void {
      this[BACKEND]!.#failed(error.code ?? error.message)
    },
    close(this: BackendSocket): void {
      this[BACKEND]!.#failed('closed')
    },
  }

  static readonly #streamListeners = {
    data(this: BackendSocket, bytes: Buffer): void {
      this[BACKEND]!.onBytes(bytes)
    },
  }

  /** Whether the next exchange may have it; true only while there is none. */
  get isReusable(): boolean {
    return this.#owner === null && this.#reusable && !this.#closed
  }

  /** The next response is for `owner`. */
  begin(owner: ResponseOwner, toHead: boolean, switches: boolean): void {
    this.#owner = owner
    this.#toHead = toHead
    this.#switches = switches
    this.#inBody = false
    this.served++
  }

  /** Nobody asks now. @param onEnd called if it ends meanwhile */
  rest(onEnd: () => void): void {
    this.#owner = null
    this.#onIdleEnd = onEnd
  }

  writeText(text: string): boolean {
    return this.dialed.socket.write(text, 'latin1')
  }

  /** @param bytes must stay as they are until they are sent */
  writeBytes(bytes: Buffer): boolean {
    return this.dialed.socket.write(bytes)
  }

  pause(): void {
    this.dialed.socket.pause()
  }

  resume(): void {
    if (this.dialed.socket.isPaused()) this.dialed.socket.resume()
  }

  /** Ends it, now; nobody hears of it. */
  destroy(): void {
    if (this.#closed) return
    this.#closed = true
    this.#owner = null
    this.dialed.readBuffer?.release(false)
    const { socket } = this.dialed
    if ('encrypted' in socket) socket.destroy()
    else socket.resetAndDestroy()
  }

  onBytes(bytes: Buffer): boolean {
    const owner = this.#owner
    if (owner === null) {
      // Said without being asked.
      this.#end()
      return true
    }
    const own = this.#pending === null
    const all = own ? bytes : Buffer.concat([this.#pending!, bytes])
    const scanned = this.#pending?.length ?? 0
    this.#pending = null
    const done = this.#read(owner, all, scanned)
    owner.onRead()
    return done || !own
  }

  #read(owner: ResponseOwner, bytes: Buffer, scanned: number): boolean {
    let done = true
    let at = 0
    while (at < bytes.length && this.#owner === owner) {
      if (!this.#inBody) {
        const code = this.#head.parse(bytes, at, bytes.length, scanned, this.#toHead)
        if (code === NEED_MORE) {
          this.#pending = Buffer.from(bytes.subarray(at))
          return done
        }
        if (code !== OK) {
          this.#failed('its response is malformed')
          return done
        }
        at += this.#head.size
        scanned = 0
        if (this.#beginBody(owner, bytes, at)) return done
        continue
      }
      if (this.#left === CHUNKED) {
        const sink = {
          onData: (from: Buffer, start: number, end: number): void => {
            done = owner.onData(from, start, end) && done
          },
        }
        const stopped = this.#chunks.read(bytes, at, bytes.length, sink)
        if (stopped === -1) {
          this.#failed('its chunks are malformed')
          return done
        }
        at = stopped
        if (this.#chunks.done) this.#whole(owner, at < bytes.length)
        continue
      }
      const end = this.#left === TO_THE_END ? bytes.length : Math.min(bytes.length, at + this.#left)
      if (this.#left !== TO_THE_END) this.#left -= end - at
      done = owner.onData(bytes, at, end) && done
      at = end
      if (this.#left === 0) this.#whole(owner, at < bytes.length)
    }
    return done
  }

  /** @returns whether the rest of the bytes is not for here any more */
  #beginBody(owner: ResponseOwner, bytes: Buffer, at: number): boolean {
    const head = this.#head
    if (head.status === SWITCHING) {
      if (!this.#switches) {
        this.#failed('it switched protocols unasked')
        return true
      }
      this.#letGo()
      owner.onSwitched(head, Buffer.from(bytes.subarray(at)))
      return true
    }
    if (head.status < 200) {
      owner.onInterim(head)
      return false
    }
    this.#reusable = head.connection.keepAlive && head.isDelimited
    owner.onHead(head)
    this.#left = head.body
    this.#inBody = true
    if (head.body === CHUNKED) this.#chunks.reset()
    if (head.body === 0) this.#whole(owner, at < bytes.length)
    return false
  }

  /** @param more bytes lie beyond the response: they answer no question */
  #whole(owner: ResponseOwner, more: boolean): void {
    if (this.#owner !== owner) return
    this.#inBody = false
    if (more) this.#reusable = false
    this.#owner = null
    owner.onResponse()
  }

  #ended(): void {
    const owner = this.#owner
    this.#reusable = false
    if (owner !== null && this.#inBody && this.#left === TO_THE_END) {
      this.#whole(owner, false)
      owner.onRead()
      this.destroy()
    } else this.#failed('it closed')
  }

  #failed(cause: string): void {
    if (this.#closed) return
    const owner = this.#owner
    const idleEnd = this.#onIdleEnd
    this.destroy()
    if (owner === null) idleEnd()
    else owner.onBackendFailed(cause)
  }

  #end(): void {
    this.#failed('')
  }

  #letGo(): void {
    this.#closed = true
    this.#owner = null
    const { socket, readBuffer } = this.dialed
    stopListening(socket, Http1Backend.#listeners)
    if (readBuffer === null) stopListening(socket, Http1Backend.#streamListeners)
    else readBuffer.reader = null
  }
}

function nothing(): void {}
