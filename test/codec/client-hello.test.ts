import * as fc from 'fast-check'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { connect, type ConnectionOptions } from 'node:tls'
import { type Test, test } from 'tap'
import {
  BAD_SNI,
  ClientHello,
  HELLO_MALFORMED,
  HELLO_TOO_LARGE,
  NEED_MORE,
  NOT_TLS,
  OK,
} from '../../src/codec/client-hello.ts'
import { extension, hello, record, serverName } from '../support/hello.ts'

/** What a real client of this Node sends first. */
async function realHello(t: Test, options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ...options,
  })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  return bytes
}

function parse(bytes: Buffer): [number, ClientHello] {
  const parsed = new ClientHello()
  return [parsed.parse(bytes, bytes.length), parsed]
}

test('a hello of a real client', async t => {
  const bytes = await realHello(t, {
    servername: 'Www.Example.ORG',
    ALPNProtocols: ['h2', 'http/1.1'],
  })
  const [result, parsed] = parse(bytes)
  t.equal(result, OK)
  t.equal(parsed.serverName, 'www.example.org')
  t.strictSame(parsed.alpn, ['h2', 'http/1.1'])
  t.equal(parsed.supportsTls13, true)
  t.equal(parsed.supportsTls12, true)
  t.equal(parsed.ticketName, '')
})

test('a client that speaks TLS 1.2 alone agrees on no hybrid group, whatever it lists', async t => {
  const groups = extension(10, Buffer.from([0, 4, 0x11, 0xec, 0, 0x1d]))
  t.equal(parse(record(hello({ extensions: [groups] })))[1].group, 'X25519')
  const versions = extension(43, Buffer.from([2, 3, 4]))
  t.equal(parse(record(hello({ extensions: [groups, versions] })))[1].group, 'X25519MLKEM768')
})

test('one that speaks TLS 1.2 alone', async t => {
  const bytes = await realHello(t, { servername: 'a.example', maxVersion: 'TLSv1.2' })
  const [result, parsed] = parse(bytes)
  t.equal(result, OK)
  t.equal(parsed.supportsTls13, false)
  t.equal(parsed.supportsTls12, true)
})

test('every prefix of a hello asks for more, byte by byte too', async t => {
  const bytes = await realHello(t, { servername: 'prefix.example' })
  const incremental = new ClientHello()
  for (let end = 0; end < bytes.length; end++) {
    if (parse(bytes.subarray(0, end))[0] !== NEED_MORE) t.fail(`fresh, ${end} bytes`)
    if (incremental.parse(bytes, end) !== NEED_MORE) t.fail(`incremental, ${end} bytes`)
  }
  t.equal(incremental.parse(bytes, bytes.length), OK)
  t.equal(incremental.serverName, 'prefix.example')
})

test('a hello split over records reads the same, however it is split', async t => {
  const whole = hello({ extensions: [serverName('split.example')] })
  for (const sizes of [[1], [3, 7], [50], [4, 1, 1]]) {
    const [result, parsed] = parse(record(whole, sizes))
    t.equal(result, OK, `records of ${sizes.join(', ')}`)
    t.equal(parsed.serverName, 'split.example')
  }
})

test('what is no TLS is known by its first bytes', async t => {
  for (const text of [
    'GET / HTTP/1.1\r\n',
    'SSH-2.0-x\r\n',
    '\0\0\0\0\0\0',
    'PROXY TCP4 1.2.3.4',
  ]) {
    t.equal(parse(Buffer.from(text))[0], NOT_TLS, JSON.stringify(text))
  }
  t.equal(parse(Buffer.from([21, 3, 1, 0, 2, 1, 0]))[0], NOT_TLS, 'an alert')
})

test('a hello over the limit is refused before it is there', async t => {
  const head = Buffer.from([22, 3, 1, 0x40, 0, 1, 0x01, 0, 0])
  t.equal(parse(head)[0], HELLO_TOO_LARGE)
})

test('lengths that do not agree, to the byte', async t => {
  const good = hello({ extensions: [serverName('a.example')] })
  t.equal(parse(record(good))[0], OK)
  for (const [what, change] of [
    ['a session id of 33 bytes', (bytes: Buffer) => bytes.writeUInt8(33, 38)],
    ['cipher suites of odd length', (bytes: Buffer) => bytes.writeUInt16BE(3, 39)],
    ['extensions longer than the hello', (bytes: Buffer) => bytes.writeUInt16BE(500, 45)],
    ['extensions shorter than the hello', (bytes: Buffer) => bytes.writeUInt16BE(4, 45)],
  ] as const) {
    const bytes = Buffer.from(good)
    change(bytes)
    t.equal(parse(record(bytes))[0], HELLO_MALFORMED, what)
  }
})

test('an extension that comes twice', async t => {
  const twice = hello({ extensions: [serverName('a.example'), serverName('b.example')] })
  t.equal(parse(record(twice))[0], HELLO_MALFORMED)
})

test('names that no two readers read alike', async t => {
  for (const name of [
    'a\0.example',
    'a..example',
    '.example',
    'example.',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '::1::',
    'münchen.example',
    'a b.example',
    '*.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}example`,
  ]) {
    t.equal(parse(record(hello({ extensions: [serverName(name)] })))[0], BAD_SNI, name)
  }
  for (const name of ['localhost', 'a_b.example', 'xn--mnchen-3ya.example', '1.example']) {
    t.equal(parse(record(hello({ extensions: [serverName(name)] })))[0], OK, name)
  }
})

test('an address counts as no name: some clients send the one they were told to go to', async t => {
  for (const name of ['127.0.0.1', '::1', '2001:db8::ffff:192.0.2.1']) {
    const read = new ClientHello()
    const bytes = record(hello({ extensions: [serverName(name)] }))
    t.equal(read.parse(bytes, bytes.length), OK, name)
    t.equal(read.serverName, '', name)
  }
})

test('unknown extensions and GREASE pass', async t => {
  const bytes = record(
    hello({
      extensions: [extension(0x0a0a, Buffer.alloc(0)), extension(0xff01, Buffer.from([0]))],
    }),
  )
  t.equal(parse(bytes)[0], OK)
})

test('whatever comes, the reader gives a verdict and never throws', async t => {
  const verdicts = [OK, NEED_MORE, NOT_TLS, HELLO_MALFORMED, HELLO_TOO_LARGE, BAD_SNI]
  const real = await realHello(t, { servername: 'fuzz.example', ALPNProtocols: ['h2'] })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), bytes =>
      verdicts.includes(parse(Buffer.from(bytes))[0]),
    ),
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      changes => {
        const bytes = Buffer.from(real)
        for (const [at, value] of changes) bytes[at] = value
        return verdicts.includes(parse(bytes)[0])
      },
    ),
    { numRuns: 3000 },
  )
  t.pass('no throw')
})

test('how it is cut makes no difference to the verdict', async t => {
  const real = await realHello(t, { servername: 'cut.example' })
  fc.assert(
    fc.property(
      fc.tuple(fc.nat(real.length - 1), fc.nat(255)),
      fc.array(fc.nat(real.length), { maxLength: 5 }),
      ([at, value], cuts) => {
        const bytes = Buffer.from(real)
        bytes[at] = value
        const [whole] = parse(bytes)
        const piecemeal = new ClientHello()
        let result: number = NEED_MORE
        for (const end of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
          if (result === NEED_MORE) result = piecemeal.parse(bytes, end)
        }
        return result === whole
      },
    ),
    { numRuns: 2000 },
  )
  t.pass('the same')
})
