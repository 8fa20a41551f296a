/** A worker's surroundings without a worker: sockets over loopback, and deadlines that pass on demand. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { Deadlines } from '../../src/transport/deadlines.ts'

export interface Pair {
  /** The end that connected. */
  readonly client: Socket
  /** The end that was accepted; hears nothing until it is resumed. */
  readonly server: Socket
}

/** Two ends of one connection. Neither throws at what the other does. */
export async function socketPair(t: Test): Promise<Pair> {
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const { port } = listener.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  await once(client, 'connect')
  const [server] = await accepted
  server.on('error', () => {})
  listener.close()
  t.teardown(() => {
    client.destroy()
    server.destroy()
  })
  return { client, server }
}

/** Deadlines that run, and stop with the test. */
export function runningDeadlines(t: Test): Deadlines {
  const deadlines = new Deadlines(() => {})
  deadlines.start()
  t.teardown(() => deadlines.stop())
  return deadlines
}
