/** A weir that is short of something: who is served, who is not, and that it is over when it is over. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { dial, ending, readAll } from '../support/client.ts'
import { leaveDescriptors, limitDescriptors } from '../support/descriptors.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, runWeir, startWeir, withoutLimits } from '../support/weir.ts'

const KNOWN = '127.0.0.2'
const STRANGER = '127.0.0.3'
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const CLOSE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

async function start(t: Test, ...flags: string[]): Promise<RunningWeir> {
  const backend = await startHttpBackend(t, sayName('served'))
  const listen = ['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--probe', 'none']
  // Loopback is exempt from bans unless told, and known by that.
  const limits = ['--request-rate', '0', '--ban-exempt', '192.0.2.1', '--workers', '1']
  return await startWeir(t, withoutLimits(...listen, ...limits, ...flags))
}

/** On a connection of its own. @returns the status; the error of one that was not let in */
async function ask(port: number, from: string): Promise<string> {
  try {
    const socket = await dial(port, { from })
    socket.end(CLOSE)
    return /^HTTP\/1\.1 (\d+)/.exec((await readAll(socket)).toString('latin1'))?.[1] ?? 'nothing'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

/** The next answer on a connection that is kept: its head. */
async function askOn(socket: Socket, request = GET): Promise<string> {
  socket.write(request)
  let text = ''
  while (!text.includes('\r\n\r\n') || !/served|"request":/.test(text)) {
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    text += bytes.toString('latin1')
  }
  return text.slice(0, text.indexOf('\r\n\r\n') + 2)
}

async function atLevel(weir: RunningWeir, level: number): Promise<void> {
  await weir.line(line => line['overload_level'] === level, `level ${level}`)
}

/** Open connections that say nothing, while they are let in. */
async function hoard(port: number, from: string, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let i = 0; i < count; i++) {
    const socket = await dial(port, { from })
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy()).resume()
    sockets.push(socket)
  }
  return sockets
}

test('those who hold all the places push out themselves, and nobody who was served before', async t => {
  const flags = ['--connections-max', '100', '--head-timeout', '5m']
  const weir = await start(t, ...flags)
  const port = weir.ports[0]!
  t.equal(await ask(port, KNOWN), '200')

  const held = await hoard(port, STRANGER, 94)
  await atLevel(weir, 2)
  t.equal(await ending(port, { from: STRANGER }, CLOSE), 'ECONNRESET', 'one more is refused')
  t.equal(await ask(port, '127.0.0.4'), 'ECONNRESET', 'and others nobody knows')
  t.equal(await ask(port, KNOWN), '200', 'who has a good record is not')
  await weir.metricIs('weir_refusals_total', { reason: 'overload-stranger' }, 2)
  t.match(
    await (await weir.admin('/readyz')).text(),
    /^ready; overload level 2: 9\d % of its --connections-max/,
  )

  // It takes what was kept for it: now somebody has to go.
  const own = await hoard(port, KNOWN, 5)
  await atLevel(weir, 4)
  await until(() => held.filter(socket => socket.closed).length > 0, 'an idle stranger is gone')
  t.equal(own.filter(socket => socket.closed).length, 0)

  // The attack goes on: each that was pushed out comes again.
  const stop = new AbortController()
  const attack = (async () => {
    while (!stop.signal.aborted) await ask(port, STRANGER)
  })()
  const answers: string[] = []
  for (let i = 0; i < 200; i++) answers.push(await ask(port, KNOWN))
  stop.abort()
  await attack
  t.strictSame([...new Set(answers)], ['200'], 'all of 200 requests meanwhile')
  // Metrics are read once a second at most: those of now may be from before it.
  const ended = () => weir.metric('weir_sessions_ended_total', { ending: 'evicted' })
  await until(async () => (await ended()) > 0, 'its ending is counted')
  t.ok(await weir.metric('weir_overload_evictions_total', { eviction: 'idle-stranger' }))
  t.equal(await weir.metric('weir_overload_evictions_total', { eviction: 'idle-known' }), 0)

  for (const socket of [...held, ...own]) socket.destroy()
  await weir.line(({ msg }) => msg === 'overload is over', 'over')
  t.equal(await ask(port, '127.0.0.4'), '200', 'and everybody is served')
})

function softLimit(pid: number): string {
  return execFileSync('prlimit', ['--pid', String(pid), '--nofile', '--noheadings', '-o', 'SOFT'])
    .toString()
    .trim()
}

test('short of descriptors no connection is taken, and those there are go on', async t => {
  const weir = await start(t, '--overload-descriptors', '10', '--keep-alive-timeout', '10m')
  const port = weir.ports[0]!
  const before = softLimit(weir.child.pid!)
  const kept = await dial(port, { from: KNOWN })
  t.notMatch(await askOn(kept), /Connection: close/)

  // Levels at 10, 32.5, 55 and 77.5 %.
  leaveDescriptors(weir, 0.65)
  await atLevel(weir, 3)
  t.equal(await ending(port, { from: KNOWN }, CLOSE), 'ECONNRESET')
  t.match(await askOn(kept), /^HTTP\/1\.1 200 /, 'on a connection that is there')
  const ready = await weir.admin('/readyz')
  t.equal(ready.status, 503)
  t.match(await ready.text(), /overload, no new connections: \d+ % of its descriptors in use/)
  await weir.metricIs('weir_refusals_total', { reason: 'overload-closed' }, 1)
  await weir.metricIs('weir_overload_level', {}, 3)
  await weir.metricIs('weir_overload_signal_level', { signal: 'descriptors' }, 3)

  limitDescriptors(weir.child.pid!, before)
  await weir.line(({ msg }) => msg === 'overload is over', 'over')
  t.equal(await ask(port, STRANGER), '200')
  t.equal((await weir.admin('/readyz')).status, 200)
  t.equal(await weir.stop(), 0)
})

test('at level 1 strangers get one answer per connection, and nobody is waited for as long', async t => {
  const weir = await start(t, '--overload-descriptors', '10', '--keep-alive-timeout', '10m')
  const port = weir.ports[0]!
  t.equal(await ask(port, KNOWN), '200')
  leaveDescriptors(weir, 0.2)
  await atLevel(weir, 1)
  const stranger = await dial(port, { from: STRANGER })
  t.match(await askOn(stranger), /Connection: close\r\n/)
  const known = await dial(port, { from: KNOWN })
  t.notMatch(await askOn(known), /Connection: close\r\n/)
  known.resume()
  await once(known, 'end')
  t.pass('2 s later, not ten minutes')
})

test('behind a proxy strangers get 503, others and those who say who they are do not', async t => {
  const directory = t.testdir()
  const file = join(directory, 'keys.yaml')
  const { stdout } = await runWeir(['keys', 'create', '--name', 'a', '--file', file])
  const config = join(directory, 'weir.yaml')
  writeFileSync(config, 'routes:\n  - { path: /, auth: none }\n  - { path: /key, auth: api-key }\n')
  const flags = ['--forwarded-from', '127.0.0.1', '--api-keys', file, '--config', config]
  const weir = await start(t, ...flags, '--overload-descriptors', '10')
  const proxy = await dial(weir.ports[0]!)
  const of = (client: string, path = '/', fields = '') =>
    askOn(proxy, `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${client}\r\n${fields}\r\n`)
  t.match(await of('198.51.100.1'), /^HTTP\/1\.1 200 /)

  leaveDescriptors(weir, 0.42)
  await atLevel(weir, 2)
  t.match(await of('198.51.100.1'), /^HTTP\/1\.1 200 /, 'with a good record')
  const refused = await of('198.51.100.2')
  t.match(refused, /^HTTP\/1\.1 503 /)
  t.match(refused, /Retry-After: 5\r\n/)
  t.notMatch(refused, /Connection: close/, 'the proxy goes on with the others')
  t.match(await of('198.51.100.3', '/key', `X-API-Key: ${stdout.trim()}\r\n`), /^HTTP\/1\.1 200 /)
  await weir.metricIs('weir_refusals_total', { reason: 'overload-stranger' }, 1)
  proxy.destroy()
})

test('short of memory from the begin nobody is let in, unless it is only tried, or off', async t => {
  const short = ['--overload-memory-max', '67108864']
  const weir = await start(t, ...short)
  await atLevel(weir, 4)
  t.equal(await ending(weir.ports[0]!, { from: KNOWN }, CLOSE), 'ECONNRESET')
  const line = weir.lines.find(({ signal }) => signal === 'memory')
  t.match(line, {
    from: 0,
    msg: 'overload: sessions are ended to make room',
    advice: /more memory/,
  })

  const tried = await start(t, ...short, '--shadow', 'overload-closed,overload-stranger')
  await atLevel(tried, 4)
  t.equal(await ask(tried.ports[0]!, STRANGER), '200')
  await tried.metricIs('weir_shadow_refusals_total', { reason: 'overload-closed' }, 1)
  await tried.metricIs('weir_shadow_refusals_total', { reason: 'overload-stranger' }, 1)
  t.equal((await tried.admin('/readyz')).status, 200)

  const off = await start(t, ...short, '--no-overload')
  t.equal(await ask(off.ports[0]!, STRANGER), '200')
  t.equal(await off.metric('weir_overload_level'), 0)
  // The figures are made at a step of the wheel, and may be older than the first request.
  const used = () => off.metric('weir_overload_used_ratio', { signal: 'memory' })
  await until(async () => (await used()) > 0, 'the figures are told all the same')
})
