/**
 * The socket of a client that speaks HTTP without TLS: what a session needs of a connection, and nothing else.
 *
 * Node's own socket is two streams, each with queues, flags and events of its own. To make one and be rid of it costs
 * more than all the rest of a connection that says nothing, and most of what attackers send is just that (npm run
 * bench:attack). Bytes pass here between what Node has below its sockets and the session, with no stream in between.
 *
 * It behaves as Node's does where a session looks, `allowHalfOpen` and all, but for this:
 * - what it read is told at once and never kept;
 * - each write that the kernel does not take at once is followed by 'drain';
 * - 'close' is told only to who did not close it: after the end of both sides, and after 'error'.
 *
 * Not public in Node: what it relies on is looked for first, and if it is not there the door makes sockets of Node.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { isKnown as writesAreKnown } from './direct-write.ts'
import type { Listeners } from './listen.ts'
import type { RawHandle } from './raw-handle.ts'
import type { ClientReadBuffer } from './read-buffer.ts'

/** What libuv says at the end of a stream. */
const EOF = -4095
/** What a shutdown says that is done already. */
const DONE = 1
const NOT_CONNECTED = -constants.errno.ENOTCONN

const OWNER = Symbol('plain-socket')

interface Request {
  oncomplete?: (this: Request, status: number) => void
  [OWNER]?: PlainSocket
}

interface WriteRequest extends Request {
  /** What came of it, if that is known already; else null. */
  writeStatus?: number | null
  /** What is being written: it must not be collected meanwhile. */
  data?: Buffer | string
}

interface Name {
  address?: string
  port?: number
}

/** What Node's socket has below it. */
export interface PlainHandle extends RawHandle {
  [OWNER]?: PlainSocket | null
  onread?: (this: PlainHandle) => Buffer | undefined
  /** Bytes of writes under way; goes down as the kernel takes them. */
  readonly writeQueueSize: number
  useUserBuffer(buffer: Buffer): void
  readStart(): number
  readStop(): number
  writeLatin1String(request: null, text: string): number | WriteRequest
  writeBuffer(request: null, bytes: Buffer): number | WriteRequest
  shutdown(request: Request): number
  getsockname(out: Name): number
}

interface Binding {
  /** Where what was read is told: bytes, or the number of an error. */
  readonly state: Int32Array
  /** At which place. */
  readonly read: number
  readonly ShutdownRequest: new () => Request
}

const binding = findBinding()

/** Whether handles are what is relied on: they are all alike. */
let areAsExpected: boolean | null = null

/** Whether this Node has below its sockets what is relied on. */
export function isPlainHandle(handle: RawHandle): handle is PlainHandle {
  return (areAsExpected ??= binding !== null && isAsExpected(handle))
}

function isAsExpected(handle: RawHandle): boolean {
  const { useUserBuffer, readStart, readStop, writeLatin1String, writeBuffer, shutdown } =
    handle as Partial<PlainHandle>
  return [useUserBuffer, readStart, readStop, writeLatin1String, writeBuffer, shutdown].every(
    each => typeof each === 'function',
  )
}

export class PlainSocket {
  /** Nothing comes from it and nothing goes out any more. */
  destroyed = false
  /** It was told to {@link end}. */
  writableEnded = false
  /** Its end is with the kernel. */
  writableFinished = false
  /** Bytes of the writes that the kernel has not taken whole. */
  writableLength = 0
  /** What was read is never kept. */
  readonly readableLength = 0
  readonly #handle: PlainHandle
  readonly #readBuffer: ClientReadBuffer
  readonly #listeners: Listeners[] = []
  /** What is read into next. */
  #buffer: Buffer
  #isReading = false
  #readEnded = false

  /**
   * @param handle that was just accepted
   * @param readBuffer where what it reads goes, and to whom it is told
   */
  constructor(handle: PlainHandle, readBuffer: ClientReadBuffer) {
    this.#handle = handle
    this.#readBuffer = readBuffer
    this.#buffer = readBuffer.buffer()!
    handle[OWNER] = this
    handle.onread = onRead
    handle.useUserBuffer(this.#buffer)
  }

  /** To be told of 'drain', 'end', 'error' and 'close'; with the socket as `this`. */
  listen(listeners: Listeners): void {
    this.#listeners.push(listeners)
  }

  stopListening(listeners: Listeners): void {
    const at = this.#listeners.indexOf(listeners)
    if (at !== -1) this.#listeners.splice(at, 1)
  }

  /** Until then nothing is read. */
  resume(): void {
    if (this.#isReading || this.#readEnded || this.destroyed) return
    this.#isReading = true
    const error = this.#handle.readStart()
    if (error !== 0) this.#failSoon('read', error)
  }

  pause(): void {
    if (!this.#isReading) return
    this.#isReading = false
    if (!this.destroyed) this.#handle.readStop()
  }

  isPaused(): boolean {
    return !this.#isReading && !this.#readEnded
  }

  /** What is read is told at once. */
  read(): null {
    return null
  }

  /** Whether 'drain' will follow. */
  get writableNeedDrain(): boolean {
    return this.writableLength > 0
  }

  /**
   * @param data latin1, or bytes that nobody changes until 'drain'
   * @returns whether the kernel has it all; if not, 'drain' follows
   */
  write(data: Buffer | string): boolean {
    if (this.destroyed || this.writableEnded) return true
    const handle = this.#handle
    const result =
      typeof data === 'string'
        ? handle.writeLatin1String(null, data)
        : handle.writeBuffer(null, data)
    if (result === 0) return true
    if (typeof result === 'number') this.#failSoon('write', result)
    else this.#await(result, data)
    return this.writableLength === 0
  }

  /** Says that nothing more comes, once all that was written is out (FIN). */
  end(): void {
    if (this.destroyed || this.writableEnded) return
    this.writableEnded = true
    const request = new binding!.ShutdownRequest()
    request[OWNER] = this
    request.oncomplete = onShutdown
    const error = this.#handle.shutdown(request)
    // The peer is gone already: the next read says so.
    if (error !== 0) process.nextTick(onShutdown.bind(request), error === DONE ? 0 : error)
  }

  /** Closes; nobody is told. */
  destroy(): void {
    if (this.destroyed) return
    this.#letGo()
    this.#handle.close()
  }

  /** Closes with RST; see reset.ts for when it may. */
  resetAndDestroy(): void {
    if (this.destroyed) return
    this.#letGo()
    if (this.#handle.reset() !== 0) this.#handle.close()
  }

  /** Bytes the kernel has not taken; falls with each that it takes, in the middle of a write too. */
  get unsent(): number {
    return this.destroyed ? 0 : this.#handle.writeQueueSize
  }

  get localAddress(): string | undefined {
    return this.#localName().address
  }

  get localPort(): number | undefined {
    return this.#localName().port
  }

  /**
   * Gives its descriptor away; it is as good as closed then.
   *
   * @returns null if something is still being written; then nothing was done
   */
  takeHandle(): PlainHandle | null {
    if (this.destroyed || this.writableEnded || this.writableLength > 0) return null
    this.pause()
    this.#letGo()
    return this.#handle
  }

  /**
   * Makes a socket of Node out of it, for who needs streams: a tunnel. This one is as good as closed then. What it reads
   * goes where it went, and nothing is read before that is resumed; what is being written goes out before all else.
   */
  toNodeSocket(): Socket {
    const handle = this.#handle
    this.pause()
    this.#letGo()
    this.#readBuffer.giveAgain()
    const options = { handle, allowHalfOpen: true, manualStart: true, onread: this.#readBuffer }
    return new Socket(options as unknown as SocketConstructorOpts)
  }

  /** @param count bytes; 0 for none yet, or the number of an error */
  static read(socket: PlainSocket, count: number): Buffer | undefined {
    if (count > 0) return socket.#received(count)
    if (count === EOF) socket.#sawEnd()
    else if (count < 0) socket.#fail('read', count)
    return undefined
  }

  static written(socket: PlainSocket, length: number, status: number): void {
    socket.writableLength -= length
    if (socket.destroyed) return
    if (status !== 0) socket.#fail('write', status)
    else if (socket.writableLength === 0) socket.#tell('drain')
  }

  static shutDown(socket: PlainSocket, status: number): void {
    if (socket.destroyed) return
    if (status !== 0 && status !== NOT_CONNECTED) return socket.#fail('shutdown', status)
    socket.writableFinished = true
    socket.#closeIfOver()
  }

  #received(count: number): Buffer | undefined {
    this.#readBuffer.callback(count, this.#buffer)
    if (this.destroyed) return undefined
    const next = this.#readBuffer.buffer()
    if (next !== undefined) this.#buffer = next
    return next
  }

  #sawEnd(): void {
    this.#isReading = false
    this.#readEnded = true
    this.#tell('end')
    this.#closeIfOver()
  }

  #closeIfOver(): void {
    if (!this.#readEnded || !this.writableFinished || this.destroyed) return
    this.destroy()
    this.#tell('close')
  }

  #await(request: WriteRequest, data: Buffer | string): void {
    this.writableLength += data.length
    request[OWNER] = this
    request.data = data
    request.oncomplete = onWritten
    const { writeStatus } = request
    if (typeof writeStatus === 'number') request.oncomplete(writeStatus)
  }

  /** Not before who called has done what it was about to do. */
  #failSoon(what: string, error: number): void {
    process.nextTick(() => this.#fail(what, error))
  }

  #fail(what: string, error: number): void {
    if (this.destroyed) return
    this.destroy()
    this.#tell('error', failure(what, error))
    this.#tell('close')
  }

  #tell(event: string, error?: NodeJS.ErrnoException): void {
    for (const listeners of this.#listeners.slice()) {
      const listener = listeners[event] as ((error?: NodeJS.ErrnoException) => void) | undefined
      listener?.call(this, error)
    }
  }

  /** From here on nothing that happens to the handle is its own. */
  #letGo(): void {
    this.destroyed = true
    this.#isReading = false
    this.#handle[OWNER] = null
  }

  #localName(): Name {
    const name: Name = {}
    if (!this.destroyed) this.#handle.getsockname(name)
    return name
  }
}

/** Like that of Node's own socket, but without a stack, which costs more than the rest of it and says nothing. */
function failure(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno)
  return { name: 'Error', message: `${syscall} ${code}`, code, errno, syscall }
}

function onRead(this: PlainHandle): Buffer | undefined {
  const socket = this[OWNER]
  return socket ? PlainSocket.read(socket, binding!.state[binding!.read]!) : undefined
}

function onWritten(this: WriteRequest, status: number): void {
  PlainSocket.written(this[OWNER]!, this.data!.length, status)
}

function onShutdown(this: Request, status: number): void {
  PlainSocket.shutDown(this[OWNER]!, status)
}

interface StreamWrap {
  streamBaseState: unknown
  kReadBytesOrError: unknown
  ShutdownWrap: unknown
}

function findBinding(): Binding | null {
  if (!writesAreKnown) return null
  const { binding: find } = process as unknown as {
    binding?: (name: string) => Partial<StreamWrap>
  }
  try {
    const { streamBaseState, kReadBytesOrError, ShutdownWrap } = find!.call(process, 'stream_wrap')
    const isThere =
      streamBaseState instanceof Int32Array &&
      typeof kReadBytesOrError === 'number' &&
      typeof ShutdownWrap === 'function'
    if (!isThere) return null
    const ShutdownRequest = ShutdownWrap as Binding['ShutdownRequest']
    return { state: streamBaseState, read: kReadBytesOrError, ShutdownRequest }
  } catch {
    return null
  }
}
