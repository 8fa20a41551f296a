/**
 * Listeners that all sockets of a kind share.
 *
 * What a socket belongs to hangs on the socket, under a symbol, and not in a closure for each event: a
 * dozen closures are near to a kilobyte for every connection that is merely open.
 */
import type { Socket } from 'node:net'
import type { Listeners } from './hearers.ts'
import { PlainSocket } from './plain-socket.ts'

export function listen(socket: Socket | PlainSocket, listeners: Listeners): void {
  if (socket instanceof PlainSocket) return socket.listen(listeners)
  for (const event in listeners) socket.on(event, listeners[event] as () => void)
}

export function stopListening(socket: Socket | PlainSocket, listeners: Listeners): void {
  if (socket instanceof PlainSocket) return socket.stopListening(listeners)
  for (const event in listeners) socket.off(event, listeners[event] as () => void)
}
