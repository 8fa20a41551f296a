/** Each guard of requests, where it bites and where it is only tried. */
import { writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { dial } from '../support/client.ts'
import { get, send, startStatusBackend } from '../support/status-site.ts'
import { asOften, onTrial, type Site, type Trial, Trials } from '../support/trials.ts'
import { until } from '../support/until.ts'

const trials = new Trials('request')

interface Here extends Site {
  /** Of requests to /held. */
  readonly held: ServerResponse[]
}

async function start(t: Test, flags: readonly string[]): Promise<Here> {
  const { backend, held } = await startStatusBackend(t)
  const listen = ['--listen', 'http://127.0.0.1:0', '--backend', backend.url]
  const weir = await onTrial(t, ...listen, ...flags)
  return { weir, port: weir.ports[0]!, held }
}

function post(bytes: number): string {
  const lines = ['POST / HTTP/1.1', 'Host: a', 'Connection: close', `Content-Length: ${bytes}`]
  return `${lines.join('\r\n')}\r\n\r\n${'x'.repeat(bytes)}`
}

type Given = Pick<Trial<Here>, 'guard' | 'flags' | 'clients'> & Partial<Trial<Here>>

function trial(t: Test, given: Given): Promise<void> {
  const { guard } = given
  return trials.run(t, {
    start: flags => start(t, flags),
    ask: (here, from) => send(here.port, from, get()),
    ...{ served: '200', refused: `429 ${guard}` },
    ...given,
  })
}

/** So many of each, all with this answer. */
function after(t: Test, hosts: readonly string[], count: number, path = '/', status = '200') {
  return async (here: Here): Promise<void> => {
    for (const from of hosts) {
      for (let i = 0; i < count; i++) t.equal(await send(here.port, from, get(path)), status)
    }
  }
}

const [ONE, TWO] = ['127.0.2.1', '127.0.2.2']
const OF_NETWORK = ['127.0.2.3', '127.0.2.3', '127.0.2.4']
const NETWORK = ['--prefix-multiple', '2']

test('faster than an address may, or its network', async t => {
  const limits = ['--request-rate', '0.01', '--request-burst', '5', '--workers', '2']
  await trial(t, {
    ...{ guard: 'request-rate', flags: limits, clients: asOften(ONE) },
    before: after(t, [ONE], 5),
  })
  await trial(t, {
    ...{ guard: 'prefix-request-rate', flags: [...limits, ...NETWORK], clients: OF_NETWORK },
    before: after(t, [ONE, TWO], 5),
  })
})

test('of whom a proxy names, IPv6 too', async t => {
  const ask = (here: Here, client: string): Promise<string> =>
    send(here.port, '127.0.9.1', get('/', `X-Forwarded-For: ${client}`))
  await trial(t, {
    guard: 'request-rate',
    flags: [
      ...['--forwarded-from', '127.0.9.0/24', '--request-rate', '0.01', '--request-burst', '2'],
      ...['--workers', '1'],
    ],
    // Counted as one client, and told as two.
    clients: ['2001:db8::3', '2001:db8::4'],
    before: async here => {
      for (const client of ['2001:db8::1', '2001:db8::2']) t.equal(await ask(here, client), '200')
    },
    ask,
  })
})

test('with more errors than an address may provoke, or its network', async t => {
  const limits = ['--error-rate', '0.01', '--error-burst', '4', '--workers', '2']
  await trial(t, {
    ...{ guard: 'error-rate', flags: limits, clients: asOften(ONE) },
    before: after(t, [ONE], 4, '/404', '404'),
  })
  await trial(t, {
    ...{ guard: 'prefix-error-rate', flags: [...limits, ...NETWORK], clients: OF_NETWORK },
    before: after(t, [ONE, TWO], 4, '/404', '404'),
  })
})

test('faster than a route serves, or one address on it', async t => {
  const file = join(t.testdir(), 'weir.yaml')
  const budget = (kind: string) => `route-${kind}-rate: 0.01, route-${kind}-burst: 4`
  writeFileSync(
    file,
    'routes:\n  - { path: / }\n' +
      `  - { path: /search, ${budget('request')} }\n  - { path: /login, ${budget('address')} }\n`,
  )
  const flags = ['--config', file, '--workers', '2']
  const on = (path: string) => ({
    flags,
    before: after(t, [ONE], 4, path),
    ask: (here: Here, from: string) => send(here.port, from, get(path)),
  })
  await trial(t, { ...on('/search'), guard: 'route-request-rate', clients: [ONE, TWO] })
  await trial(t, { ...on('/login'), guard: 'route-address-rate', clients: asOften(ONE) })
})

test('more at once than an address may, or its network', async t => {
  const limits = ['--requests-per-address', '2', '--workers', '2']
  const hold =
    (...hosts: string[]) =>
    async ({ port, held }: Here): Promise<void> => {
      for (const from of hosts) {
        const socket = await dial(port, { from })
        t.teardown(() => socket.destroy())
        socket.write('GET /held HTTP/1.1\r\nHost: a\r\n\r\n')
        const count = held.length + 1
        await until(() => held.length === count, 'it is at the backend')
      }
    }
  await trial(t, {
    ...{ guard: 'requests-per-address', flags: limits, clients: asOften(ONE) },
    before: hold(ONE, ONE),
  })
  await trial(t, {
    ...{ guard: 'prefix-requests', flags: [...limits, ...NETWORK], clients: OF_NETWORK },
    before: hold(ONE, ONE, TWO, TWO),
  })
})

test('with more bytes of bodies than an address may send', async t => {
  await trial(t, {
    guard: 'body-rate',
    // A body that arrives whole is read whole, and is half a minute of it: longer than the next one may wait.
    flags: [
      ...['--body-rate', '1000', '--body-burst', '1000', '--body-timeout', '1s'],
      ...['--workers', '2'],
    ],
    clients: asOften(ONE),
    before: async here => {
      t.equal(await send(here.port, ONE, post(30_000)), '200')
    },
    ask: (here, from) => send(here.port, from, post(1)),
  })
})

test('that was every one', t => {
  trials.areAll(t)
  t.end()
})
