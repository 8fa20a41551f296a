import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { Listener } from '../../src/transport/listener.ts'
import { PlainSocket } from '../../src/transport/plain-socket.ts'
import { ClientReadBuffer, CopyingReader, ReadBuffers } from '../../src/transport/read-buffer.ts'
import { reset } from '../../src/transport/reset.ts'
import { Tarpit } from '../../src/transport/tarpit.ts'
import { unsentBytes } from '../../src/transport/unsent.ts'
import { brokenOff } from '../support/client.ts'
import { runningDeadlines } from '../support/edge.ts'
import { until } from '../support/until.ts'

/** More than the kernel keeps for a peer that does not read. */
const LARGE = 30_000_000

/** A client, and the socket that weir makes of its connection, which reads from the start. */
async function pair(t: Test) {
  const told: string[] = []
  const readBuffer = new ClientReadBuffer(new ReadBuffers())
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

async function readAll(client: Socket): Promise<string> {
  let text = ''
  client.setEncoding('latin1')
  client.on('data', (piece: string) => (text += piece))
  client.resume()
  await once(client, 'end')
  return text
}

test('what comes is told at once and in order, and nothing of it while it is paused', async t => {
  const { client, socket, received } = await pair(t)
  client.write('one')
  await until(() => received() === 'one', 'it is told')
  t.equal(socket.isPaused(), false)
  socket.pause()
  socket.pause()
  t.equal(socket.isPaused(), true)
  client.write('two')
  // What another connection said later has been read by now.
  const other = await pair(t)
  other.client.write('x')
  await until(() => other.received() === 'x', 'another is read')
  t.equal(received(), 'one')
  socket.resume()
  socket.resume()
  await until(() => received() === 'onetwo', 'it goes on')
  t.equal(socket.read(), null)
  t.equal(socket.readableLength, 0)
})

test('what is written arrives whole and in order, and is waited for until the kernel has it', async t => {
  const { client, socket, told } = await pair(t)
  client.pause()
  t.equal(socket.write('first'), true)
  t.equal(socket.writableNeedDrain, false)
  t.equal(socket.write(Buffer.alloc(LARGE, 'a')), false)
  t.equal(socket.write('last'), false)
  t.equal(socket.writableLength, LARGE + 4)
  t.equal(socket.writableNeedDrain, true)
  const unsent = unsentBytes(socket, socket)
  socket.end()
  t.strictSame(told, [])
  const text = readAll(client)
  await until(() => unsentBytes(socket, socket) < unsent, 'it falls in the middle of a write')
  t.equal(await text, `first${'a'.repeat(LARGE)}last`)
  t.strictSame(told, ['drain'], 'once, when all is written')
  t.equal(socket.writableLength, 0)
  await until(() => socket.writableFinished, 'its end is out, too')
})

test('a side that has ended leaves the other open, and both are the end', async t => {
  const { client, socket, told, received } = await pair(t)
  client.end('bye')
  await until(() => told.length > 0, 'the end is told')
  t.strictSame(told, ['end'])
  t.equal(received(), 'bye')
  t.equal(socket.isPaused(), false)
  const text = readAll(client)
  socket.write('still here')
  socket.end()
  t.equal(await text, 'still here')
  await until(() => told.length > 1, 'the rest')
  t.strictSame(told, ['end', 'close'])
  t.equal(socket.destroyed, true)
})

test('the other way round, as well', async t => {
  const { client, socket, told } = await pair(t)
  socket.end()
  socket.end()
  t.equal(socket.write('too late'), true)
  t.equal(await readAll(client), '')
  t.strictSame(told, [])
  client.end()
  await until(() => told.length > 1, 'both ends')
  t.strictSame(told, ['end', 'close'])
})

test('who closes it is not told that it is closed', async t => {
  const { client, socket, told } = await pair(t)
  socket.write('x')
  socket.destroy()
  socket.destroy()
  t.equal(await readAll(client), 'x')
  for (const each of ['resume', 'pause', 'end', 'destroy', 'resetAndDestroy'] as const)
    socket[each]()
  t.equal(socket.write('y'), true)
  t.equal(socket.unsent, 0)
  t.equal(socket.localAddress, undefined)
  await nextTurn()
  t.strictSame(told, [])
})

test('a reset is one for the peer, also while it is shutting down', async t => {
  const { client, socket, told } = await pair(t)
  const end = brokenOff(client)
  client.resume()
  reset(socket)
  t.equal(await end, 'ECONNRESET')
  const shutting = await pair(t)
  const gone = once(shutting.client, 'close')
  shutting.client.resume()
  shutting.client.end()
  shutting.socket.end()
  reset(shutting.socket)
  await gone
  await until(() => shutting.socket.destroyed, 'its descriptor is closed')
  t.strictSame(told, [])
})

test('a peer that resets is told of once, and nothing is done to it any more', async t => {
  const { client, socket, told } = await pair(t)
  client.resetAndDestroy()
  await until(() => told.length > 1, 'it is told')
  t.strictSame(told, ['read ECONNRESET', 'close'])
  t.equal(socket.destroyed, true)
  t.equal(socket.write('x'), true)
  socket.end()
  await nextTurn()
  t.equal(told.length, 2)
})

test('a write that fails is told of after it, not within', async t => {
  const { client, socket, told } = await pair(t)
  socket.pause()
  client.resetAndDestroy()
  await once(client, 'close')
  let rounds = 0
  // The first one may be taken before the kernel knows.
  while (!socket.destroyed && rounds++ < 100) {
    socket.write('x')
    t.strictSame(told, [])
    await nextTurn()
  }
  t.match(told, [/^write E(CONNRESET|PIPE)$/, 'close'])
})

test('what waits to be written when the peer resets fails once', async t => {
  const { client, socket, told } = await pair(t)
  client.pause()
  socket.write(Buffer.alloc(LARGE))
  socket.write('more')
  client.resetAndDestroy()
  await until(() => told.length > 1, 'it is told')
  t.match(told, [/^(read|write) E(CONNRESET|PIPE)$/, 'close'])
  await nextTurn()
  t.equal(told.length, 2)
})

test('its descriptor can be taken, but not while something is written or after its end', async t => {
  const { client, socket, told, received } = await pair(t)
  const end = brokenOff(client)
  const handle = socket.takeHandle()
  t.not(handle, null)
  t.equal(socket.destroyed, true)
  t.equal(socket.takeHandle(), null)
  client.write('unread')
  client.resume()
  await nextTurn()
  handle!.reset()
  t.equal(await end, 'ECONNRESET')
  t.equal(received(), '')
  t.strictSame(told, [])
  const busy = await pair(t)
  busy.client.pause()
  busy.socket.write(Buffer.alloc(LARGE))
  t.equal(busy.socket.takeHandle(), null)
  t.equal(busy.socket.destroyed, false)
  const ending = await pair(t)
  ending.socket.end()
  t.equal(ending.socket.takeHandle(), null)
})

test('a socket of Node can be made of it, behind what is still being written', async t => {
  const { client, socket, told, readBuffer, listeners, received } = await pair(t)
  client.write('head')
  await until(() => received() === 'head', 'it reads')
  client.pause()
  socket.write(Buffer.alloc(LARGE, 'a'))
  socket.stopListening(listeners)
  socket.stopListening(listeners)
  const stream = socket.toNodeSocket()
  t.teardown(() => stream.destroy())
  let data = ''
  stream.on('data', (bytes: Buffer) => (data += bytes.toString('latin1')))
  readBuffer.reader = new CopyingReader(stream)
  stream.resume()
  stream.end('tail')
  client.write('body')
  await until(() => data === 'body', 'bytes come as data')
  t.equal(await readAll(client), `${'a'.repeat(LARGE)}tail`)
  const closed = once(stream, 'close')
  client.end()
  await closed
  t.equal(received(), 'head')
  t.strictSame(told, [])
})

test('it knows where the client connected to', async t => {
  const { client, socket } = await pair(t)
  t.equal(socket.localAddress, '127.0.0.1')
  t.equal(socket.localPort, client.remotePort)
})
