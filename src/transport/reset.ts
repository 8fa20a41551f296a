/** Closes with RST: what a peer gets to see where the bytes it has are not the whole. */
import type { Socket } from 'node:net'
import type { PlainSocket } from './plain-socket.ts'

/**
 * Now, unless the socket is just shutting down: then a turn of the loop later, and silent until then.
 *
 * libuv does not reset a stream whose FIN was asked for in this turn (EINVAL), and Node forgets its handle
 * all the same: the descriptor is lost, the peer hears nothing, and the worker can never be ended, because
 * it waits for that handle to close.
 *
 * On TLS leaving out close_notify says the same.
 */
export function reset(socket: Socket | PlainSocket): void {
  if (socket.destroyed) return
  if ('encrypted' in socket) socket.destroy()
  else if (mayBeShuttingDown(socket)) {
    // The memory it reads to may be another's by then.
    socket.pause()
    setImmediate(resetAtLast, socket)
  } else socket.resetAndDestroy()
}

function resetAtLast(socket: Socket | PlainSocket): void {
  if (socket.destroyed) return
  if (mayBeShuttingDown(socket)) socket.destroy()
  else socket.resetAndDestroy()
}

/** All it was given is with the kernel, but for the FIN. */
function mayBeShuttingDown(socket: Socket | PlainSocket): boolean {
  return socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
}
