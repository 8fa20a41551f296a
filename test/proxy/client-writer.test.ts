import type { Socket } from 'node:net'
import { type Test, test } from 'tap'
import { ClientWriter } from '../../src/proxy/client-writer.ts'
import { readAll } from '../support/client.ts'
import { runningDeadlines, socketPair } from '../support/edge.ts'
import { plainPair } from '../support/plain-pair.ts'
import { until } from '../support/until.ts'

async function writer(t: Test, limits = { writeTimeoutMs: 60_000, writeRateMin: 0 }) {
  const { client, server } = await socketPair(t)
  const told: string[] = []
  const { promise: slow, resolve } = Promise.withResolvers<void>()
  const it = new ClientWriter({
    socket: server,
    plain: server,
    deadlines: runningDeadlines(t),
    limits,
    owner: {
      onClientDrain: () => void told.push('drain'),
      onClientSlow: () => {
        told.push('slow')
        resolve()
      },
    },
  })
  server.on('drain', () => it.drained())
  return { it, client, server, told, slow }
}

/** More than a socket's buffers hold. */
const LARGE = Buffer.alloc(32 * 1024 * 1024, 'x')

async function all(socket: Socket): Promise<number> {
  return (await readAll(socket)).length
}

test('texts and small pieces gather, and go out in order', async t => {
  const { it, client, server } = await writer(t)
  it.text('head ')
  t.ok(it.bytes(Buffer.from('-body-'), 1, 5), 'done with the bytes')
  t.equal(server.bytesWritten, 0, 'nothing is written before the turn is over')
  t.ok(it.flush())
  server.end()
  t.equal((await readAll(client)).toString(), 'head body')
})

test('who reads gets all, and the owner hears once that it was taken', async t => {
  const { it, client, server, told } = await writer(t)
  t.notOk(it.bytes(LARGE, 0, LARGE.length), 'the kernel does not take that much at once')
  const got = all(client)
  server.once('drain', () => server.end())
  t.equal(await got, LARGE.length)
  t.strictSame(told, ['drain'])
})

test('a client that takes nothing is told of after the time it may take', async t => {
  const { it, told, slow } = await writer(t, { writeTimeoutMs: 1500, writeRateMin: 0 })
  it.bytes(LARGE, 0, LARGE.length)
  await slow
  t.strictSame(told, ['slow'])
})

test('what is closed writes nothing more and tells nothing', async t => {
  const { it, client, server, told } = await writer(t)
  it.text('never sent')
  it.close()
  t.ok(it.flush())
  server.end()
  t.equal(await all(client), 0)
  t.strictSame(told, [])
})

/** A writer of a client whose socket is weir's own. */
async function plainWriter(t: Test) {
  const { client, socket } = await plainPair(t)
  const told: string[] = []
  const it = new ClientWriter({
    socket,
    plain: socket,
    deadlines: runningDeadlines(t),
    limits: { writeTimeoutMs: 60_000, writeRateMin: 0 },
    owner: { onClientDrain: () => void told.push('drain'), onClientSlow() {} },
  })
  socket.listen({ drain: () => it.drained() })
  return { it, client, socket, told }
}

test('what is lent goes out at once, and may be changed then', async t => {
  const { it, client, socket } = await plainWriter(t)
  const bytes = Buffer.from('one ')
  t.ok(it.lend(bytes), 'the kernel has it')
  bytes.write('two ')
  it.text('text ')
  t.ok(it.lend(bytes), 'it has gathered behind the text')
  bytes.write('xxxx')
  it.flush()
  it.close()
  t.ok(it.lend(bytes), 'nothing is written to a client that is gone')
  socket.end()
  t.equal((await readAll(client)).toString(), 'one text two ')
})

test('what is lent to a client that does not read is told of, and goes out whole', async t => {
  const { it, client, socket, told } = await plainWriter(t)
  t.notOk(it.lend(LARGE), 'it is in use')
  const small = Buffer.from('small')
  t.ok(it.lend(small), 'behind another it is copied')
  small.fill(0)
  t.notOk(it.flush())
  const got = readAll(client)
  await until(() => told.length > 0, 'the client has taken it')
  socket.end()
  const all = await got
  t.equal(all.length, LARGE.length + 5)
  t.equal(all.subarray(-5).toString(), 'small')
  t.strictSame(told, ['drain'])
})

test('what is lent gathers where the socket is one of Node', async t => {
  const { it, client, server } = await writer(t)
  const bytes = Buffer.from('one')
  t.ok(it.lend(bytes))
  bytes.fill(0)
  t.equal(server.bytesWritten, 0)
  it.flush()
  server.end()
  t.equal((await readAll(client)).toString(), 'one')
})
