/**
 * Short texts to a TCP socket without a stream in between.
 *
 * Node's stream makes a callback and a tick of the process for each write, though the kernel nearly always takes a
 * small one at once: some per cent of what a small request costs. So the socket's handle is written to itself, as long
 * as nothing waits; what the kernel does not take waits below the stream, in order, and until it is gone everything
 * goes through the stream.
 *
 * Not public in Node: that its own sockets write in this way is looked for first, and if not the stream does it.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'
import { getSystemErrorName } from 'node:util'
import type { PlainSocket } from './plain-socket.ts'

/** More is for the stream: it counts what waits. */
export const DIRECT_MAX = 16_384

/** A write that waits for the kernel. */
interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void
  socket?: Socket
  /** What came of it, if that is known already; else null. */
  writeStatus?: number | null
}

interface WritableHandle {
  /** @returns 0 or the number of an error, if that is known at once */
  writeLatin1String(request: null, text: string): number | WriteRequest
}

/** Sockets of which the kernel has not taken all that was written here, and how many they are. */
const behind = new WeakSet<Socket | PlainSocket>()
let behindCount = 0
/** Whether this Node writes in the way that is relied on. */
export const isKnown = looksAsExpected()

/**
 * Writes a text, like `socket.write(text, 'latin1')`.
 *
 * @param socket of TCP, connected; one of TLS has a way of its own, tls-socket.ts
 * @returns false if the writer should wait for 'drain'
 */
export function writeText(socket: Socket, text: string): boolean {
  // oxlint-disable-next-line no-underscore-dangle -- Node's name for it
  const handle = (socket as unknown as { _handle?: WritableHandle | null })._handle
  const isDirect =
    isKnown &&
    handle !== null &&
    handle !== undefined &&
    text.length <= DIRECT_MAX &&
    !isBehind(socket) &&
    !socket.writableEnded
  if (!isDirect) return socket.write(text, 'latin1')
  const result = handle.writeLatin1String(null, text)
  if (result === 0) return true
  if (typeof result === 'number') socket.destroy(failure(result))
  else wait(socket, result)
  return true
}

/** Whether it was given something that the kernel has not taken. */
export function isBehind(socket: Socket | PlainSocket): boolean {
  return socket.writableLength > 0 || (behindCount > 0 && behind.has(socket))
}

function wait(socket: Socket, request: WriteRequest): void {
  behind.add(socket)
  behindCount++
  request.socket = socket
  request.oncomplete = written
  const { writeStatus } = request
  if (typeof writeStatus === 'number') request.oncomplete(writeStatus)
}

function written(this: WriteRequest, status: number): void {
  const socket = this.socket!
  behind.delete(socket)
  behindCount--
  if (status !== 0 && !socket.destroyed) socket.destroy(failure(status))
}

/** Like that of Node's own socket. */
export function failure(status: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' })
}

/** Whether Node's own socket hands its handle a text just so, and takes a number for an answer. */
function looksAsExpected(): boolean {
  let asExpected = false
  const handle = {
    getAsyncId: () => 1,
    readStart: () => 0,
    readStop: () => 0,
    close: () => {},
    writeLatin1String: (request: unknown, text: unknown) => {
      asExpected = request === null && text === '?'
      return 0
    },
  }
  try {
    const socket = new Socket({ handle, manualStart: true } as unknown as SocketConstructorOpts)
    let failed = false
    socket.on('error', () => {})
    socket.write('?', 'latin1', error => {
      failed = error !== null && error !== undefined
    })
    asExpected &&= socket.writableLength === 0 && !failed
    socket.destroy()
  } catch {
    return false
  }
  return asExpected
}
