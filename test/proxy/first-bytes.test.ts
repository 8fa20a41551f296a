import { EventEmitter } from 'node:events'
import { test } from 'tap'
import { FirstBytes } from '../../src/proxy/first-bytes.ts'
import type { TcpSession } from '../../src/proxy/tcp-session.ts'
import { Deadline, Deadlines, STEP_MS } from '../../src/transport/deadlines.ts'
import type { PlainSocket } from '../../src/transport/plain-socket.ts'
import { ClientReadBuffer, ReadBuffers } from '../../src/transport/read-buffer.ts'

/** What comes when there is something to say is test/flows/silent-clients.test.ts. */
function silent() {
  const deadlines = new Deadlines(() => {})
  const deadline = new Deadline(() => {})
  const ended: string[][] = []
  const client = {
    edge: { deadlines, config: { http: { headTimeoutMs: 10 * STEP_MS } } },
    end: (...how: string[]) => void ended.push(how),
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
  return { first, socket, readBuffer, deadlines, deadline, ended }
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
