/**
 * What is below a client's socket, without the socket: a descriptor, and little else.
 *
 * Not public in Node: everything is checked before it is relied on.
 */
import type { Socket } from 'node:net'
import { PlainSocket } from './plain-socket.ts'
import { TlsSocket } from './tls-socket.ts'

export interface RawHandle {
  /** Closes with RST. @returns 0 or an error */
  reset(): number
  close(): void
}

interface StreamHandle extends RawHandle {
  readStop(): number
  /** Bytes of writes under way. */
  readonly writeQueueSize: number
}

/**
 * Takes the handle from a socket, which is destroyed without it: nobody reads, and nothing of the socket or its TLS stays.
 * Not from within an event of the socket: TLS goes on with what is gone by then (SIGSEGV).
 *
 * @param plain  the TCP socket
 * @param socket what the client is spoken to with: the TLS socket around it, or the same
 * @returns null if this Node has no such way, or something is still being written; then nothing was done
 */
export function takeHandle(
  plain: Socket | PlainSocket,
  socket: Socket | PlainSocket,
): RawHandle | null {
  if (plain instanceof PlainSocket) return plain.takeHandle()
  // oxlint-disable-next-line no-underscore-dangle -- Node's name for it
  const holder = plain as unknown as { _handle?: Partial<StreamHandle> | null }
  // oxlint-disable-next-line no-underscore-dangle
  const handle = holder._handle
  if (handle === null || handle === undefined || plain.destroyed || socket.destroyed) return null
  if (typeof handle.readStop !== 'function' || typeof handle.reset !== 'function') return null
  // What TLS has not got rid of lies in memory that goes with it; and a FIN may be under way.
  if (handle.writeQueueSize !== 0 || plain.writableLength > 0 || socket.writableLength > 0)
    return null
  if (socket instanceof TlsSocket && socket.isBehind) return null
  if (plain.writableEnded || socket.writableEnded) return null
  handle.readStop()
  // oxlint-disable-next-line no-underscore-dangle
  holder._handle = null
  socket.destroy()
  plain.destroy()
  letGo(handle)
  return handle as RawHandle
}

/** Of a handle: the socket it belongs to, which would otherwise live as long. */
function letGo(handle: object): void {
  const owner = Object.getOwnPropertySymbols(handle).find(
    ({ description }) => description === 'owner_symbol',
  )
  if (owner !== undefined) Object.assign(handle, { [owner]: null })
}
