/** What a socket was given and the kernel has not taken yet: how one sees whether a slow peer reads at all. */
import type { Socket } from 'node:net'
import { PlainSocket } from './plain-socket.ts'

/** What Node's socket has below it. Not public: it is checked before it is relied on. */
interface StreamHandle {
  /** Bytes of writes under way; goes down as the kernel takes them. */
  readonly writeQueueSize?: unknown
}

/**
 * Falls with every byte the peer's window lets through, even in the middle of one write.
 *
 * @param socket what is written to
 * @param plain  the TCP socket below it; the same one without TLS
 * @returns bytes, in a sum that is only good to be compared with an earlier one
 */
export function unsentBytes(socket: Socket | PlainSocket, plain: Socket | PlainSocket): number {
  if (plain instanceof PlainSocket) return plain.writableLength + plain.unsent
  // oxlint-disable-next-line no-underscore-dangle -- Node's name for it
  const handle = (plain as unknown as { _handle?: StreamHandle | null })._handle
  const queued = handle?.writeQueueSize
  return socket.writableLength + (typeof queued === 'number' ? queued : 0)
}
