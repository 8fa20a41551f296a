/** Each reason for refusing a TLS client, provoked and counted. */
import { type Test, test } from 'tap'
import { createAuthority, issueLeaf } from '../../src/certificate/authority.ts'
import { echo, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dialTls, ending, readAll } from '../support/client.ts'
import { extension, hello, record, serverName } from '../support/hello.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { guardedBy, Provocations } from '../support/provocations.ts'
import { startWeir } from '../support/weir.ts'

const provocations = new Provocations('handshake')
const NAMED = serverName('localhost')
/** A client of TLS 1.2 that offers so many suites, none of which weir has: a handshake begins and fails. */
const helloOf = (suites: number): Buffer =>
  record(hello({ extensions: [NAMED], ciphers: Array.from({ length: suites }, () => 0x1301) }))
const GOOD = helloOf(1)

async function start(t: Test, ...flags: string[]) {
  const backend = await startBackend(t, echo)
  const { cert, key } = testAuthority(t).issue('localhost', ['localhost'])
  const listen = ['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key]
  const own = ['--backend', backend.url, '--workers', '2']
  const weir = await startWeir(t, guardedBy(...listen, ...own, ...flags))
  return { weir, port: weir.ports[0]! }
}

/** Says hello and waits for the end, so many times. */
async function greet(port: number, from: string, bytes: Buffer, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await ending(port, { from }, bytes)
}

test('hellos that are none, or that nobody here can answer', async t => {
  const { weir, port } = await start(t, '--strict-sni', '--hello-timeout', '400ms')
  const says = (bytes: Buffer) => (times: number) => greet(port, '127.0.0.2', bytes, times)
  const large = hello({ extensions: [extension(21, Buffer.alloc(60_000))] })
  await provocations.run(
    t,
    weir,
    ['not-tls', says(Buffer.from('GET / HTTP/1.1\r\n\r\n'))],
    ['hello-malformed', says(record(hello({ extensions: [NAMED, serverName('b.test')] })))],
    ['hello-malformed', says(Buffer.from('16030100050100000100', 'hex'))],
    ['hello-too-large', says(record(large, [16_384]))],
    ['bad-server-name', says(record(hello({ extensions: [serverName('a\0b')] })))],
    ['unknown-server-name', says(record(hello({ extensions: [serverName('other.test')] })))],
    ['tls-version', says(record(hello({ extensions: [NAMED], version: 0x0301 })))],
    ['hello-timeout', times => Promise.all(Array.from({ length: times }, () => ending(port)))],
  )
})

test('more handshakes than an address may begin, or its network', async t => {
  const limits = ['--handshake-rate', '0.01', '--handshake-burst', '10', '--prefix-multiple', '2']
  const { weir, port } = await start(t, ...limits)
  await provocations.run(
    t,
    weir,
    [
      'handshake-rate',
      async times => {
        await greet(port, '127.0.2.1', GOOD, 10)
        await greet(port, '127.0.2.1', GOOD, times)
      },
    ],
    [
      'prefix-handshake-rate',
      async times => {
        for (const from of ['127.0.3.1', '127.0.3.2']) await greet(port, from, GOOD, 10)
        await greet(port, '127.0.3.3', GOOD, times)
      },
    ],
  )
})

test('more handshakes than the host has for strangers', async t => {
  const { weir, port } = await start(
    t,
    ...['--host-handshake-rate', '0.01', '--host-handshake-burst', '20'],
  )
  // Half of them are kept for those with a good record.
  await greet(port, '127.0.2.1', GOOD, 10)
  await provocations.run(t, weir, [
    'host-handshake-rate',
    times => greet(port, '127.0.2.2', GOOD, times),
  ])
})

test('software that is denied, or limited', async t => {
  const { weir, port } = await start(
    t,
    ...['--deny-fingerprint', 't12d02*', '--limit-fingerprint', 't12d03*'],
    ...['--fingerprint-rate', '0.01', '--fingerprint-burst', '5'],
  )
  await provocations.run(
    t,
    weir,
    ['fingerprint-denied', times => greet(port, '127.0.2.1', helloOf(2), times)],
    [
      'fingerprint-rate',
      async times => {
        await greet(port, '127.0.2.2', helloOf(3), 5)
        await greet(port, '127.0.2.3', helloOf(3), times)
      },
    ],
  )
})

test('no certificate where there must be one, or one of somebody else', async t => {
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('localhost', ['localhost'])
  const backend = await startHttpBackend(t, sayName('served'))
  const weir = await startWeir(
    t,
    guardedBy(
      ...['--listen', 'https://127.0.0.1:0', '--cert', cert, '--key', key],
      ...['--client-ca', authority.file, '--backend', backend.url],
    ),
  )
  const stranger = issueLeaf(createAuthority(), { names: ['a'], clientAuth: true })
  const shake = async (times: number, client: object): Promise<void> => {
    for (let i = 0; i < times; i++) {
      try {
        const socket = await dialTls(weir.ports[0]!, { ca: authority.pem, ...client })
        await readAll(socket)
      } catch {
        // That it ends is all there is to wait for.
      }
    }
  }
  await provocations.run(
    t,
    weir,
    ['certificate-missing', times => shake(times, {})],
    [
      'certificate-untrusted',
      times => shake(times, { cert: stranger.chainPem, key: stranger.keyPem }),
    ],
  )
  t.equal(backend.seen.length, 0)
})

test('that was every one', t => {
  provocations.areAll(t)
  t.end()
})
