/** Many addresses of one network, and what they may do together: the limits of one address, a few times. */
import type { ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { echo, named, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, ending, exchange, read, readAll } from '../support/client.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, type WeirOptions } from '../support/weir.ts'

const TCP = ['--listen', 'tcp://127.0.0.1:0', '--workers', '2', '--handshake-rate', '0']
const TWO = ['--prefix-multiple', '2']

/** @returns status and reason of the answer */
async function get(
  weir: RunningWeir,
  from: string,
  ...fields: string[]
): Promise<[number, string]> {
  const socket = await dial(weir.ports[0]!, { from })
  socket.write(
    `${['GET / HTTP/1.1', 'Host: a', 'Connection: close', ...fields].join('\r\n')}\r\n\r\n`,
  )
  const answer = (await readAll(socket)).toString('latin1')
  return [Number(answer.split(' ')[1]), /"reason":"([^"]*)"/.exec(answer)?.[1] ?? '']
}

/** A web site behind two workers. */
async function site(t: Test, ...flags: string[]): Promise<RunningWeir> {
  const backend = await startHttpBackend(t, sayName('served'))
  const listen = ['--listen', 'http://127.0.0.1:0', '--workers', '2', '--backend', backend.url]
  return startWeir(t, [...listen, '--connection-rate', '0', ...TWO, ...flags])
}

test('a network opens no more connections at once than so many addresses; another has its own', async t => {
  const backend = await startBackend(t, echo)
  const limits = ['--connection-rate', '0', '--connections-per-address', '3', ...TWO]
  const weir = await startWeir(t, [...TCP, '--backend', backend.url, ...limits])
  const port = weir.ports[0]!
  const held = []
  for (let host = 1; host <= 6; host++) {
    const socket = await dial(port, { from: `127.0.7.${host}` })
    socket.write('x')
    await read(socket, 1)
    held.push(socket)
  }
  t.equal(await ending(port, { from: '127.0.7.7' }, 'x'), 'ECONNRESET')
  t.equal(await exchange(await dial(port, { from: '127.0.8.7' }), 'x'), 'x')
  held.pop()!.destroy()
  await weir.metricIs('weir_connections', {}, 5)
  t.equal(await exchange(await dial(port, { from: '127.0.7.7' }), 'x'), 'x', 'a place is free')
  await weir.metricIs('weir_refusals_total', { reason: 'prefix-connections' }, 1)
  t.equal(await weir.metric('weir_refusals_total'), 1)
})

test('a network opens connections no faster, and none of its addresses is banned for that', async t => {
  const backend = await startBackend(t, named('served'))
  const limits = ['--connection-rate', '0.01', '--connection-burst', '2', ...TWO]
  const bans = ['--ban-threshold', '10', '--ban-decay', '0.01', '--ban-exempt', '192.0.2.1']
  const weir = await startWeir(t, [...TCP, '--backend', backend.url, ...limits, ...bans])
  const port = weir.ports[0]!
  let served = 0
  for (let host = 1; host <= 40; host++) {
    if ((await ending(port, { from: `127.0.7.${1 + (host % 20)}` }, 'x')) !== 'ECONNRESET') served++
  }
  t.equal(served, 4)
  await weir.metricIs('weir_refusals_total', { reason: 'prefix-connection-rate' }, 36)
  t.equal(await weir.metric('weir_bans_total'), 0)
})

test('a network starts handshakes no faster', async t => {
  const backend = await startBackend(t, echo)
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('localhost', ['localhost'])
  const limits = ['--handshake-rate', '0.01', '--handshake-burst', '1', ...TWO]
  const listen = ['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key, '--workers', '2']
  const weir = await startWeir(t, [...listen, '--backend', backend.url, ...limits])
  const start = async (from: string) =>
    dialTls(weir.ports[0]!, { ca: authority.pem, socket: await dial(weir.ports[0]!, { from }) })
  for (let host = 1; host <= 2; host++) {
    const socket = await start(`127.0.7.${host}`)
    socket.destroy()
  }
  await t.rejects(start('127.0.7.3'))
  await weir.metricIs('weir_refusals_total', { reason: 'prefix-handshake-rate' }, 1)
})

test('a network makes requests no faster, also where a proxy speaks for it, and is told so', async t => {
  const limits = ['--request-rate', '0.01', '--request-burst', '2']
  const weir = await site(t, ...limits, '--forwarded-from', '127.0.9.0/24')
  for (let host = 1; host <= 4; host++) {
    t.strictSame(await get(weir, `127.0.7.${host}`), [200, ''])
  }
  t.strictSame(await get(weir, '127.0.7.5'), [429, 'prefix-request-rate'])
  t.strictSame(await get(weir, '127.0.8.5'), [200, ''])
  const forwarded = (n: number): Promise<[number, string]> =>
    get(weir, '127.0.9.1', `X-Forwarded-For: 2001:db8:1:${n}::1`)
  for (let n = 1; n <= 4; n++) t.strictSame(await forwarded(n), [200, ''])
  t.strictSame(await forwarded(5), [429, 'prefix-request-rate'], 'another /64 of the same /48')
  t.strictSame(await get(weir, '127.0.9.1', 'X-Forwarded-For: 2001:db8:2::1'), [200, ''])
  await weir.metricIs('weir_refusals_total', { reason: 'prefix-request-rate' }, 2)
})

/** A site whose answers wait, and as many requests of a network as it may have at once. */
async function full(t: Test, flags: string[], options: WeirOptions = {}) {
  const owed: ServerResponse[] = []
  const backend = await startHttpBackend(t, (_, response) => void owed.push(response))
  const listen = ['--listen', 'http://127.0.0.1:0', '--workers', '2', '--backend', backend.url]
  const limits = ['--requests-per-address', '4', '--probe', 'none', '--connection-rate', '0']
  const weir = await startWeir(t, [...listen, ...limits, ...TWO, ...flags], options)
  const sockets = []
  for (let host = 1; host <= 8; host++) {
    const socket = await dial(weir.ports[0]!, { from: `127.0.7.${host}` })
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    sockets.push(socket)
  }
  await until(() => owed.length === 8, 'all eight wait')
  return { weir, owed, sockets }
}

test('a network has no more requests at once, over all workers', async t => {
  const { weir, owed } = await full(t, ['--request-rate', '0'])
  t.strictSame(await get(weir, '127.0.7.9'), [429, 'prefix-requests'])
  owed[0]!.end('served')
  await weir.metricIs('weir_requests_total', { status: '2xx' }, 1)
  const next = get(weir, '127.0.7.9')
  await until(() => owed.length === 9, 'the next one waits')
  owed[8]!.end('served')
  t.strictSame(await next, [200, ''])
})

test('killed workers give back what they had counted of a network', async t => {
  const script = new URL('../support/killable.ts', import.meta.url).pathname
  const limits = ['--request-rate', '0', '--connections-per-address', '5']
  const { weir, owed } = await full(t, limits, { script })
  const isThere = ({ msg }: { msg?: unknown }): boolean => msg === 'worker listens again'
  for (const worker of [0, 1]) {
    weir.child.stdin!.write(`${worker}\n`)
    await until(() => weir.lines.filter(isThere).length === worker + 1, 'its replacement')
  }
  for (let host = 1; host <= 8; host++) {
    const socket = await dial(weir.ports[0]!, { from: `127.0.7.${host}` })
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  }
  await until(() => owed.length === 16, 'eight wait again')
  t.strictSame(await get(weir, '127.0.7.9'), [429, 'prefix-requests'])
})

test('in shadow a network gets all, and what it would not have got is counted', async t => {
  const limits = ['--request-rate', '0.01', '--request-burst', '2']
  const weir = await site(t, ...limits, '--shadow', 'prefix-request-rate')
  for (let host = 1; host <= 10; host++) {
    t.strictSame(await get(weir, `127.0.7.${host}`), [200, ''])
  }
  t.equal(await weir.metric('weir_refusals_total'), 0)
  await weir.metricIs('weir_shadow_refusals_total', { reason: 'prefix-request-rate' }, 6)
})

test('an office of 60, each with an address of its own, is served with the defaults', async t => {
  const backend = await startHttpBackend(t, sayName('served'))
  const listen = ['--listen', 'http://127.0.0.1:0', '--workers', '2', '--backend', backend.url]
  const weir = await startWeir(t, listen)
  const browsers = Array.from({ length: 60 * 6 }, (_, i) => get(weir, `127.0.7.${1 + (i % 60)}`))
  const answers = await Promise.all(browsers)
  t.ok(answers.every(([status]) => status === 200))
  t.equal(await weir.metric('weir_refusals_total'), 0)
})
