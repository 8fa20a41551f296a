/**
 * A connection to a backend that speaks HTTP/1.1: one exchange after the other, or with `--backend-pipeline`
 * several that stand in line.
 *
 * What comes without a question, or beyond its answer, makes the connection worthless: the next client
 * must not get it (response queue poisoning).
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { type ChunkOwner, ChunkReader } from '../codec/http1/chunks.ts'
import { CHUNKED, TO_THE_END } from '../codec/http1/framing.ts'
import { NEED_MORE, OK } from '../codec/http1/head.ts'
import { ResponseHead } from '../codec/http1/response-head.ts'
import { Deadline, type DeadlineOwner } from '../transport/deadlines.ts'
import type { Dialed } from '../transport/dial.ts'
import { isBehind, writeText } from '../transport/direct-write.ts'
import type { Held } from '../transport/held.ts'
import { listen, stopListening } from '../transport/listen.ts'
import { PlainSocket } from '../transport/plain-socket.ts'
import type { Reader } from '../transport/read-buffer.ts'
import { reset } from '../transport/reset.ts'
import { type BackendFailure, DiscardedResponse, type ResponseOwner } from './response-owner.ts'

const BACKEND = Symbol('backend')
const SWITCHING = 101

type BackendSocket = (Socket | PlainSocket) & { [BACKEND]?: Http1Backend }

/** A request that was sent behind others. */
interface InLine {
  owner: ResponseOwner
  readonly toHead: boolean
}

/** Who takes care of a connection between exchanges. */
export interface BackendKeeper {
  /** Nobody uses it now. */
  give(connection: Http1Backend): void
  /** It ended while it was kept. */
  forget(connection: Http1Backend): void
  /** Nobody waits any more for what it is to answer. */
  abandon(connection: Http1Backend): void
  /** Somebody does again. */
  adopt(connection: Http1Backend): void
}

export class Http1Backend implements Reader, ChunkOwner, DeadlineOwner {
  /** Its number among all backends. */
  readonly backend: number
  readonly dialed: Dialed
  readonly openedMs = performance.now()
  /** While it is kept; set and suspended by its keeper. */
  readonly deadline: Deadline
  /** Step of the wheel from which on it is not used again; 0 until its keeper knows. */
  retireStep = 0
  /** Exchanges so far. */
  served = 0
  readonly #keeper: BackendKeeper
  #owner: ResponseOwner | null = null
  readonly #line: InLine[] = []
  readonly #head = new ResponseHead()
  /** null before the first body in chunks. */
  #chunks: ChunkReader | null = null
  /** The beginning of a head that is not whole. */
  #pending: Buffer | null = null
  readonly #encrypts: boolean
  #inBody = false
  #left = 0
  #toHead = false
  #switches = false
  #reusable = true
  #closed = false
  /** Responses so far. */
  #answers = 0
  /** Of requests, written at the end of the turn. */
  #out = ''
  /** The owner is done with all bytes of this read. */
  #done = true

  constructor(backend: number, dialed: Dialed, keeper: BackendKeeper) {
    this.backend = backend
    this.dialed = dialed
    this.#keeper = keeper
    this.deadline = new Deadline(this)
    const socket: BackendSocket = dialed.socket
    socket[BACKEND] = this
    this.#encrypts = 'encrypted' in socket
    listen(socket, Http1Backend.#listeners)
    if (dialed.readBuffer === null) listen(socket, Http1Backend.#streamListeners)
    else dialed.readBuffer.reader = this
  }

  static readonly #listeners = {
    drain(this: BackendSocket): void {
      this[BACKEND]!.#drained()
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
      this[BACKEND]!.onBytes(bytes, bytes.length)
    },
  }

  /** It was kept unused for long enough. */
  onDeadline(): void {
    this.#failed('')
  }

  /** Whether another exchange may have it; true only while there is none. */
  get isReusable(): boolean {
    return this.#owner === null && this.#reusable && !this.#closed
  }

  get isOpen(): boolean {
    return !this.#closed
  }

  /** Requests whose responses are not whole. */
  get depth(): number {
    return this.#owner === null ? 0 : 1 + this.#line.length
  }

  /** The next response is for `owner`, or the one after those that others wait for. */
  begin(owner: ResponseOwner, toHead: boolean, switches: boolean): void {
    this.served++
    if (this.#owner !== null) {
      this.#line.push({ owner, toHead })
      this.#keeper.adopt(this)
      return
    }
    this.#owner = owner
    this.#toHead = toHead
    this.#switches = switches
    this.#inBody = false
  }

  /**
   * `owner` is done with it.
   *
   * @param clean its request and response are whole; if not, what comes for it is of no use to anybody
   */
  release(owner: ResponseOwner, clean: boolean): void {
    if (this.#owner === null) {
      // What it answered without having taken all of the request must not be followed by the rest.
      if (clean && !isBehind(this.dialed.socket)) this.#keeper.give(this)
      else this.destroy()
      return
    }
    if (this.#owner === owner) {
      this.destroy()
      this.#dropLine('the exchange before it was cut off')
      return
    }
    const waiting = this.#line.find(each => each.owner === owner)
    if (waiting === undefined) return
    waiting.owner = new DiscardedResponse(this)
    this.#checkAbandoned()
  }

  /** One that never answers would otherwise stay for ever: it is the owners who have deadlines. */
  #checkAbandoned(): void {
    if (!(this.#owner instanceof DiscardedResponse)) return
    if (this.#line.every(({ owner }) => owner instanceof DiscardedResponse)) {
      this.#keeper.abandon(this)
    }
  }

  /** Adds what it holds now. */
  hold(held: Held): void {
    const { socket, readBuffer } = this.dialed
    held.fromBackend += socket.readableLength + (readBuffer?.size ?? 0)
    if (this.#pending !== null) held.fromBackend += this.#pending.length
    held.toBackend += socket.writableLength
  }

  writeText(text: string): boolean {
    const { socket } = this.dialed
    if (socket instanceof PlainSocket) return socket.write(text)
    return this.#encrypts ? socket.write(text, 'latin1') : writeText(socket, text)
  }

  /** Like {@link writeText}, at the end of the turn together with others: {@link flush}. */
  queueText(text: string): void {
    this.#out += text
  }

  flush(): void {
    const out = this.#out
    this.#out = ''
    if (out !== '' && !this.#closed) this.writeText(out)
  }

  /**
   * @param lasting the bytes stay as they are until the owner hears that the backend takes more
   * @returns false if it is to be waited for
   */
  writeBytes(bytes: Buffer, lasting: boolean): boolean {
    const { socket } = this.dialed
    // TLS encrypts at once, unless an earlier write is under way.
    const stays = lasting || (this.#encrypts && socket.writableLength === 0)
    const below = socket.write(stays ? bytes : Buffer.from(bytes))
    if (!lasting) return below
    if (socket.writableLength === 0) return true
    // In Node only a write that reaches the high-water mark is followed by 'drain'.
    if (below) (socket as Socket).write(EMPTY, () => this.#drained())
    return false
  }

  /** Those in line behind a client that reads slowly go elsewhere. */
  pause(): void {
    if (this.#line.length > 0) this.#dropLine('behind a slow client')
    this.dialed.socket.pause()
  }

  resume(): void {
    if (!this.#closed && this.dialed.socket.isPaused()) this.dialed.socket.resume()
  }

  /** Ends it, now; nobody hears of it. */
  destroy(): void {
    if (this.#closed) return
    this.#closed = true
    this.#owner = null
    this.deadline.stop()
    this.dialed.readBuffer?.release(false)
    reset(this.dialed.socket)
  }

  onBytes(bytes: Buffer, count: number): boolean {
    // Said without being asked, or before: what was queued goes out at the end of this turn, all at once.
    if (this.#owner === null || this.#out !== '') {
      this.#failed('')
      return true
    }
    const own = this.#pending === null
    const all = own ? bytes : Buffer.concat([this.#pending!, bytes.subarray(0, count)])
    const scanned = this.#pending?.length ?? 0
    this.#pending = null
    this.#done = true
    this.#read(all, scanned + count, scanned)
    return this.#done || !own
  }

  /** A piece of a body. */
  onData(bytes: Buffer, start: number, end: number): void {
    if (!this.#owner!.onData(bytes, start, end)) this.#done = false
  }

  /** Reads response after response, as far as the bytes lead. */
  #read(bytes: Buffer, end: number, scanned: number): void {
    let at = 0
    while (at < end) {
      const owner = this.#owner
      if (owner === null) break
      at = this.#inBody ? this.#readBody(bytes, at, end) : this.#readHead(bytes, at, end, scanned)
      scanned = 0
      if (at === -1) return
      // The last byte of its response was in this read, or this read is over.
      if (this.#owner !== owner || at >= end) owner.onRead()
    }
  }

  /** @returns where it stopped, or -1 if the rest is not for here any more */
  #readHead(bytes: Buffer, at: number, end: number, scanned: number): number {
    const head = this.#head
    const code = head.parse(bytes, at, end, scanned, this.#toHead)
    if (code === NEED_MORE) {
      this.#pending = Buffer.from(bytes.subarray(at, end))
      return end
    }
    if (code !== OK) {
      this.#failed(MALFORMED)
      return -1
    }
    const next = at + head.size
    return this.#beginBody(bytes, next, end) ? next : -1
  }

  /** @returns where it stopped, or -1 if it is malformed */
  #readBody(bytes: Buffer, at: number, end: number): number {
    if (this.#left === CHUNKED) {
      const chunks = this.#chunks!
      const stopped = chunks.read(bytes, at, end, this)
      if (stopped === -1) this.#failed(MALFORMED)
      else if (chunks.done) this.#whole(stopped < end)
      return stopped
    }
    const stop = this.#left === TO_THE_END ? end : Math.min(end, at + this.#left)
    if (this.#left !== TO_THE_END) this.#left -= stop - at
    this.onData(bytes, at, stop)
    if (this.#left === 0) this.#whole(stop < end)
    return stop
  }

  /** @returns false if the rest of the bytes is not for here any more */
  #beginBody(bytes: Buffer, at: number, end: number): boolean {
    const head = this.#head
    const owner = this.#owner!
    if (head.status === SWITCHING) {
      if (!this.#switches) {
        this.#failed(MALFORMED)
        return false
      }
      this.#letGo()
      owner.onSwitched(head, Buffer.from(bytes.subarray(at, end)))
      return false
    }
    if (head.status < 200) {
      owner.onInterim(head)
      return true
    }
    this.#reusable = head.connection.keepAlive && head.isDelimited
    owner.onHead(head)
    this.#left = head.body
    this.#inBody = true
    if (head.body === CHUNKED) {
      this.#chunks ??= new ChunkReader()
      this.#chunks.reset()
    }
    if (head.body === 0) this.#whole(at < end)
    return true
  }

  /** @param more bytes lie beyond the response: without another question they answer none */
  #whole(more: boolean): void {
    const owner = this.#owner
    if (owner === null) return
    this.#inBody = false
    this.#answers++
    if (!this.#reusable) this.#dropLine('the backend closed after another answer')
    const next = this.#line.shift()
    this.#owner = next?.owner ?? null
    this.#toHead = next?.toHead ?? false
    if (more && next === undefined) this.#reusable = false
    if (next !== undefined) this.#checkAbandoned()
    owner.onResponse()
  }

  #drained(): void {
    if (!this.#closed) this.#owner?.onBackendDrain()
  }

  #ended(): void {
    const owner = this.#owner
    this.#reusable = false
    if (owner !== null && this.#inBody && this.#left === TO_THE_END) {
      this.#whole(false)
      owner.onRead()
      this.destroy()
    } else this.#failed('it closed')
  }

  #failed(cause: string): void {
    if (this.#closed) return
    const owner = this.#owner
    const fresh = this.#answers === 0
    const failure: BackendFailure = {
      cause,
      malformed: cause === MALFORMED,
      // One that was kept may have been closed while the request was on its way.
      blame: fresh || this.#inBody || this.#pending !== null || cause === MALFORMED,
      answering: this.#pending !== null || cause === MALFORMED,
    }
    this.destroy()
    if (owner === null) this.#keeper.forget(this)
    else owner.onBackendFailed(failure)
    this.#dropLine(cause)
  }

  /** Those in line have got no byte: each may ask elsewhere. */
  #dropLine(cause: string): void {
    if (this.#line.length === 0) return
    this.#reusable = false
    for (const { owner } of this.#line.splice(0)) {
      owner.onBackendFailed({ cause, malformed: false, blame: false, answering: false })
    }
  }

  #letGo(): void {
    this.#closed = true
    this.#owner = null
    this.deadline.stop()
    const { socket, readBuffer } = this.dialed
    stopListening(socket, Http1Backend.#listeners)
    if (readBuffer === null) stopListening(socket, Http1Backend.#streamListeners)
    else readBuffer.reader = null
  }
}

const MALFORMED = 'its response is malformed'
const EMPTY = Buffer.alloc(0)
