import { EventEmitter } from 'node:events'
import { test } from 'tap'
import { FirstBytes } from '../../src/proxy/first-bytes.ts'
import type { TcpSession } from '../../src/proxy/tcp-session.ts'
import { Deadline, Deadlines, STEP_MS } from '../../src/transport/deadlines.ts'
import { Held } from '../../src/transport/held.ts'
import type { PlainSocket } from '../../src/transport/plain-socket.ts'
import { ClientReadBuffer, ReadBuffers } from '../../src/transport/read-buffer.ts'

/** What comes when a head is whole, or anything is to be said, is test/flows/silent-clients.test.ts. */
function silent() {
  const deadlines = new Deadlines(() => {})
  const deadline = new Deadline({ onDeadline() {} })
  const ended: string[][] = []
  const client = {
    edge: { deadlines, config: { http: { headTimeoutMs: 10 * STEP_MS } } },
    end: (...how: string[]) => void ended.push(how),
    received: 0,
    countReceived: (count: number) => void (client.received += count),
  }
  const socket = Object.assign(new EventEmitter(), { reads: false, resume: () => {} })
  socket.resume = () => void (socket.reads = true)
  const readBuffer = new ClientReadBuffer(new ReadBuffers())
  const first = new FirstBytes(
    client as unknown as TcpSession,
    socket as unknown as PlainSocket,
    readBuffer,
    deadline,
  )
  first.start()
  return { first, client, socket, readBuffer, deadlines, deadline, ended }
}

test('it reads, under the deadline of the session, and tells how long nothing has come', async t => {
  const { first, socket, readBuffer, deadlines, deadline } = silent()
  t.equal(socket.reads, true)
  t.equal(readBuffer.reader, first)
  t.not(deadline.due, 0)
  t.equal(first.idleSteps(deadlines.now + 7), 7)
})

test('a client that breaks or goes without a word has finished', async t => {
  for (const [event, cause, ...what] of [
    ['error', 'ECONNRESET', Object.assign(new Error('read'), { code: 'ECONNRESET' })],
    ['close', ''],
  ] as const) {
    const { socket, ended } = silent()
    socket.emit(event, ...what)
    t.strictSame(ended, [['finished', cause]], event)
  }
})

test('a head that does not end is kept and counted, and is a word', async t => {
  for (const [event, how, ...what] of [
    ['error', 'client-reset', Object.assign(new Error('read'), { code: 'ECONNRESET' })],
    ['close', 'client-gone'],
  ] as const) {
    const { first, client, socket, deadlines, ended } = silent()
    const shared = Buffer.from('GET / HTTP/1.1\r\nHost')
    t.equal(first.onBytes(shared, 10), true)
    shared.fill('x')
    t.equal(first.onBytes(Buffer.from('.1\r\nHost: a\r\n'), 5), true)
    t.equal(client.received, 15)
    const held = new Held()
    first.hold(held)
    t.equal(held.fromClient, 15)
    t.equal(first.idleSteps(deadlines.now + 7), -1, 'it is not idle')
    socket.emit(event, ...what)
    t.match(ended, [[how]], event)
  }
})
