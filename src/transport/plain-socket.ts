/**
 * A socket without TLS, of a client that speaks HTTP or of a backend: what weir needs of a connection, and nothing else.
 *
 * Node's own socket is two streams, each with queues, flags and events of its own. To make one and be rid of it costs
 * more than all the rest of a connection that says nothing, and most of what attackers send is just that (npm run
 * bench:attack). Bytes pass here between what Node has below its sockets and who uses them, with no
 * stream in between.
 *
 * It behaves as Node's does where weir looks, `allowHalfOpen` and all, but for this:
 * - what it read is told at once and never kept;
 * - where many have much to say they are read on by turns, some in each turn of the loop, after all others;
 * - each write that the kernel does not take at once is followed by 'drain';
 * - who has reset the connection is read to the end first: what it said before is often the reason;
 * - 'close' is told only to who did not close it: after the end of both sides, and after 'error'.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { Hearers, type Listeners, type SocketEvent } from './hearers.ts'
import {
  BEHIND,
  connect,
  disown,
  EOF,
  type HandleOwner,
  type Name,
  newPlainHandle,
  own,
  type PlainHandle,
  shutdown,
  write,
} from './plain-handle.ts'
import { onread, type PlainReadBuffer } from './read-buffer.ts'

/** What a shutdown says that is done already. */
const DONE = 1
const NOT_CONNECTED = -constants.errno.ENOTCONN
/** What a write says when the other side has reset the connection: nothing comes any more, but what came can be read. */
const GONE: readonly number[] = [-constants.errno.ECONNRESET, -constants.errno.EPIPE]

export class PlainSocket implements HandleOwner {
  /** Nothing comes from it and nothing goes out any more. */
  destroyed = false
  /** It was told to {@link end}. */
  writableEnded = false
  /** Its end is with the kernel. */
  writableFinished = false
  /** The other side said that nothing more comes. */
  readableEnded = false
  /** Bytes of the writes that the kernel has not taken whole. */
  writableLength = 0
  /** What was read is never kept. */
  readonly readableLength = 0
  readonly #handle: PlainHandle
  readonly #readBuffer: PlainReadBuffer
  #hearers = Hearers.none
  /** What is read into next. */
  #buffer: Buffer
  #isReading = false
  /** It lets others be read first. */
  #yields = false
  /** Why nothing can be written any more: told when all is read that there was. */
  #writeError = 0

  /** @param handle that was just accepted, or is about to be connected */
  constructor(handle: PlainHandle, readBuffer: PlainReadBuffer) {
    this.#handle = handle
    this.#readBuffer = readBuffer
    this.#buffer = readBuffer.buffer()
    own(handle, this, this.#buffer)
  }

  /**
   * Opens a connection: 'connect' follows, and then it reads; or 'error'.
   *
   * @returns null if this Node has not what it takes
   */
  static dial(address: string, port: number, readBuffer: PlainReadBuffer): PlainSocket | null {
    const handle = newPlainHandle()
    if (handle === null) return null
    const socket = new PlainSocket(handle, readBuffer)
    const error = connect(handle, socket, address, port)
    if (error !== 0) socket.#failSoon('connect', error)
    return socket
  }

  /** To be told of 'connect', 'drain', 'end', 'error' and 'close'; with the socket as `this`. */
  listen(listeners: Listeners): void {
    this.#hearers = this.#hearers.with(listeners)
  }

  stopListening(listeners: Listeners): void {
    this.#hearers = this.#hearers.without(listeners)
  }

  /** Until then nothing is read. */
  resume(): void {
    if (this.#isReading || this.readableEnded || this.destroyed) return
    this.#isReading = true
    if (!this.#yields) this.#startReading()
  }

  #startReading(): void {
    const error = this.#handle.readStart()
    if (error !== 0) this.#failSoon('read', error)
  }

  pause(): void {
    if (!this.#isReading) return
    this.#isReading = false
    if (!this.destroyed) this.#handle.readStop()
  }

  isPaused(): boolean {
    return !this.#isReading && !this.readableEnded
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
    if (this.destroyed || this.writableEnded || this.#writeError !== 0) return true
    const result = write(this.#handle, this, data)
    if (result === BEHIND) this.writableLength += data.length
    else if (result !== 0) this.#cannotWrite(result)
    return this.writableLength === 0
  }

  /** Says that nothing more comes, once all that was written is out (FIN). */
  end(): void {
    if (this.destroyed || this.writableEnded) return
    this.writableEnded = true
    const error = shutdown(this.#handle, this)
    // The peer is gone already: the next read says so.
    if (error !== 0) process.nextTick(() => this.onShutdown(error === DONE ? 0 : error))
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
    const options = {
      handle,
      allowHalfOpen: true,
      manualStart: true,
      onread: onread(this.#readBuffer),
    }
    return new Socket(options as unknown as SocketConstructorOpts)
  }

  onRead(count: number): Buffer | undefined {
    if (count > 0) return this.#received(count)
    if (count === EOF && this.#writeError !== 0) this.#fail('write', this.#writeError)
    else if (count === EOF) this.#sawEnd()
    else if (count < 0) this.#fail('read', count)
    return undefined
  }

  onWritten(length: number, status: number): void {
    this.writableLength -= length
    if (this.destroyed) return
    if (status !== 0) this.#fail('write', status)
    else if (this.writableLength === 0) this.#tell('drain')
  }

  onShutdown(status: number): void {
    if (this.destroyed) return
    if (status !== 0 && status !== NOT_CONNECTED) return this.#fail('shutdown', status)
    this.writableFinished = true
    this.#closeIfOver()
  }

  onConnect(status: number): void {
    if (this.destroyed) return
    if (status !== 0) return this.#fail('connect', status)
    this.resume()
    this.#tell('connect')
  }

  #received(count: number): Buffer | undefined {
    const isFull = count === this.#buffer.length
    this.#readBuffer.callback(count, this.#buffer)
    if (this.destroyed) return undefined
    if (isFull && this.#isReading && this.#readBuffer.isBusy) this.#letOthersRead()
    const next = this.#readBuffer.buffer()
    // To be given one, even the same, costs Node half a microsecond.
    if (next === this.#buffer) return undefined
    this.#buffer = next
    return next
  }

  /**
   * Node's loop reads a socket up to 32 times as long as it fills its buffer, 8 MiB that is, and all others wait. (300 clients
   * that read nothing of 3 MiB: of a hundred others one waited 82 to 251 ms, now 20 to 34; npm run bench:attack.)
   */
  #letOthersRead(): void {
    this.#yields = true
    this.#handle.readStop()
    if (yielding.push(this) === 1) setImmediate(readSomeOn)
  }

  /** Its turn has come again. */
  readOn(): void {
    this.#yields = false
    if (this.#isReading && !this.destroyed) this.#startReading()
  }

  #sawEnd(): void {
    this.#isReading = false
    this.readableEnded = true
    this.#tell('end')
    this.#closeIfOver()
  }

  #closeIfOver(): void {
    if (!this.readableEnded || !this.writableFinished || this.destroyed) return
    this.destroy()
    this.#tell('close')
  }

  #cannotWrite(error: number): void {
    // The kernel has told of the reset by this, and calls it an end when it is read to.
    if (this.#isReading && GONE.includes(error)) this.#writeError = error
    else this.#failSoon('write', error)
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

  /** Those who hear when it happens, whatever they do about it. */
  #tell(event: SocketEvent, error?: NodeJS.ErrnoException): void {
    for (const hearer of this.#hearers[event]) hearer.call(this, error)
  }

  /** From here on nothing that happens to the handle is its own. */
  #letGo(): void {
    this.destroyed = true
    this.#isReading = false
    disown(this.#handle)
  }

  #localName(): Name {
    const name: Name = {}
    if (!this.destroyed) this.#handle.getsockname(name)
    return name
  }
}

/** Those that let others be read first, in the order in which they did. */
const yielding: PlainSocket[] = []
/** So many are read on in each turn of the loop, 256 KiB each: with 16 others wait four times as long, with 2 it costs a tenth more. */
const READ_ON_MAX = 3

function readSomeOn(): void {
  for (const socket of yielding.splice(0, READ_ON_MAX)) socket.readOn()
  if (yielding.length > 0) setImmediate(readSomeOn)
}

/** Like that of Node's own socket, but without a stack, which costs more than the rest of it and says nothing. */
function failure(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno)
  return { name: 'Error', message: `${syscall} ${code}`, code, errno, syscall }
}
