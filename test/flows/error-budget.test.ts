/** Errors that an address provokes, `--error-rate`: over several workers, by whomever it is answered. */
import { type Test, test } from 'tap'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brokenOff, dial, readAll } from '../support/client.ts'
import { type HttpBackend, startHttpBackend } from '../support/http-backend.ts'
import { type RunningWeir, runWeir, startWeir } from '../support/weir.ts'

/** So slow that no token comes back while the test runs. */
const LIMITS = ['--error-rate', '0.01', '--error-burst', '3']

/** Answers with the status that the path says. */
async function site(
  t: Test,
  ...flags: string[]
): Promise<{ weir: RunningWeir; backend: HttpBackend }> {
  const backend = await startHttpBackend(t, (request, response) => {
    response.writeHead(Number(request.url!.slice(1))).end()
  })
  const weir = await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--workers', '2', '--connection-rate', '0'],
    ...['--backend', backend.url, '--retries', '0', ...flags],
  ])
  return { weir, backend }
}

/** @returns status, reason and, for a refusal, when to come back */
async function get(
  weir: RunningWeir,
  path: string,
  { from = '127.0.0.2', fields = [] as string[] } = {},
): Promise<string> {
  const socket = await dial(weir.ports[0]!, { from })
  const lines = [`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close', ...fields]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const answer = (await readAll(socket)).toString('latin1')
  const reason = /"reason":"([^"]*)"/.exec(answer)?.[1] ?? ''
  if (reason === 'error-rate' && !/^retry-after: \d+\r$/im.test(answer)) return 'no Retry-After'
  if (reason === 'error-rate' && /^ratelimit/im.test(answer)) return 'RateLimit is told'
  return `${answer.split(' ')[1]} ${reason}`.trim()
}

test('4xx and 5xx of backends are counted in all workers, then 429; others are served', async t => {
  const { weir, backend } = await site(t, ...LIMITS)
  for (let i = 0; i < 20; i++) t.equal(await get(weir, '/200'), '200')
  for (const path of ['/404', '/500', '/403']) t.equal(await get(weir, path), path.slice(1))
  for (let i = 0; i < 10; i++) t.equal(await get(weir, '/200'), '429 error-rate')
  t.equal(backend.seen.length, 23, 'nothing more is asked of the backend')
  t.equal(await get(weir, '/200', { from: '127.0.0.3' }), '200')
  await weir.metricIs('weir_refusals_total', { reason: 'error-rate' }, 10)
  t.equal(await weir.metric('weir_refusals_total'), 10)
})

test('what weir says no to itself counts, and heads that nobody can read', async t => {
  const { weir } = await site(t, ...LIMITS, '--body-max', '10')
  t.equal(await get(weir, '/200', { fields: ['Content-Length: 11'] }), '413 request-too-large')
  t.equal(await get(weir, '/..'), '400 bad-request')
  t.equal(await get(weir, '/200', { fields: ['bad field'] }), '400 bad-request')
  t.equal(await get(weir, '/200'), '429 error-rate')
  t.equal(await get(weir, '/..'), '429 error-rate', 'as readable ones')
})

test('a backend that is away is nobody’s fault, and a budget is not spent on refusals', async t => {
  const { weir, backend } = await site(t, ...LIMITS, '--request-rate', '1', '--request-burst', '8')
  await backend.kill()
  for (let i = 0; i < 8; i++) t.match(await get(weir, '/200'), /^50[234] /)
  for (let i = 0; i < 8; i++) t.match(await get(weir, '/200'), /^(?:429 request-rate|50[234] .*)$/)
  t.equal(await weir.metric('weir_refusals_total', { reason: 'error-rate' }), 0)
})

test('rejected credentials have a budget of their own', async t => {
  const file = join(t.testdir(), 'keys.yaml')
  t.equal((await runWeir(['keys', 'create', '--file', file, '--name', 'billing'])).code, 0)
  const { weir } = await site(t, ...LIMITS, '--auth', 'api-key', '--api-keys', file)
  for (let i = 0; i < 10; i++) t.equal(await get(weir, '/200'), '401 credential-missing')
  t.equal(await weir.metric('weir_refusals_total', { reason: 'error-rate' }), 0)
})

test('a network provokes a multiple, an action is taken, shadow lets in, why tells the tokens', async t => {
  const socket = join(mkdtempSync(join(tmpdir(), 'weir-')), 'admin.sock')
  t.teardown(() => rmSync(join(socket, '..'), { recursive: true }))
  const { weir } = await site(
    t,
    ...LIMITS,
    ...['--prefix-multiple', '2', '--action', 'prefix-error-rate=reset', '--admin-socket', socket],
    ...['--shadow', 'error-rate'],
  )
  for (let i = 0; i < 5; i++) t.equal(await get(weir, '/404'), '404', 'in shadow')
  await weir.metricIs('weir_shadow_refusals_total', { reason: 'error-rate' }, 2)
  const told = await runWeir(['why', '127.0.0.2', '--admin-socket', socket])
  t.match(told.stdout, /^ +error-rate: 0 of 3 left at 0\.01\/s, full in \d+m/m)
  t.equal(await get(weir, '/404', { from: '127.0.0.3' }), '404')
  const client = await dial(weir.ports[0]!, { from: '127.0.0.4' })
  client.write('GET /200 HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal(await brokenOff(client), 'ECONNRESET')
  const labels = { reason: 'prefix-error-rate', action: 'reset' }
  await weir.metricIs('weir_actions_total', labels, 1)
})

test('who goes on and on is banned', async t => {
  const bans = ['--ban-threshold', '10', '--ban-decay', '0.01', '--ban-exempt', '192.0.2.1']
  const { weir } = await site(t, ...LIMITS, ...bans)
  for (let i = 0; i < 3; i++) t.equal(await get(weir, '/404'), '404')
  for (let i = 0; i < 11; i++) t.equal(await get(weir, '/200'), '429 error-rate')
  await weir.metricIs('weir_bans_total', { reason: 'error-rate' }, 1)
})
