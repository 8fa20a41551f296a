import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type Test, test } from 'tap'
import { Http1Backend } from '../../src/proxy/http1-backend.ts'
import { RequestBody } from '../../src/proxy/request-body.ts'
import { readAll } from '../support/client.ts'
import { socketPair } from '../support/edge.ts'

async function connection(t: Test) {
  const { client, server } = await socketPair(t)
  const keeper = { give: () => {}, forget: () => {}, abandon: () => {}, adopt: () => {} }
  const backend = new Http1Backend(0, { socket: client, readBuffer: null }, keeper)
  return { backend, socket: client, server }
}

async function received(socket: Socket, server: Socket): Promise<string> {
  const all = readAll(server)
  server.resume()
  socket.end()
  return (await all).toString('latin1')
}

test('head and small pieces go out in one write, as they came', async t => {
  const { backend, socket, server } = await connection(t)
  const body = new RequestBody(backend, 'HEAD\r\n\r\n', false)
  t.ok(body.add(Buffer.from('-abc-'), 1, 4, false))
  t.equal(socket.bytesWritten, 0)
  body.end()
  t.ok(body.whole)
  t.equal(body.bytes, 3)
  t.equal(await received(socket, server), 'HEAD\r\n\r\nabc')
})

test('chunks are framed anew: one for each piece, none for nothing, and an end', async t => {
  const { backend, socket, server } = await connection(t)
  const body = new RequestBody(backend, 'H\r\n\r\n', true)
  body.add(Buffer.from('abc'), 0, 3, false)
  body.add(Buffer.from('abc'), 1, 1, false)
  body.add(Buffer.alloc(20_000, 'x'), 0, 20_000, true)
  body.end()
  const expected = `H\r\n\r\n3\r\nabc\r\n4e20\r\n${'x'.repeat(20_000)}\r\n0\r\n\r\n`
  t.equal(await received(socket, server), expected)
})

test('what does not last is copied: the buffer may be used again at once', async t => {
  const { backend, socket, server } = await connection(t)
  const body = new RequestBody(backend, '', false)
  const bytes = Buffer.alloc(8 * 1024 * 1024, 'a')
  t.notOk(body.add(bytes, 0, bytes.length, false), 'the kernel does not take that much at once')
  bytes.fill('b')
  body.end()
  const text = await received(socket, server)
  t.equal(text.length, bytes.length)
  t.notOk(text.includes('b'))
})

test('a backend that takes no more is waited for, and says when it does', async t => {
  const { backend, socket, server } = await connection(t)
  const body = new RequestBody(backend, '', false)
  const bytes = Buffer.alloc(8 * 1024 * 1024, 'a')
  t.notOk(body.add(bytes, 0, bytes.length, true))
  const drained = once(socket, 'drain')
  server.resume()
  await drained
  t.ok(body.add(Buffer.from('z'), 0, 1, true))
  t.ok(body.flush())
})
