/** Budgets of routes, of addresses on routes, and what requests cost: over several workers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { brokenOff, dial, readAll } from '../support/client.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { type RunningWeir, runWeir, startWeir } from '../support/weir.ts'

/** @param routes of the file, one a line */
async function site(t: Test, routes: string, ...flags: string[]): Promise<RunningWeir> {
  const backend = await startHttpBackend(t, sayName('served'))
  const file = join(t.testdir(), 'weir.yaml')
  writeFileSync(
    file,
    `workers: 2\nconnection-rate: 0\npools: { web: { backends: ["${backend.url}"] } }\n` +
      `listeners: [{ listen: "http://127.0.0.1:0", pool: web }]\nroutes:\n${routes}`,
  )
  return startWeir(t, ['--config', file, ...flags])
}

/** @returns status and reason; for a refusal the policy and the time it is told, too */
async function get(weir: RunningWeir, path: string, from: string, ...fields: string[]) {
  const socket = await dial(weir.ports[0]!, { from })
  const lines = [`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close', ...fields]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const answer = (await readAll(socket)).toString('latin1')
  const status = answer.split(' ')[1]!
  const reason = /"reason":"([^"]*)"/.exec(answer)?.[1]
  if (reason === undefined) return status
  const wait = /^retry-after: (\d+)\r$/im.exec(answer)?.[1]
  const policy = /^ratelimit-policy: (.*)\r$/im.exec(answer)?.[1] ?? 'no policy'
  return `${status} ${reason} ${policy} ${Number(wait) > 0 ? 'later' : 'no Retry-After'}`
}

test('a route has a budget of all its clients together, in all workers, and others go on', async t => {
  const weir = await site(
    t,
    '  - { path: /search, pool: web, route-request-rate: 0.01, route-request-burst: 5 }\n',
  )
  for (let n = 2; n < 7; n++) t.equal(await get(weir, '/search', `127.0.0.${n}`), '200')
  for (let n = 2; n < 12; n++) {
    t.equal(
      await get(weir, '/search?q=1', `127.0.0.${n}`),
      '429 route-request-rate "route-request-rate";q=5;w=500 later',
    )
  }
  t.equal(await get(weir, '/searches', '127.0.0.2'), '200')
  await weir.metricIs('weir_refusals_total', { reason: 'route-request-rate' }, 10)
  t.equal(await weir.metric('weir_refusals_total'), 10)
})

test('an address has a budget on a route, whoever speaks for it; on others it is served', async t => {
  const weir = await site(
    t,
    '  - { name: login, path: /login, pool: web, route-address-rate: 0.01, route-address-burst: 3 }\n' +
      '  - { path: /other, pool: web, route-address-rate: 0.01, route-address-burst: 3 }\n',
    ...['--forwarded-from', '127.0.9.0/24'],
  )
  const told = '429 route-address-rate "route-address-rate";q=3;w=300 later'
  for (let i = 0; i < 3; i++) t.equal(await get(weir, '/login', '127.0.0.2'), '200')
  for (let i = 0; i < 5; i++) t.equal(await get(weir, '/login', '127.0.0.2'), told)
  t.equal(await get(weir, '/other', '127.0.0.2'), '200')
  t.equal(await get(weir, '/login', '127.0.0.3'), '200')
  const as = 'X-Forwarded-For: 127.0.0.2'
  t.equal(await get(weir, '/login', '127.0.9.1', as), told)
  t.equal(await get(weir, '/login', '127.0.9.1', 'X-Forwarded-For: 192.0.2.9'), '200')
  await weir.metricIs('weir_refusals_total', { reason: 'route-address-rate' }, 6)
})

test('a request costs what its route says: many tokens, or none and then never refused', async t => {
  const weir = await site(
    t,
    '  - { path: /report, pool: web, request-cost: 4 }\n' +
      '  - { path: /health, pool: web, request-cost: 0 }\n',
    ...['--request-rate', '0.01', '--request-burst', '10'],
  )
  for (let i = 0; i < 2; i++) t.equal(await get(weir, '/report', '127.0.0.2'), '200')
  const told = '429 request-rate "request-rate";q=10;w=1000 later'
  t.equal(await get(weir, '/report', '127.0.0.2'), told, 'two tokens are left')
  for (let i = 0; i < 2; i++) t.equal(await get(weir, '/', '127.0.0.2'), '200')
  t.equal(await get(weir, '/', '127.0.0.2'), told)
  for (let i = 0; i < 20; i++) t.equal(await get(weir, '/health', '127.0.0.2'), '200')
  await weir.metricIs('weir_refusals_total', { reason: 'request-rate' }, 2)
})

test('they are tried in shadow, acted on, and explained', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socket = join(folder, 'admin.sock')
  const weir = await site(
    t,
    '  - { name: login, path: /login, pool: web, route-address-rate: 0.01, route-address-burst: 1, route-request-rate: 0.01, route-request-burst: 2 }\n',
    ...['--shadow', 'route-request-rate', '--admin-socket', socket],
  )
  for (let n = 2; n < 7; n++) t.equal(await get(weir, '/login', `127.0.0.${n}`), '200')
  await weir.metricIs('weir_shadow_refusals_total', { reason: 'route-request-rate' }, 3)
  t.match(await get(weir, '/login', '127.0.0.2'), /^429 route-address-rate /)
  const told = await runWeir(['why', '127.0.0.2', '--admin-socket', socket])
  const id = /route-address-rate 429 \S+ ([0-9a-f]{24})$/m.exec(told.stdout)?.[1] ?? told.stdout
  const why = await runWeir(['why', id, '--admin-socket', socket])
  t.match(why.stdout, /^key +address and route 127\.0\.0\.2 on login$/m)
  t.match(why.stdout, /^flags +--route-address-rate 0\.01\n +--route-address-burst 1$/m)
})

test('an action takes the place of 429, and who goes on is banned', async t => {
  const weir = await site(
    t,
    '  - { path: /login, pool: web, route-address-rate: 0.01, route-address-burst: 1 }\n',
    ...['--action', 'route-address-rate=reset', '--ban-exempt', '192.0.2.1'],
    ...['--ban-threshold', '10', '--ban-decay', '0.01'],
  )
  t.equal(await get(weir, '/login', '127.0.0.2'), '200')
  for (let i = 0; i < 11; i++) {
    const client = await dial(weir.ports[0]!, { from: '127.0.0.2' })
    client.write('GET /login HTTP/1.1\r\nHost: a\r\n\r\n')
    t.equal(await brokenOff(client), 'ECONNRESET')
  }
  const labels = { reason: 'route-address-rate', action: 'reset' }
  await weir.metricIs('weir_actions_total', labels, 11)
  await weir.metricIs('weir_bans_total', { reason: 'route-address-rate' }, 1)
})
