import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { Listener } from '../../src/transport/listener.ts'
import { PlainSocket } from '../../src/transport/plain-socket.ts'
import { ClientReadBuffer, ReadBuffers } from '../../src/transport/read-buffer.ts'
import { Tarpit } from '../../src/transport/tarpit.ts'
import { runningDeadlines } from './edge.ts'

/** A client, and the socket that weir makes of its connection, which reads from the start. */
export async function plainPair(t: Test, buffers = new ReadBuffers()) {
  const told: string[] = []
  const readBuffer = new ClientReadBuffer(buffers)
  let received = ''
  readBuffer.reader = {
    onBytes(bytes, count) {
      received += bytes.toString('latin1', 0, count)
      return true
    },
  }
  const { promise, resolve } = Promise.withResolvers<PlainSocket>()
  const door = {
    admits: () => 0,
    newReadBuffer: () => readBuffer,
    onConnection: (socket: Socket | PlainSocket) => resolve(socket as PlainSocket),
  }
  const listener = new Listener(door, new Tarpit(runningDeadlines(t), 0, 0))
  const port = await listener.listen({ host: '127.0.0.1', port: 0 })
  const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  client.on('error', () => {})
  const [socket] = await Promise.all([promise, once(client, 'connect')])
  listener.close()
  t.teardown(() => {
    client.destroy()
    socket.destroy()
  })
  t.ok(socket instanceof PlainSocket, 'this Node has what it takes')
  const listeners = {
    drain: () => void told.push('drain'),
    end: () => void told.push('end'),
    error: (error: NodeJS.ErrnoException) => void told.push(`${error.syscall} ${error.code}`),
    close: () => void told.push('close'),
  }
  socket.listen(listeners)
  socket.resume()
  return { client, socket, told, readBuffer, listeners, received: () => received }
}
