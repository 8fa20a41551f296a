/** Each reason for refusing a request whoever it is from, provoked and counted. */
import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { ToldAddress } from '../../src/control/why.ts'
import { adminSocket } from '../support/admin-socket.ts'
import { dial, readAll } from '../support/client.ts'
import { leaveDescriptors } from '../support/descriptors.ts'
import { guardedBy, type Provocation, Provocations } from '../support/provocations.ts'
import { get, send, startStatusBackend } from '../support/status-site.ts'
import { until } from '../support/until.ts'
import { runWeir, startWeir } from '../support/weir.ts'

const provocations = new Provocations('request')
const HEAD = 'GET / HTTP/1.1\r\nHost: a\r\n'

async function start(t: Test, ...flags: string[]) {
  const { backend, held } = await startStatusBackend(t)
  const listen = ['--listen', 'http://127.0.0.1:0', '--backend', backend.url]
  const weir = await startWeir(t, guardedBy(...listen, ...flags))
  return { weir, port: weir.ports[0]!, held }
}

/** Sends `text` so many times, at once; each is answered so. */
function answered(t: Test, port: number, from: string, text: string, answer: string) {
  return async (times: number): Promise<void> => {
    const all = Array.from({ length: times }, () => send(port, from, text))
    for (const each of await Promise.all(all)) t.equal(each, answer, text.slice(0, 60))
  }
}

/** After so many that were let in. */
function after(t: Test, port: number, hosts: readonly string[], count: number, text: string) {
  return async (status: string): Promise<void> => {
    for (const from of hosts) await answered(t, port, from, text, status)(count)
  }
}

test('faster than an address may, or its network; with more errors than it may provoke', async t => {
  const { weir, port } = await start(
    t,
    ...['--request-rate', '0.01', '--request-burst', '20', '--prefix-multiple', '2'],
    ...['--error-rate', '0.01', '--error-burst', '5', '--forwarded-from', '127.0.9.0/24'],
    ...['--workers', '2'],
  )
  const bad = 'GET / HTTP/1.1\r\nbad field\r\n\r\n'
  const limited = (
    reason: Provocation[0],
    hosts: readonly string[],
    last: string,
    [count, path, status]: readonly [number, string, string],
  ): Provocation => [
    reason,
    async times => {
      await after(t, port, hosts, count, get(path))(status)
      await answered(t, port, last, get(), `429 ${reason}`)(times)
    },
  ]
  const served = [20, '/', '200'] as const
  const missing = [5, '/404', '404'] as const
  await provocations.run(
    t,
    weir,
    limited('request-rate', ['127.0.2.1'], '127.0.2.1', served),
    limited('prefix-request-rate', ['127.0.3.1', '127.0.3.2'], '127.0.3.3', served),
    limited('error-rate', ['127.0.4.1'], '127.0.4.1', missing),
    limited('prefix-error-rate', ['127.0.5.1', '127.0.5.2'], '127.0.5.3', missing),
    // What cannot be read takes of the same budget: whoever has nothing left is told that.
    ['request-rate', answered(t, port, '127.0.2.1', bad, '429 request-rate')],
    // A client that a proxy speaks for.
    [
      'request-rate',
      async times => {
        const text = get('/', 'X-Forwarded-For: 198.51.100.1')
        await answered(t, port, '127.0.9.1', text, '200')(20)
        await answered(t, port, '127.0.9.1', text, '429 request-rate')(times)
      },
    ],
  )
})

test('faster than a route serves, or one address on it', async t => {
  const file = join(t.testdir(), 'weir.yaml')
  const budget = (kind: string) => `route-${kind}-rate: 0.01, route-${kind}-burst: 5`
  writeFileSync(
    file,
    'routes:\n  - { path: / }\n' +
      `  - { path: /search, ${budget('request')} }\n  - { path: /login, ${budget('address')} }\n`,
  )
  const { weir, port } = await start(t, '--config', file, '--workers', '2')
  const limited = (reason: Provocation[0], path: string): Provocation => [
    reason,
    async times => {
      await answered(t, port, '127.0.2.1', get(path), '200')(5)
      await answered(t, port, '127.0.2.1', get(path), `429 ${reason}`)(times)
    },
  ]
  await provocations.run(
    t,
    weir,
    limited('route-request-rate', '/search'),
    limited('route-address-rate', '/login'),
  )
})

test('more at once than an address may, or its network', async t => {
  const limits = ['--requests-per-address', '2', '--prefix-multiple', '2', '--workers', '2']
  const { weir, port, held } = await start(t, ...limits)
  const hold = async (...hosts: string[]): Promise<void> => {
    for (const from of hosts) {
      const socket = await dial(port, { from })
      t.teardown(() => socket.destroy())
      socket.write('GET /held HTTP/1.1\r\nHost: a\r\n\r\n')
      const count = held.length + 1
      await until(() => held.length === count, 'it is at the backend')
    }
  }
  await provocations.run(
    t,
    weir,
    [
      'requests-per-address',
      async times => {
        await hold('127.0.2.1', '127.0.2.1')
        await answered(t, port, '127.0.2.1', get(), '429 requests-per-address')(times)
      },
    ],
    [
      'prefix-requests',
      async times => {
        await hold('127.0.3.1', '127.0.3.1', '127.0.3.2', '127.0.3.2')
        await answered(t, port, '127.0.3.3', get(), '429 prefix-requests')(times)
      },
    ],
  )
})

test('what cannot be read, is too large, too slow, or not for weir', async t => {
  const { weir, port } = await start(
    t,
    ...['--body-max', '1000', '--head-timeout', '1s', '--body-timeout', '1s', '--workers', '2'],
  )
  const post = (fields: string, body = ''): string =>
    `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`
  const chunked = (body: string): string => post('Transfer-Encoding: chunked', body)
  const cases: readonly (readonly [Provocation[0], status: number, text: string])[] = [
    ['bad-request', 400, 'GET / HTTP/1.1\r\n\r\n'],
    ['bad-request', 400, chunked('zz\r\n')],
    ['bad-request', 400, post('Content-Length: 1\r\nContent-Length: 2')],
    ['request-too-large', 431, `${HEAD}X: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['request-too-large', 414, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['request-too-large', 413, post('Content-Length: 1001')],
    ['request-too-large', 413, chunked(`3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`)],
    ['request-timeout', 408, 'GET / HTTP/1.1\r\nHost'],
    ['request-timeout', 408, post('Content-Length: 10', 'x')],
    ['not-supported', 501, 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
    ['not-supported', 501, post('Transfer-Encoding: gzip, chunked')],
    ['not-supported', 505, 'GET / HTTP/2.1\r\nHost: a\r\n\r\n'],
  ]
  await provocations.run(
    t,
    weir,
    ...cases.map(
      ([reason, status, text]): Provocation => [
        reason,
        answered(t, port, '127.0.2.1', text, `${status} ${reason}`),
      ],
    ),
    // Who never said a word gets no answer.
    [
      'request-timeout',
      times => Promise.all(Array.from({ length: times }, async () => readAll(await dial(port)))),
    ],
  )
})

test('of a client that is banned, or a stranger in need, by the mouth of a proxy', async t => {
  const socket = adminSocket(t)
  const { weir, port } = await start(
    t,
    ...['--forwarded-from', '127.0.9.0/24', '--admin-socket', socket, '--workers', '1'],
    ...['--overload-descriptors', '10'],
  )
  const added = await runWeir(['bans', 'add', '203.0.113.0/24', '--admin-socket', socket])
  t.match(added, { code: 0 })
  const proxy = await dial(port, { from: '127.0.9.1' })
  const of = async (client: string, times: number, answer: RegExp): Promise<void> => {
    for (let i = 0; i < times; i++) {
      proxy.write(`${HEAD}X-Forwarded-For: ${client}\r\n\r\n`)
      t.match(await answerOf(proxy), answer)
    }
  }
  await provocations.run(
    t,
    weir,
    ['banned', times => of('203.0.113.7', times, /^HTTP\/1\.1 429 .*"reason":"banned"/s)],
    [
      'overload-stranger',
      async times => {
        leaveDescriptors(weir, 0.42)
        await weir.line(line => line['overload_level'] === 2, 'level 2')
        await of('198.51.100.2', times, /^HTTP\/1\.1 503 .*"reason":"overload-stranger"/s)
      },
    ],
  )
  proxy.destroy()
})

test('with more bytes of bodies than an address may send', async t => {
  const limits = ['--body-rate', '1000', '--body-burst', '1000', '--body-timeout', '1s']
  const socket = adminSocket(t)
  const { weir, port } = await start(t, ...limits, '--workers', '2', '--admin-socket', socket)
  const post = (bytes: number): string =>
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`
  const large = await dial(port, { from: '127.0.2.1' })
  t.teardown(() => large.destroy())
  large.write(post(1_000_000))
  const isDeep = async (): Promise<boolean> => {
    const { stdout } = await runWeir(['why', '127.0.2.1', '--json', '--admin-socket', socket])
    const { now } = JSON.parse(stdout) as ToldAddress
    return now.buckets.some(({ limit, full_in_s }) => limit === 'body-rate' && full_in_s > 5)
  }
  await until(isDeep, 'it is deep in debt')
  await provocations.run(t, weir, [
    'body-rate',
    answered(t, port, '127.0.2.1', post(1), '429 body-rate'),
  ])
})

/** The next answer of weir itself, all of it. */
async function answerOf(socket: Socket): Promise<string> {
  let text = ''
  while (!text.includes('"request":')) {
    const chunk = socket.read() as Buffer | null
    if (chunk !== null) text += chunk.toString('latin1')
    else await new Promise(resolve => socket.once('readable', resolve))
  }
  return text
}

test('that was every one', t => {
  provocations.areAll(t)
  t.end()
})
