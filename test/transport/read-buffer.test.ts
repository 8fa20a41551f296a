import { test } from 'tap'
import { ReadBuffer, ReadBuffers } from '../../src/transport/read-buffer.ts'

const [SMALL, LARGE] = [1024, 262_144]

/** A read that fills `count` bytes of the buffer it was given. */
function read(buffer: ReadBuffer, count = buffer.buffer().length): void {
  buffer.callback(count)
}

test('a transfer gets larger buffers read by read, and an idle socket the smallest', async t => {
  const buffer = new ReadBuffer(new ReadBuffers())
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
  const buffer = new ReadBuffer(new ReadBuffers())
  read(buffer)
  read(buffer, 5000)
  t.equal(buffer.buffer().length, 8192)
})

test('whoever is not done with the bytes keeps the buffer', async t => {
  const buffer = new ReadBuffer(new ReadBuffers())
  buffer.onBytes = () => false
  const before = buffer.buffer()
  read(buffer)
  t.equal(buffer.buffer(), before)
})

test('bytes are handed over as they stand, a full buffer as itself', async t => {
  const buffer = new ReadBuffer(new ReadBuffers())
  const seen: Buffer[] = []
  buffer.onBytes = bytes => {
    seen.push(bytes)
    return false
  }
  buffer.buffer().write('hello')
  read(buffer, 5)
  read(buffer)
  t.equal(seen[0]!.toString(), 'hello')
  t.equal(seen[1], buffer.buffer())
})

test('a buffer that was given back is used again, unless it may still be read', async t => {
  const buffers = new ReadBuffers()
  const first = new ReadBuffer(buffers)
  const memory = first.buffer()
  first.release(true)
  first.release(true)
  const second = new ReadBuffer(buffers)
  t.equal(second.buffer(), memory)
  t.not(new ReadBuffer(buffers).buffer(), memory, 'once')
  second.release(false)
  t.not(new ReadBuffer(buffers).buffer(), memory)
})

test('buffers of the largest size are few, whoever asks', async t => {
  const buffers = new ReadBuffers()
  const sockets = Array.from({ length: 80 }, () => new ReadBuffer(buffers))
  for (const socket of sockets) for (let i = 0; i < 4; i++) read(socket)
  t.equal(buffers.largestInUse, 64)
  t.equal(sockets.filter(socket => socket.buffer().length === LARGE).length, 64)
  for (const socket of sockets) socket.release(true)
  t.equal(buffers.largestInUse, 0)
})

test('a socket that closes in the middle of its own read keeps its last buffer', async t => {
  const buffers = new ReadBuffers()
  const buffer = new ReadBuffer(buffers)
  const memory = buffer.buffer()
  buffer.onBytes = () => {
    buffer.release(true)
    return true
  }
  read(buffer)
  t.equal(new ReadBuffer(buffers).buffer(), memory)
  t.not(new ReadBuffer(buffers).buffer(), memory, 'it was given back once')
})
