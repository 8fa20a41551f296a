import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { isBehind, writeText } from '../../src/transport/direct-write.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

/** Writes until the kernel takes no more. @returns what was written */
function fill(socket: Socket): string {
  let written = ''
  for (let i = 0; i < 10_000 && !isBehind(socket); i++) {
    const text = `${i} `.repeat(3000)
    writeText(socket, text)
    written += text
  }
  return written
}

async function readAll(socket: Socket): Promise<string> {
  let read = ''
  socket.on('data', (bytes: Buffer) => {
    read += bytes.toString('latin1')
  })
  socket.resume()
  await once(socket, 'end')
  return read
}

test('a text goes past the stream', async t => {
  const { client, server } = await socketPair(t)
  const original = client.write.bind(client)
  let streamed = 0
  client.write = ((...args: Parameters<typeof original>) => {
    streamed++
    return original(...args)
  }) as typeof client.write
  t.equal(writeText(client, 'caf\xe9'), true)
  t.equal(streamed, 0, 'this Node has the way that is relied on')
  t.equal(isBehind(client), false)
  const [bytes] = (await once(server.resume(), 'data')) as [Buffer]
  t.equal(bytes.toString('latin1'), 'caf\xe9')
  writeText(client, 'x'.repeat(20_000))
  t.equal(streamed, 1, 'a long one does not')
})

test('what the kernel does not take comes in order, with what the stream is given after it', async t => {
  const { client, server } = await socketPair(t)
  server.pause()
  let written = fill(client)
  t.equal(isBehind(client), true)
  t.equal(client.writableLength, 0, 'the stream knows nothing of it')
  for (const text of ['one ', 'two ', 'three ']) {
    writeText(client, text)
    written += text
  }
  t.ok(client.writableLength > 0, 'and takes what follows')
  client.end('end')
  const read = await readAll(server)
  t.equal(read.length, written.length + 3)
  t.equal(read, `${written}end`)
})

test('once all is taken the next one goes past the stream again', async t => {
  const { client, server } = await socketPair(t)
  server.pause()
  fill(client)
  t.equal(isBehind(client), true)
  server.resume()
  await until(() => Promise.resolve(!isBehind(client)), 'all of it is taken')
  writeText(client, 'again')
  t.equal(client.writableLength, 0)
})

test('a peer that is gone ends the socket with an error, and nothing is thrown', async t => {
  const { client, server } = await socketPair(t)
  server.pause()
  fill(client)
  server.resetAndDestroy()
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
  t.match(error.code, /^(ECONNRESET|EPIPE)$/)
  await until(() => Promise.resolve(!isBehind(client)), 'nothing waits any more')
  t.equal(client.destroyed, true)
  writeText(client, 'too late')
})

test('a socket that was ended says so as it does itself', async t => {
  const { client } = await socketPair(t)
  client.end()
  writeText(client, 'too late')
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
  t.equal(error.code, 'ERR_STREAM_WRITE_AFTER_END')
})
