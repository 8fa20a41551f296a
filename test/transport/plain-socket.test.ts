import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { PlainSocket } from '../../src/transport/plain-socket.ts'
import { CopyingReader, OwnReadBuffer, ReadBuffers } from '../../src/transport/read-buffer.ts'
import { reset } from '../../src/transport/reset.ts'
import { unsentBytes } from '../../src/transport/unsent.ts'
import { brokenOff } from '../support/client.ts'
import { plainPair } from '../support/plain-pair.ts'
import { until } from '../support/until.ts'

/** More than the kernel keeps for a peer that does not read. */
const LARGE = 30_000_000

async function readAll(client: Socket): Promise<string> {
  let text = ''
  client.setEncoding('latin1')
  client.on('data', (piece: string) => (text += piece))
  client.resume()
  await once(client, 'end')
  return text
}

test('what comes is told at once and in order, and nothing of it while it is paused', async t => {
  const { client, socket, received } = await plainPair(t)
  client.write('one')
  await until(() => received() === 'one', 'it is told')
  t.equal(socket.isPaused(), false)
  socket.pause()
  socket.pause()
  t.equal(socket.isPaused(), true)
  client.write('two')
  // What another connection said later has been read by now.
  const other = await plainPair(t)
  other.client.write('x')
  await until(() => other.received() === 'x', 'another is read')
  t.equal(received(), 'one')
  socket.resume()
  socket.resume()
  await until(() => received() === 'onetwo', 'it goes on')
  t.equal(socket.read(), null)
  t.equal(socket.readableLength, 0)
})

/** Of a worker that is busy with others. */
function busyBuffers(): ReadBuffers {
  const buffers = new ReadBuffers()
  while (!buffers.isBusy) buffers.take(3)
  return buffers
}

/** Its socket has a buffer of its own that grows; each large read is noted in `reads`, and the bytes are counted. */
async function busy(t: Test, name: string, reads: string[], buffers = busyBuffers()) {
  const { client, socket, readBuffer } = await plainPair(t, buffers)
  const it = { client, socket, bytes: 0 }
  socket.pause()
  readBuffer.takeOwn()
  readBuffer.reader = {
    onBytes(_, count) {
      it.bytes += count
      if (count >= 32_768) reads.push(name)
      return true
    },
  }
  return it
}

test('of many with much to say few are read in a turn, and all are read to the end', async t => {
  const reads: string[] = []
  const buffers = busyBuffers()
  const all = await Promise.all(Array.from('abcdefghij').map(name => busy(t, name, reads, buffers)))
  for (const { client } of all) client.write(Buffer.alloc(LARGE))
  for (const { socket } of all) socket.resume()
  const gone = all.pop()!
  await until(() => gone.bytes > LARGE / 4, 'it is under way')
  gone.socket.destroy()
  let most = 0
  while (!all.every(({ bytes }) => bytes === LARGE)) {
    const before = reads.length
    await nextTurn()
    most = Math.max(most, reads.length - before)
  }
  // Those that come to the end of their buffer for the first time are read besides.
  t.ok(most <= 6, `${most} in one turn`)
})

test('who has much to say is not read twice while others have something to say', async t => {
  const reads: string[] = []
  const all = await Promise.all(['a', 'b'].map(name => busy(t, name, reads)))
  for (const { client } of all) client.write(Buffer.alloc(LARGE))
  for (let turn = 0; turn < 20; turn++) await nextTurn()
  for (const { socket } of all) socket.resume()
  await until(() => all.every(({ bytes }) => bytes === LARGE), 'all is read')
  const turns = reads.slice(0, 40).join('')
  t.match(turns, /[ab]{40}/)
  t.notMatch(turns, /aaaa|bbbb/, 'they take turns')
})

test('while it lets others be read it may be paused, resumed, and taken', async t => {
  const it = await busy(t, 'a', [])
  const { client, socket } = it
  client.write(Buffer.alloc(LARGE))
  for (let n = 0; n < 200; n++) {
    socket.resume()
    await nextTurn()
    socket.pause()
    const before = it.bytes
    await nextTurn()
    t.equal(it.bytes, before, 'nothing is read while it is paused')
    socket.resume()
    socket.pause()
    socket.resume()
  }
  const node = socket.toNodeSocket()
  node.on('error', error => t.fail(error.message))
  node.resume()
  await until(() => it.bytes === LARGE, 'no byte is lost')
  node.destroy()
})

test('what is written arrives whole and in order, and is waited for until the kernel has it', async t => {
  const { client, socket, told } = await plainPair(t)
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
  const { client, socket, told, received } = await plainPair(t)
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
  const { client, socket, told } = await plainPair(t)
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
  const { client, socket, told } = await plainPair(t)
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
  const { client, socket, told } = await plainPair(t)
  const end = brokenOff(client)
  client.resume()
  reset(socket)
  t.equal(await end, 'ECONNRESET')
  const shutting = await plainPair(t)
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
  const { client, socket, told } = await plainPair(t)
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
  const { client, socket, told } = await plainPair(t)
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

test('what a peer said before it reset is read first, though a write has failed by then', async t => {
  const { client, socket, told, received } = await plainPair(t)
  client.write('why')
  client.resetAndDestroy()
  // All in this turn: nothing has been read yet.
  for (let n = 0; n < 3; n++) t.equal(socket.write('x'), true)
  t.equal(received(), '')
  t.strictSame(told, [])
  await until(() => told.length > 1, 'it is told')
  t.equal(received(), 'why')
  t.match(told, [/^write E(CONNRESET|PIPE)$/, 'close'], 'no end')
  t.equal(socket.destroyed, true)
})

test('what waits to be written when the peer resets fails once', async t => {
  const { client, socket, told } = await plainPair(t)
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
  const { client, socket, told, received } = await plainPair(t)
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
  const busy = await plainPair(t)
  busy.client.pause()
  busy.socket.write(Buffer.alloc(LARGE))
  t.equal(busy.socket.takeHandle(), null)
  t.equal(busy.socket.destroyed, false)
  const ending = await plainPair(t)
  ending.socket.end()
  t.equal(ending.socket.takeHandle(), null)
})

test('a socket of Node can be made of it, behind what is still being written', async t => {
  const { client, socket, told, readBuffer, listeners, received } = await plainPair(t)
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
  const { client, socket } = await plainPair(t)
  t.equal(socket.localAddress, '127.0.0.1')
  t.equal(socket.localPort, client.remotePort)
})

/** A socket that is just being connected, which tells what happens to it. */
function dial(t: Test, address: string, port: number) {
  const readBuffer = new OwnReadBuffer(new ReadBuffers())
  const told: string[] = []
  let received = ''
  readBuffer.reader = {
    onBytes(bytes, count) {
      received += bytes.toString('latin1', 0, count)
      return true
    },
  }
  const socket = PlainSocket.dial(address, port, readBuffer)!
  t.teardown(() => socket.destroy())
  socket.listen({
    connect: () => void told.push('connect'),
    end: () => void told.push('end'),
    error: (error: NodeJS.ErrnoException) => void told.push(`${error.syscall} ${error.code}`),
    close: () => void told.push('close'),
  })
  return { socket, told, received: () => received }
}

async function startServer(t: Test, host: string, onClient: (client: Socket) => void) {
  const server = createServer({ allowHalfOpen: true }, client => {
    client.on('error', () => {})
    onClient(client)
  })
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { server, port: (server.address() as AddressInfo).port }
}

test('one that dials is told when it is connected, and reads from then on', async t => {
  for (const host of ['127.0.0.1', '::1']) {
    const { port } = await startServer(t, host, client => {
      client.write('hello ')
      client.pipe(client)
    })
    const { socket, told, received } = dial(t, host, port)
    t.equal(socket.isPaused(), true)
    await until(() => told.length > 0, 'it is connected')
    t.strictSame(told, ['connect'])
    t.equal(socket.isPaused(), false)
    socket.write('you')
    socket.write('a'.repeat(300_000))
    socket.end()
    await until(() => told.includes('close'), 'both sides are done')
    t.equal(received(), `hello you${'a'.repeat(300_000)}`, host)
    t.strictSame(told, ['connect', 'end', 'close'])
  }
})

test('one that reaches nobody says so, once', async t => {
  const { server, port } = await startServer(t, '127.0.0.1', () => {})
  server.close()
  await once(server, 'close')
  const { socket, told } = dial(t, '127.0.0.1', port)
  t.strictSame(told, [], 'not before who dialled has heard of the socket')
  await until(() => told.includes('close'), 'it failed')
  t.strictSame(told, ['connect ECONNREFUSED', 'close'])
  t.equal(socket.destroyed, true)
})

test('an address that is none is told as a failure, too', async t => {
  const { told } = dial(t, '127.0.0.1.5', 9)
  t.strictSame(told, [])
  await until(() => told.includes('close'), 'it failed')
  t.strictSame(told, ['connect EINVAL', 'close'])
})

test('of one that is destroyed while it dials nothing is heard', async t => {
  let connections = 0
  const { port } = await startServer(t, '127.0.0.1', client => {
    connections++
    client.resume()
  })
  for (const leave of ['destroy', 'resetAndDestroy'] as const) {
    const { socket, told } = dial(t, '127.0.0.1', port)
    socket[leave]()
    const after = dial(t, '127.0.0.1', port)
    await until(() => after.told.length > 0, 'a later one is connected')
    t.strictSame(told, [], leave)
  }
  await until(() => connections >= 2, 'those that stayed came')
})
