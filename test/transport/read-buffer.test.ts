import { test } from 'tap'
import {
  ClientReadBuffer,
  OwnReadBuffer,
  ReadBuffers,
  SharedReadBuffer,
} from '../../src/transport/read-buffer.ts'

const [SMALL, LARGE] = [1024, 262_144]

/** A read that fills `count` bytes of the buffer it was given. */
function read(buffer: OwnReadBuffer, count = buffer.buffer().length): void {
  buffer.callback(count)
}

function text(bytes: Buffer, count: number): string {
  return bytes.toString('latin1', 0, count)
}

test('a transfer gets larger buffers read by read, and an idle socket the smallest', async t => {
  const buffer = new OwnReadBuffer(new ReadBuffers())
  const sizes: number[] = []
  for (let i = 0; i < 5; i++) {
    sizes.push(buffer.buffer().length)
    read(buffer)
  }
  t.strictSame(sizes, [1024, 8192, 32_768, LARGE, LARGE])
  for (let i = 0; i < 3; i++) read(buffer, 1)
  t.equal(buffer.buffer().length, SMALL)
})

test('a read that needs the size it has keeps it', async t => {
  const buffer = new OwnReadBuffer(new ReadBuffers())
  read(buffer)
  read(buffer, 5000)
  t.equal(buffer.buffer().length, 8192)
})

test('whoever is not done with the bytes keeps the buffer', async t => {
  const buffer = new OwnReadBuffer(new ReadBuffers())
  buffer.reader = { onBytes: () => false }
  const before = buffer.buffer()
  read(buffer)
  t.equal(buffer.buffer(), before)
})

test('bytes are handed over as they stand', async t => {
  const buffer = new OwnReadBuffer(new ReadBuffers())
  const seen: Buffer[] = []
  buffer.reader = {
    onBytes(bytes, count) {
      seen.push(bytes.subarray(0, count))
      return false
    },
  }
  buffer.buffer().write('hello')
  read(buffer, 5)
  read(buffer)
  t.equal(seen[0]!.toString(), 'hello')
  t.equal(seen[1]!.length, SMALL)
  t.equal(seen[1]!.buffer, buffer.buffer().buffer)
})

test('a client reads heads into the buffer all share, and bodies into one of its own', async t => {
  const buffers = new ReadBuffers()
  const buffer = new ClientReadBuffer(buffers)
  const seen: string[] = []
  buffer.reader = { onBytes: (bytes, count) => seen.push(text(bytes, count)) > 0 }
  t.equal(buffer.buffer(), buffers.shared)
  buffers.shared.write('head')
  buffer.callback(4, buffers.shared)
  buffer.takeOwn()
  const own = buffer.buffer()
  t.not(own, buffers.shared)
  own.write('body')
  buffer.callback(4, own)
  buffer.giveOwn()
  t.equal(buffer.buffer(), buffers.shared)
  t.strictSame(seen, ['head', 'body'])
})

test('a reader that comes later gets what is read into the one of its own, too', async t => {
  const buffer = new ClientReadBuffer(new ReadBuffers())
  const seen: string[] = []
  const reader = (name: string) => ({
    onBytes: (bytes: Buffer, count: number) => seen.push(`${name} ${text(bytes, count)}`) > 0,
  })
  buffer.reader = reader('one')
  buffer.takeOwn()
  buffer.buffer().write('body')
  buffer.callback(4, buffer.buffer())
  buffer.reader = reader('two')
  t.equal(buffer.reader !== null, true)
  buffer.buffer().write('next')
  buffer.callback(4, buffer.buffer())
  t.strictSame(seen, ['one body', 'two next'])
})

test('a buffer that was given back is used again, unless it may still be read', async t => {
  const buffers = new ReadBuffers()
  const first = new OwnReadBuffer(buffers)
  const memory = first.buffer()
  first.release(true)
  first.release(true)
  const second = new OwnReadBuffer(buffers)
  t.equal(second.buffer(), memory)
  t.not(new OwnReadBuffer(buffers).buffer(), memory, 'once')
  second.release(false)
  t.not(new OwnReadBuffer(buffers).buffer(), memory)
})

test('no two sockets read into the same bytes', async t => {
  const buffers = new ReadBuffers()
  const sockets = Array.from({ length: 20 }, () => new OwnReadBuffer(buffers))
  sockets.forEach((socket, i) => socket.buffer().fill(i))
  for (const [i, socket] of sockets.entries()) {
    t.equal(socket.buffer().length, SMALL)
    t.ok(
      socket.buffer().every(byte => byte === i),
      `those of ${i}`,
    )
  }
  t.equal(buffers.taken, 20 * SMALL)
  t.equal((buffers.taken + buffers.spare) % SMALL, 0)
})

test('buffers of the largest size are few, whoever asks', async t => {
  const buffers = new ReadBuffers()
  const sockets = Array.from({ length: 80 }, () => new OwnReadBuffer(buffers))
  for (const socket of sockets) for (let i = 0; i < 4; i++) read(socket)
  t.equal(buffers.largestInUse, 64)
  t.equal(sockets.filter(socket => socket.buffer().length === LARGE).length, 64)
  for (const socket of sockets) socket.release(true)
  t.equal(buffers.largestInUse, 0)
})

test('a socket that closes in the middle of its own read keeps its last buffer', async t => {
  const buffers = new ReadBuffers()
  const buffer = new OwnReadBuffer(buffers)
  const memory = buffer.buffer()
  buffer.reader = {
    onBytes() {
      buffer.release(true)
      return true
    },
  }
  read(buffer)
  t.equal(new OwnReadBuffer(buffers).buffer(), memory)
  t.not(new OwnReadBuffer(buffers).buffer(), memory, 'it was given back once')
})

test('a shared buffer is the same for all, and costs a socket nothing', async t => {
  const buffers = new ReadBuffers()
  const [one, two] = [new SharedReadBuffer(buffers), new SharedReadBuffer(buffers)]
  t.equal(one.buffer(), two.buffer())
  const seen: string[] = []
  one.reader = { onBytes: (bytes, count) => seen.push(`one ${text(bytes, count)}`) > 0 }
  two.reader = { onBytes: (bytes, count) => seen.push(`two ${text(bytes, count)}`) > 0 }
  one.buffer().write('hello')
  one.callback(5, one.buffer())
  two.buffer().write('bye')
  two.callback(3, two.buffer())
  t.strictSame(seen, ['one hello', 'two bye'])
  one.release()
  t.equal(two.buffer(), buffers.shared)
})

test('what sockets hold and what is spare is known to the byte', async t => {
  const buffers = new ReadBuffers()
  const [first, second] = [new OwnReadBuffer(buffers), new OwnReadBuffer(buffers)]
  const shared = buffers.spare
  read(first)
  t.strictSame([first.size, second.size, buffers.taken], [8192, SMALL, 8192 + SMALL])
  t.equal(buffers.spare, shared + SMALL, 'the one it had first')
  second.release(true)
  second.release(true)
  t.strictSame([second.size, buffers.taken, buffers.spare], [0, 8192, shared + 2 * SMALL])
  first.release(false)
  t.strictSame(
    [buffers.taken, buffers.spare],
    [0, shared + 2 * SMALL],
    'what is read from is let go',
  )
})
