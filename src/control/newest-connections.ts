/**
 * Bounds the connections of a server that must always answer: the oldest makes room for a new one.
 *
 * With Node's `maxConnections` it is the new one that is dropped, and a few clients that ask and do not read keep
 * everybody else out for as long as they like.
 */
import type { Server, Socket } from 'node:net'

/** @param max connections at once */
export function keepNewest(server: Server, max: number): void {
  const open = new Set<Socket>()
  server.on('connection', socket => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    if (open.size <= max) return
    const [oldest] = open
    // Told as closed only later.
    open.delete(oldest!)
    oldest!.destroy()
  })
}
