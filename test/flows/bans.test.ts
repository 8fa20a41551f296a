import { test } from 'tap'
import type { ToldBan } from '../../src/control/ban-endpoints.ts'
import { adminSocket, askSocket } from '../support/admin-socket.ts'
import { named, startBackend } from '../support/backend.ts'
import { dial, ending, exchange } from '../support/client.ts'
import { send, startStatusBackend } from '../support/status-site.ts'
import { type RunningWeir, startWeir } from '../support/weir.ts'

/** By default nobody on this host is banned. */
const BANNABLE = ['--ban-exempt', '192.0.2.1']
const LIMITS = ['--workers', '2', '--connection-rate', '0.01', '--connection-burst', '5']
const HOST = [...LIMITS, ...BANNABLE]
const FLOODER = '127.0.0.2'
const OTHER = '127.0.0.3'

/** Connects until there is a ban, and so often at most. */
async function floodUntilBanned(weir: RunningWeir, attempts = 200): Promise<void> {
  for (let i = 0; i < attempts; i++) {
    await ending(weir.ports[0]!, { from: FLOODER }, 'x')
    if (weir.lines.some(({ msg }) => msg === 'address banned')) return
  }
}

test('who floods is banned, by every worker, and others are served', async t => {
  const backend = await startBackend(t, named('served'))
  const flags = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url]
  const weir = await startWeir(t, [...flags, ...HOST, '--ban-threshold', '20'])
  await floodUntilBanned(weir)
  const line = await weir.line(({ msg }) => msg === 'address banned', 'of the ban')
  t.match(line, { client: FLOODER, reason: 'connection-rate', count: 1 })
  // What is left when main hears of it: a second may have begun meanwhile.
  const seconds = Number(line['for_s'])
  t.ok(seconds === 600 || seconds === 599, `for ${seconds} s`)
  // The kernel spreads them over both workers.
  for (let i = 0; i < 20; i++) {
    t.equal(await ending(weir.ports[0]!, { from: FLOODER }, 'x'), 'ECONNRESET')
  }
  t.equal(await exchange(await dial(weir.ports[0]!, { from: OTHER }), 'x'), 'served')
  await weir.metricIs('weir_bans_total', { reason: 'connection-rate' }, 1)
  await weir.metricIs('weir_bans', {}, 1)
  t.ok((await weir.metric('weir_refusals_total', { reason: 'banned' })) >= 20)
})

/** Nobody on this host is banned by default, so a proxy on it says who comes. @returns what came back, or the error */
async function comeFor(weir: RunningWeir, client: string): Promise<string> {
  const family = client.includes(':') ? `TCP6 ${client} 2001:db8::1` : `TCP4 ${client} 192.0.2.1`
  try {
    return await exchange(await dial(weir.ports[0]!), `PROXY ${family} 1 2\r\nx`)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

/** By 50 at a time. @param cidr what is banned then; @returns whether it is */
async function floodFor(weir: RunningWeir, client: string, cidr: string): Promise<boolean> {
  for (let i = 0; i < 200; i++) {
    await Promise.all(Array.from({ length: 50 }, () => comeFor(weir, client)))
    if (weir.lines.some(line => line.msg === 'address banned' && line['client'] === cidr)) {
      return true
    }
  }
  return false
}

test('the defaults alone ban who floods, and list why and for how long; IPv6 by its /64', async t => {
  const backend = await startBackend(t, named('served'))
  const socket = adminSocket(t)
  const weir = await startWeir(t, [
    ...['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url],
    ...['--proxy-protocol-from', '127.0.0.1', '--admin-socket', socket],
  ])
  for (const [flooder, cidr, same, other] of [
    ['203.0.113.7', '203.0.113.7', '203.0.113.7', '203.0.113.8'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64', '2001:db8:1:2:3:4:5:6', '2001:db8:1:3::'],
  ] as const) {
    t.equal(await comeFor(weir, flooder), 'served')
    t.ok(await floodFor(weir, flooder, cidr), `${flooder} is banned`)
    t.equal(await comeFor(weir, same), 'ECONNRESET', `${same} is refused`)
    t.equal(await comeFor(weir, other), 'served', `${other} is not`)
    const { bans } = (await askSocket(socket, '/bans'))[1] as { bans: ToldBan[] }
    const ban = bans.find(each => each.cidr === cidr)
    t.match(ban, { cause: 'connection-rate', origin: 'guard', count: 1 })
    t.ok(ban!.left_s > 0 && ban!.left_s <= 600, `${ban!.left_s} s are left of ten minutes`)
    const [, why] = await askSocket(socket, `/why?address=${same}`)
    t.match(why, { is_exempt: false, ban: { cidr, cause: 'connection-rate' } })
  }
  await weir.metricIs('weir_bans_total', { reason: 'connection-rate' }, 2)
  t.ok((await weir.metric('weir_refusals_total', { reason: 'banned' })) >= 2)
})

test('a ban outlasts a restart where it is kept', async t => {
  const backend = await startBackend(t, named('served'))
  const flags = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url, ...HOST]
  const file = `${t.testdir()}/bans.json`
  const first = await startWeir(t, [...flags, '--ban-threshold', '20', '--ban-state', file])
  await floodUntilBanned(first)
  await first.line(({ msg }) => msg === 'address banned', 'of the ban')
  t.equal(await first.stop(), 0)

  const second = await startWeir(t, [...flags, '--ban-state', file])
  t.equal(await ending(second.ports[0]!, { from: FLOODER }, 'x'), 'ECONNRESET')
  t.equal(await exchange(await dial(second.ports[0]!, { from: OTHER }), 'x'), 'served')
  await second.metricIs('weir_refusals_total', { reason: 'banned' }, 1)
})

test('who is exempt is refused and never banned; nor is anybody while bans are only tried', async t => {
  const backend = await startBackend(t, named('served'))
  const flags = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url]
  const rules = ['--ban-threshold', '10']
  for (const more of [['--ban-exempt', '127.0.0.0/30'], [], [...BANNABLE, '--shadow', 'banned']]) {
    const weir = await startWeir(t, [...flags, ...LIMITS, ...rules, ...more])
    for (let i = 0; i < 60; i++) await ending(weir.ports[0]!, { from: FLOODER }, 'x')
    t.equal(await weir.metric('weir_refusals_total', { reason: 'banned' }), 0, more.join(' '))
    await weir.metricIs('weir_refusals_total', { reason: 'connection-rate' }, 55)
  }
})

test('requests on a connection that is open are answered with the ban, and it is closed', async t => {
  const backend = await startBackend(t, named('served'))
  const url = backend.url.replace('tcp:', 'http:')
  const weir = await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--backend', url, '--workers', '1'],
    ...['--request-rate', '0.01', '--request-burst', '1', '--ban-threshold', '10'],
    ...BANNABLE,
  ])
  const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  // The first takes the token, the others collect the points, and the last finds the ban.
  const answer = await exchange(await dial(weir.ports[0]!, { from: FLOODER }), GET.repeat(13))
  const answers = answer.split('HTTP/1.1 429 ')
  t.match(answers.at(-1), /"reason":"banned"/)
  t.match(answers.at(-1), /Retry-After: (600|599)\r\n/)
  t.match(answers.at(-1), /Connection: close\r\n/)
  const limited = answers.filter(text => text.includes('"reason":"request-rate"')).length
  // Part of a point is forgiven while they are answered.
  t.ok(limited === 10 || limited === 11, `${limited} were refused before`)
  await weir.metricIs('weir_refusals_total', { reason: 'banned' }, 1)
})

test('a client behind a proxy pays for its bodies itself', async t => {
  const { backend } = await startStatusBackend(t)
  const weir = await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '1'],
    ...['--forwarded-from', '127.0.9.0/24', '--ban-threshold', '10', ...BANNABLE],
    ...['--error-rate', '0', '--body-max', '1000'],
  ])
  const ask = (client: string, fields: string, body = ''): Promise<string> => {
    const head = `POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${client}\r\nConnection: close`
    return send(weir.ports[0]!, '127.0.9.1', `${head}\r\n${fields}\r\n\r\n${body}`)
  }
  const [bad, other] = ['203.0.113.7', '203.0.113.8']
  t.match(await ask(bad, 'Transfer-Encoding: chunked', 'x\r\n'), /^400/)
  t.match(await ask(bad, 'Content-Length: 2000'), /^413/)
  t.match(await ask(bad, 'Transfer-Encoding: chunked', 'x\r\n'), /^400/)
  await weir.line(line => line.msg === 'address banned' && line['client'] === bad, 'of the ban')
  t.equal(await ask(bad, 'Content-Length: 1', 'x'), '429 banned')
  t.equal(await ask(other, 'Content-Length: 1', 'x'), '200')
})
