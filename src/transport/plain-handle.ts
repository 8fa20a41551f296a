/**
 * What Node has below its sockets, as {@link PlainSocket} needs it: a descriptor that reads into a buffer of ours, writes,
 * and connects.
 *
 * Not public in Node: what is relied on is looked for first, and where it is not there sockets are those of Node.
 */
import { isKnown as writesAreKnown } from './direct-write.ts'
import type { RawHandle } from './raw-handle.ts'

/** What libuv says at the end of a stream. */
export const EOF = -4095
/** Of a write: the kernel has not taken all of it yet. */
export const BEHIND = 1

const OWNER = Symbol('handle-owner')

/** Who is told what happens to a handle. Errors are libuv's: negative. */
export interface HandleOwner {
  /**
   * @param count bytes that were read, 0 for none yet, or the number of an error
   * @returns where the next are read to; undefined is the same as before
   */
  onRead(count: number): Buffer | undefined
  /** A write that the kernel did not take at once is over, be it whole or broken. */
  onWritten(length: number, status: number): void
  onShutdown(status: number): void
  onConnect(status: number): void
}

interface Request {
  oncomplete?: (this: Request, status: number) => void
  [OWNER]?: HandleOwner
}

interface WriteRequest extends Request {
  /** What came of it, if that is known already; else null. */
  writeStatus?: number | null
  /** What is being written: it must not be collected meanwhile. */
  data?: Buffer | string
}

/** An end of a connection, as the kernel writes it. */
export interface Name {
  address?: string
  port?: number
}

export interface PlainHandle extends RawHandle {
  [OWNER]?: HandleOwner | null
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
  connect(request: Request, address: string, port: number): number
  connect6(request: Request, address: string, port: number): number
  setNoDelay(on: boolean): number
}

interface Binding {
  /** Where what was read is told: bytes, or the number of an error. */
  readonly state: Int32Array
  /** At which place. */
  readonly read: number
  readonly ShutdownRequest: new () => Request
  readonly ConnectRequest: new () => Request
  /** @param type that of a socket, not of a server */
  readonly Handle: new (
    type: number,
  ) => RawHandle
  readonly type: number
}

const binding = findBinding()

/** Whether handles are what is relied on: they are all alike. */
let areAsExpected: boolean | null = null

/** Whether this Node has below its sockets what is relied on. */
export function isPlainHandle(handle: RawHandle): handle is PlainHandle {
  return (areAsExpected ??= binding !== null && isAsExpected(handle))
}

const METHODS: readonly (keyof PlainHandle)[] = [
  'readStart',
  'readStop',
  'useUserBuffer',
  'writeLatin1String',
  'writeBuffer',
  'shutdown',
  'connect',
  'connect6',
  'setNoDelay',
  'getsockname',
  'reset',
  'close',
]

function isAsExpected(handle: RawHandle): boolean {
  const methods = handle as Partial<PlainHandle>
  return METHODS.every(name => typeof methods[name] === 'function')
}

/** @returns one that is not connected; null if this Node has not what is relied on */
export function newPlainHandle(): PlainHandle | null {
  if (binding === null) return null
  const handle = new binding.Handle(binding.type)
  return isPlainHandle(handle) ? handle : null
}

/** From here on `owner` is told, and what is read goes to `buffer` first. */
export function own(handle: PlainHandle, owner: HandleOwner, buffer: Buffer): void {
  handle[OWNER] = owner
  handle.onread = onRead
  handle.useUserBuffer(buffer)
}

/** Nobody is told any more, but of requests under way. */
export function disown(handle: PlainHandle): void {
  handle[OWNER] = null
}

/** @returns 0, then {@link HandleOwner.onConnect} follows; or the number of an error */
export function connect(
  handle: PlainHandle,
  owner: HandleOwner,
  address: string,
  port: number,
): number {
  const request = new binding!.ConnectRequest()
  request[OWNER] = owner
  request.oncomplete = onConnect
  const error = address.includes(':')
    ? handle.connect6(request, address, port)
    : handle.connect(request, address, port)
  return error === 0 ? handle.setNoDelay(true) : error
}

/**
 * @param data latin1, or bytes that nobody changes until it is written
 * @returns 0 if the kernel has it all, {@link BEHIND} if {@link HandleOwner.onWritten} follows, or the number of an error
 */
export function write(handle: PlainHandle, owner: HandleOwner, data: Buffer | string): number {
  const result =
    typeof data === 'string' ? handle.writeLatin1String(null, data) : handle.writeBuffer(null, data)
  if (typeof result === 'number') return result
  if (typeof result.writeStatus === 'number') return result.writeStatus
  result[OWNER] = owner
  result.data = data
  result.oncomplete = onWritten
  return BEHIND
}

/** Sends FIN, once all that was written is out. @returns 0, then {@link HandleOwner.onShutdown} follows; or an error */
export function shutdown(handle: PlainHandle, owner: HandleOwner): number {
  const request = new binding!.ShutdownRequest()
  request[OWNER] = owner
  request.oncomplete = onShutdown
  return handle.shutdown(request)
}

function onRead(this: PlainHandle): Buffer | undefined {
  return this[OWNER]?.onRead(binding!.state[binding!.read]!)
}

function onWritten(this: WriteRequest, status: number): void {
  this[OWNER]!.onWritten(this.data!.length, status)
}

function onShutdown(this: Request, status: number): void {
  this[OWNER]!.onShutdown(status)
}

function onConnect(this: Request, status: number): void {
  this[OWNER]!.onConnect(status)
}

interface StreamWrap {
  streamBaseState: unknown
  kReadBytesOrError: unknown
  ShutdownWrap: unknown
}

interface TcpWrap {
  TCP: unknown
  TCPConnectWrap: unknown
  constants: { SOCKET?: unknown }
}

function findBinding(): Binding | null {
  if (!writesAreKnown) return null
  const { binding: find } = process as unknown as {
    binding?: (name: string) => Partial<StreamWrap & TcpWrap>
  }
  try {
    const stream = find!.call(process, 'stream_wrap')
    const tcp = find!.call(process, 'tcp_wrap')
    const { streamBaseState: state, kReadBytesOrError: read } = stream
    const type = tcp.constants?.SOCKET
    const classes = [stream.ShutdownWrap, tcp.TCPConnectWrap, tcp.TCP]
    if (!(state instanceof Int32Array) || typeof read !== 'number' || typeof type !== 'number')
      return null
    if (!classes.every(each => typeof each === 'function')) return null
    return {
      state,
      read,
      type,
      ShutdownRequest: stream.ShutdownWrap as Binding['ShutdownRequest'],
      ConnectRequest: tcp.TCPConnectWrap as Binding['ConnectRequest'],
      Handle: tcp.TCP as Binding['Handle'],
    }
  } catch {
    return null
  }
}
