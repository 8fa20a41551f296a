import { once } from 'node:events'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import { test } from 'tap'
import { ReadBuffers } from '../../src/transport/read-buffer.ts'
import { TlsReadBuffer } from '../../src/transport/tls-read-buffer.ts'
import { testAuthority } from '../support/certificates.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

/** A TLS connection after its handshake, the server's end read through the buffer. */
async function setUp(t: Parameters<typeof socketPair>[0]) {
  const pair = await socketPair(t)
  const { issued } = testAuthority(t).issue('a', ['a.test'])
  const secureContext = createSecureContext({ cert: issued.chainPem, key: issued.keyPem })
  const server = new TLSSocket(pair.server, { isServer: true, secureContext })
  const client = connect({ socket: pair.client, rejectUnauthorized: false })
  t.teardown(() => {
    client.destroy()
    server.destroy()
  })
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')])
  const buffers = new ReadBuffers()
  const readBuffer = TlsReadBuffer.attach(server, buffers)
  if (readBuffer === null) throw new Error('this Node has another way')
  const reads: { memory: ArrayBufferLike; bytes: Buffer }[] = []
  const heard = { text: '' }
  readBuffer.reader = {
    onBytes(bytes, count) {
      reads.push({ memory: bytes.buffer, bytes: bytes.subarray(0, count) })
      heard.text += bytes.toString('latin1', 0, count)
      return true
    },
  }
  server.on('data', () => t.fail('it does not go through the stream'))
  server.resume()
  return { client, server, buffers, readBuffer, reads, heard }
}

test('heads are read into the buffer all share', async t => {
  const { client, buffers, reads, heard } = await setUp(t)
  for (const text of ['one', 'two']) {
    client.write(text)
    await until(() => heard.text.endsWith(text), text)
  }
  t.equal(heard.text, 'onetwo')
  for (const { memory } of reads) t.equal(memory, buffers.shared.buffer)
})

test('each read of a body has memory of its own, until heads come again', async t => {
  const { client, buffers, readBuffer, reads, heard } = await setUp(t)
  t.notOk(readBuffer.isFresh)
  readBuffer.takeOwn()
  t.ok(readBuffer.isOwn && readBuffer.isFresh)
  client.write('still into what was given before')
  await until(() => heard.text !== '', 'the first read')
  const body = 'x'.repeat(100_000)
  heard.text = ''
  reads.length = 0
  client.write(body)
  await until(() => heard.text.length === body.length, 'the body')
  t.equal(new Set(reads.map(({ memory }) => memory)).size, reads.length)
  t.equal(reads.map(({ bytes }) => bytes.toString()).join(''), body, 'all of it still stands')
  readBuffer.giveOwn()
  for (const text of ['last', 'head']) {
    client.write(text)
    await until(() => heard.text.endsWith(text), text)
  }
  t.equal(reads.at(-1)!.memory, buffers.shared.buffer)
})

test('a paused socket is read no further than what it had decrypted', async t => {
  const { client, server, readBuffer, heard } = await setUp(t)
  readBuffer.takeOwn()
  client.write('first')
  await until(() => heard.text === 'first', 'first')
  server.pause()
  client.write('second')
  const echoed = once(client, 'data')
  server.write('still writes')
  await echoed
  t.equal(heard.text, 'first')
  server.resume()
  await until(() => heard.text === 'firstsecond', 'second')
})

test('the end is told as ever, and nothing after the release', async t => {
  const { client, server, readBuffer, heard } = await setUp(t)
  const ended = once(server, 'end')
  client.write('a')
  await until(() => heard.text === 'a', 'a')
  readBuffer.release()
  client.end('b')
  await ended
  t.equal(heard.text, 'a')
})
