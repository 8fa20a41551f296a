import { once } from 'node:events'
import { connect, createSecureContext, type TLSSocket } from 'node:tls'
import { test } from 'tap'
import { TlsSocket } from '../../src/transport/tls-socket.ts'
import { testAuthority } from '../support/certificates.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

/** A TLS connection after its handshake. The client's end is read by nobody yet. */
async function setUp(t: Parameters<typeof socketPair>[0]) {
  const pair = await socketPair(t)
  const { issued } = testAuthority(t).issue('a', ['a.test'])
  const secureContext = createSecureContext({ cert: issued.chainPem, key: issued.keyPem })
  const server = new TlsSocket(pair.server, { isServer: true, secureContext })
  const client = connect({ socket: pair.client, rejectUnauthorized: false })
  client.on('error', () => {})
  t.teardown(() => {
    client.destroy()
    server.destroy()
  })
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')])
  let streamed = 0
  const write = server.write.bind(server)
  server.write = ((...args: Parameters<typeof write>) => {
    streamed++
    return write(...args)
  }) as typeof write
  return { client, server, streamed: () => streamed }
}

function readAll(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    let read = ''
    socket.on('data', (bytes: Buffer) => {
      read += bytes.toString('latin1')
    })
    socket.on('end', () => resolve(read))
    socket.on('close', () => reject(new Error(`closed without an end after ${read.length} bytes`)))
    socket.resume()
  })
}

/** Writes until a text stays under way beyond the turn: the kernel takes no more. @returns what was written */
async function fill(server: TlsSocket): Promise<string> {
  let written = ''
  for (let i = 0; i < 10_000 && !server.isBehind; i++) {
    const text = `${i} `.repeat(2500)
    server.writeText(text)
    written += text
    // It is known in the next turn whether the kernel took it.
    await new Promise(setImmediate)
    await new Promise(setImmediate)
  }
  return written
}

test('a text goes past the stream', async t => {
  const { client, server, streamed } = await setUp(t)
  t.equal(server.writeText('caf\xe9'), true)
  t.equal(streamed(), 0, 'this Node has the way that is relied on')
  t.equal(server.isBehind, true)
  const [bytes] = (await once(client.resume(), 'data')) as [Buffer]
  t.equal(bytes.toString('latin1'), 'caf\xe9')
  await until(() => !server.isBehind, 'the write is over')
  server.writeText('x'.repeat(20_000))
  t.equal(streamed(), 1, 'a long one does not')
})

test('what is written in the same turn comes after it, and the end last', async t => {
  const { client, server } = await setUp(t)
  const read = readAll(client)
  server.writeText('one ')
  server.writeText('two ')
  server.write(Buffer.from('three '))
  server.writeText('four ')
  server.end('five')
  t.equal(await read, 'one two three four five')
})

test("bytes are their writer's again at once, behind a text too", async t => {
  const { client, server } = await setUp(t)
  const read = readAll(client)
  const bytes = Buffer.alloc(20_000)
  const letters = ['a', 'b', 'c']
  for (const letter of letters) {
    server.writeText(letter)
    server.write(bytes.fill(letter))
    bytes.fill('x')
    await until(() => !server.isBehind, 'both are written')
  }
  server.end()
  t.equal(await read, letters.map(letter => letter.repeat(20_001)).join(''))
})

test('an end in the same turn comes after the text, with a word of it in TLS', async t => {
  const { client, server } = await setUp(t)
  const read = readAll(client)
  server.writeText('all')
  server.end()
  t.equal(await read, 'all', 'close_notify came: else the end would be an error')
})

test('corked writes wait for it as one', async t => {
  const { client, server } = await setUp(t)
  const read = readAll(client)
  server.writeText('one ')
  server.cork()
  server.write('two ')
  server.write('three ')
  server.uncork()
  server.end()
  t.equal(await read, 'one two three ')
})

test('what a client does not read comes in order, with what the stream is given after it', async t => {
  const { client, server } = await setUp(t)
  let written = await fill(server)
  t.equal(server.isBehind, true)
  t.equal(server.writableLength, 0, 'the stream knows nothing of it')
  for (const text of ['one ', 'two ', 'three ']) {
    server.writeText(text)
    written += text
  }
  t.ok(server.writableLength > 0, 'and takes what follows')
  server.end('end')
  const read = await readAll(client)
  t.equal(read.length, written.length + 3)
  t.ok(read === `${written}end`)
})

test('a socket that is destroyed with a text under way, and more behind it, is just gone', async t => {
  const { client, server } = await setUp(t)
  await fill(server)
  server.write('more')
  server.end()
  const closed = once(server, 'close')
  server.destroy()
  await closed
  t.equal(server.destroyed, true)
  client.destroy()
})

test('a client that resets with a text under way is an error of the socket, once', async t => {
  const { client, server } = await setUp(t)
  await fill(server)
  server.write('more')
  let errors = 0
  server.on('error', () => errors++)
  const closed = new Promise(resolve => server.once('close', resolve))
  const below = client as unknown as { _parent?: { resetAndDestroy(): void } }
  // oxlint-disable-next-line no-underscore-dangle -- Node's name for the TCP socket
  below._parent!.resetAndDestroy()
  await closed
  t.ok(errors <= 1, `${errors} errors`)
  t.equal(server.destroyed, true)
})

test('after an end nothing goes past the stream', async t => {
  const { server, streamed } = await setUp(t)
  server.on('error', () => {})
  server.end()
  server.writeText('late')
  t.equal(streamed(), 1)
})
