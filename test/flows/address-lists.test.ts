/** `--deny` and `--allow`: which address they are asked about, as docs/bans.md tells it. */
import { type Test, test } from 'tap'
import { named, startBackend } from '../support/backend.ts'
import { dial, exchange } from '../support/client.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { startWeir } from '../support/weir.ts'

/** @returns what came back, or the code of what broke it */
async function come(port: number, from: string, bytes: string): Promise<string> {
  try {
    return await exchange(await dial(port, { from }), bytes)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

async function tcp(t: Test, ...flags: string[]): Promise<number> {
  const backend = await startBackend(t, named('served'))
  const weir = await startWeir(t, [
    ...['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url, '--workers', '1'],
    ...flags,
  ])
  return weir.ports[0]!
}

test('the most specific block decides, and with any --allow nobody else comes in', async t => {
  const port = await tcp(
    t,
    ...['--deny', '127.0.2.0/24', '--allow', '127.0.2.7', '--allow', '127.0.3.0/24'],
    ...['--deny', '127.0.3.7', '--allow', '127.0.4.1', '--deny', '127.0.4.1'],
  )
  for (const [from, verdict] of [
    ['127.0.2.1', 'ECONNRESET'],
    ['127.0.2.7', 'served'],
    ['127.0.3.1', 'served'],
    ['127.0.3.7', 'ECONNRESET'],
    ['127.0.4.1', 'ECONNRESET'],
    ['127.0.5.1', 'ECONNRESET'],
  ] as const) {
    t.equal(await come(port, from, 'x'), verdict, from)
  }
})

test('of a proxy with a PROXY header it is whom the header names', async t => {
  const lists = ['--allow', '192.0.2.0/24', '--allow', '127.0.9.2', '--deny', '192.0.2.7']
  const port = await tcp(t, '--proxy-protocol-from', '127.0.9.0/24', ...lists)
  const by = (proxy: string, names: string): Promise<string> =>
    come(port, proxy, `PROXY ${names}\r\nx`)
  t.equal(await by('127.0.9.1', 'TCP4 192.0.2.1 192.0.2.2 1 2'), 'served', 'its own is not asked')
  t.equal(await by('127.0.9.2', 'TCP4 192.0.2.7 192.0.2.2 1 2'), 'ECONNRESET')
  t.equal(await by('127.0.9.1', 'UNKNOWN'), 'ECONNRESET', 'its own, where nobody is named')
  t.equal(await by('127.0.9.2', 'UNKNOWN'), 'served')
})

test('of a proxy with fields of HTTP it is the proxy', async t => {
  const backend = await startHttpBackend(t, sayName('served'))
  const weir = await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '1'],
    ...['--forwarded-from', '127.0.9.0/24', '--allow', '127.0.9.0/24'],
    ...['--deny', '192.0.2.7', '--deny', '127.0.9.7'],
  ])
  const ask = async (from: string): Promise<string> => {
    const named = 'X-Forwarded-For: 192.0.2.7'
    const request = `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${named}\r\n\r\n`
    return (await come(weir.ports[0]!, from, request)).slice(0, 12)
  }
  t.equal(await ask('127.0.9.1'), 'HTTP/1.1 200')
  t.equal(await ask('127.0.9.7'), 'ECONNRESET')
})
