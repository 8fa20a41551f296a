/** Each guard of TLS clients, where it bites and where it is only tried. */
import { type Test, test } from 'tap'
import { echo, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, ending, exchange } from '../support/client.ts'
import { hello, record, serverName } from '../support/hello.ts'
import { asOften, onTrial, type Site, type Trial, Trials } from '../support/trials.ts'

const trials = new Trials('handshake')
/** A client of TLS 1.2 with no suite that weir has: its handshake begins, and fails. */
const FAILING = record(hello({ extensions: [serverName('localhost')], ciphers: [0x1301] }))
/** What the client of Node says of itself: TLS 1.3 over TCP, with a server name. */
const OF_NODE = 't13d*'

interface Here extends Site {
  readonly ca: string
}

/** A whole handshake, and nothing to resume it with. @returns what came back, or 'no handshake' */
async function shake({ port, ca }: Here, from: string): Promise<string> {
  const raw = await dial(port, { from })
  const socket = await dialTls(port, { ca, socket: raw }).catch(() => null)
  return socket === null ? 'no handshake' : exchange(socket, 'x')
}

/** Begins handshakes that come to nothing. */
async function begin({ port }: Site, from: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await ending(port, { from }, FAILING)
}

type Given = Pick<Trial<Here>, 'guard' | 'flags' | 'clients'> & Partial<Trial<Here>>

/** For all trials of a test, which have one certificate. */
function trialsOf(t: Test) {
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('localhost', ['localhost'])
  const start = async (flags: readonly string[]): Promise<Here> => {
    const backend = await startBackend(t, echo)
    const listen = ['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key]
    const weir = await onTrial(t, ...listen, '--backend', backend.url, ...flags)
    return { weir, port: weir.ports[0]!, ca: authority.pem }
  }
  const usual = { start, ask: shake, served: 'x', refused: 'no handshake' }
  return (given: Given): Promise<void> => trials.run(t, { ...usual, ...given })
}

test('more handshakes than an address may begin, or its network', async t => {
  const trial = trialsOf(t)
  const limits = ['--handshake-rate', '0.01', '--handshake-burst', '4', '--workers', '2']
  await trial({
    ...{ guard: 'handshake-rate', flags: limits, clients: asOften('127.0.2.1') },
    before: here => begin(here, '127.0.2.1', 4),
  })
  await trial({
    ...{ guard: 'prefix-handshake-rate', flags: [...limits, '--prefix-multiple', '2'] },
    clients: ['127.0.3.3', '127.0.3.3', '127.0.3.4'],
    before: async here => {
      for (const from of ['127.0.3.1', '127.0.3.2']) await begin(here, from, 4)
    },
  })
})

test('more handshakes than the host has for strangers', async t => {
  const trial = trialsOf(t)
  await trial({
    guard: 'host-handshake-rate',
    flags: ['--host-handshake-rate', '0.01', '--host-handshake-burst', '20'],
    // Who was served is a stranger no more.
    clients: ['127.0.2.2', '127.0.2.3', '127.0.2.4'],
    // Half of them are kept for those with a good record.
    before: here => begin(here, '127.0.2.1', 10),
  })
})

test('software that is denied, or limited', async t => {
  const trial = trialsOf(t)
  await trial({
    guard: 'fingerprint-denied',
    flags: ['--deny-fingerprint', OF_NODE],
    clients: asOften('127.0.2.1'),
  })
  await trial({
    guard: 'fingerprint-rate',
    flags: [
      ...['--limit-fingerprint', OF_NODE, '--fingerprint-rate', '0.01'],
      ...['--fingerprint-burst', '2', '--workers', '2'],
    ],
    clients: ['127.0.2.2', '127.0.2.2', '127.0.2.3'],
    before: async here => {
      for (let i = 0; i < 2; i++) t.equal(await shake(here, '127.0.2.1'), 'x')
    },
  })
})

test('that was every one', t => {
  trials.areAll(t)
  t.end()
})
