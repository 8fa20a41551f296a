/** API keys through a real weir: made by `weir keys`, asked for, revoked, rotated, limited and written down. */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { hashKey, makeKey } from '../../src/auth/api-key-form.ts'
import { readKeys } from '../../src/auth/api-key-store.ts'
import { readUses } from '../../src/auth/key-uses.ts'
import { type HttpBackend, sayName, startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, runWeir, startWeir, withoutLimits } from '../support/weir.ts'

const CHANGE_MS = 1000

/** Runs `weir keys` on the file. @returns what it printed */
async function keys(file: string, command: string, ...options: string[]): Promise<string> {
  const [verb = '', ...more] = command.split(' ')
  const run = await runWeir(['keys', verb, ...more, '--file', file, ...options])
  if (run.code !== 0) throw new Error(run.stderr)
  return run.stdout.trim()
}

interface Setup {
  readonly weir: RunningWeir
  readonly port: number
  readonly backend: HttpBackend
  readonly file: string
  readonly key: string
}

/** A weir that asks for keys, a backend, and one key there is. @param routes of the config file; '' for none */
async function start(t: Test, flags: readonly string[] = [], routes = ''): Promise<Setup> {
  const directory = t.testdir()
  const file = join(directory, 'keys.yaml')
  const key = await keys(file, 'create', '--name', 'billing', '--scope', 'read')
  const backend = await startHttpBackend(t, sayName('served'))
  const config = join(directory, 'weir.yaml')
  writeFileSync(config, `routes:\n  - { path: / }\n${routes}`)
  const weir = await startWeir(t, [
    ...withoutLimits('--listen', 'http://127.0.0.1:0', '--backend', backend.url),
    ...['--api-keys', file, '--request-rate', '0'],
    ...(routes === '' ? [] : ['--config', config]),
    ...(flags.includes('--auth-failure-rate') ? [] : ['--auth-failure-rate', '0']),
    ...flags,
  ])
  return { weir, port: weir.ports[0]!, backend, file, key }
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function ask(
  port: number,
  headers: Record<string, string>,
  { path = '/', method = 'GET', from = '127.0.0.1' } = {},
): Promise<Answer> {
  const options = { port, path, method, headers, agent: false, localAddress: from }
  const sent = request({ host: '127.0.0.1', ...options }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let body = ''
  response.on('data', (bytes: Buffer) => (body += bytes.toString()))
  await once(response, 'end')
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

async function statusOf(port: number, key: string): Promise<number> {
  return (await ask(port, { 'x-api-key': key })).status
}

/** Asks over many connections, so that the kernel gives some to each worker. @returns the statuses there were */
async function statuses(port: number, key: string): Promise<number[]> {
  const all = await Promise.all(Array.from({ length: 24 }, () => statusOf(port, key)))
  return [...new Set(all)].toSorted((a, b) => a - b)
}

/** Waits until all workers answer so, and no other way. */
async function untilAll(port: number, key: string, status: number): Promise<void> {
  await until(async () => {
    const seen = await statuses(port, key)
    return seen.length === 1 && seen[0] === status
  }, `${status} of all workers`)
}

/**
 * Makes a change and waits until weir has taken it.
 *
 * @returns how long that took by weir's clock, ms: how fast this test is does not count
 */
async function timeOf(weir: RunningWeir, change: () => Promise<unknown>): Promise<number> {
  const isTaken = ({ msg }: { msg?: unknown }) => msg === 'API keys replaced'
  const before = weir.lines.filter(isTaken).length
  await change()
  const changedMs = Date.now()
  await until(() => weir.lines.filter(isTaken).length > before, 'the keys are replaced')
  return Number(weir.lines.filter(isTaken)[before]!['time']) - changedMs
}

test('a key is let in until it is revoked, by every worker within a second', async t => {
  const { port, file, key, backend, weir } = await start(t, ['--workers', '3'])
  t.strictSame(await statuses(port, key), [200])
  t.strictSame(await statuses(port, makeKey()), [401])
  const served = backend.seen.length

  let made = ''
  const create = async () => (made = await keys(file, 'create', '--name', 'web'))
  t.ok((await timeOf(weir, create)) < CHANGE_MS, 'a new key is known within a second')
  await untilAll(port, made, 200)

  const revoke = async () => await keys(file, 'revoke billing')
  t.ok((await timeOf(weir, revoke)) < CHANGE_MS, 'a revoked key is out within a second')
  await untilAll(port, key, 401)
  t.match(await ask(port, { 'x-api-key': key }), { status: 401, body: /"reason":"key-revoked"/ })
  const said = () =>
    new Set(weir.lines.flatMap(({ reason, worker }) => (reason === 'key-revoked' ? [worker] : [])))
  await until(async () => {
    await statuses(port, key)
    return said().size === 3
  }, 'each worker has refused it')

  const before = backend.seen.length
  t.ok(before > served)
  await statuses(port, key)
  t.equal(backend.seen.length, before, 'nothing of a rejected request reaches the backend')
  await weir.metricIs('weir_api_keys', { state: 'revoked' }, 1)
})

test('after a rotation the old key and the new one are good, and in the end the new one alone', async t => {
  const { port, file, key } = await start(t, ['--workers', '2'])
  const next = await keys(file, 'rotate billing', '--overlap', '1d')
  await untilAll(port, next, 200)
  t.strictSame(await statuses(port, key), [200])
  const last = await keys(file, 'rotate billing', '--overlap', '0')
  await untilAll(port, last, 200)
  await untilAll(port, next, 401)
  t.match(await ask(port, { 'x-api-key': next }), { body: /key-expired/ })
  t.match(await ask(port, { 'x-api-key': key }), { body: /key-revoked/ })
})

test('a broken file changes nothing, and is told', async t => {
  const { weir, port, file, key } = await start(t, ['--workers', '1'])
  const good = readFileSync(file, 'utf8')
  writeFileSync(file, 'keys: [')
  await weir.line(
    ({ msg }) => msg === 'API keys cannot be read, keeping the old ones',
    'of the file',
  )
  t.equal(await statusOf(port, key), 200)
  writeFileSync(file, good.replace(hashKey(key), hashKey('another')))
  await untilAll(port, key, 401)
})

test('each way to say a wrong key has its answer, its reason and its counter', async t => {
  const { weir, port, backend, key } = await start(t, [
    '--workers',
    '1',
    '--auth-realm',
    'the realm',
  ])
  const cases: readonly (readonly [
    headers: Record<string, string>,
    status: number,
    reason: string,
    challenge: string,
  ])[] = [
    [{}, 401, 'credential-missing', 'Bearer realm="the realm"'],
    [{ authorization: 'Basic abc' }, 401, 'credential-missing', 'Bearer realm="the realm"'],
    [{ 'x-api-key': 'abc' }, 401, 'key-malformed', 'error="invalid_token"'],
    [{ 'x-api-key': `${key}x` }, 401, 'key-checksum', 'error="invalid_token"'],
    [{ authorization: `Bearer ${makeKey()}` }, 401, 'key-unknown', 'error="invalid_token"'],
  ]
  for (const [headers, status, reason, challenge] of cases) {
    const answer = await ask(port, headers)
    t.match(answer, { status, body: `"reason":"${reason}"` })
    t.match(answer.headers['www-authenticate'], challenge)
    if (reason === 'credential-missing') t.notMatch(answer.headers['www-authenticate'], 'error')
    await weir.line(({ reason: told }) => told === reason, reason)
    const scheme = reason === 'credential-missing' ? 'none' : 'api-key'
    const count = reason === 'credential-missing' ? 2 : 1
    if (headers['authorization'] !== undefined || scheme !== 'none') {
      await weir.metricIs('weir_authentications_total', { scheme, outcome: reason }, count)
      await weir.metricIs('weir_refusals_total', { reason }, count)
    }
  }
  t.equal(backend.seen.length, 0)
  t.match(await ask(port, { authorization: `ApiKey ${key}` }), { status: 200 })
  await weir.metricIs('weir_authentications_total', { scheme: 'api-key', outcome: 'accepted' }, 1)
})

test('the backend is told who it is, by weir alone', async t => {
  const { weir, port, backend, key } = await start(
    t,
    ['--workers', '1'],
    `
  - { path: /open, auth: none }
  - { path: /removed, credential: remove }
  - { path: /other, request-headers: { set: { Authorization: "Basic weir" }, remove: [X-API-Key] } }
`,
  )
  const lies = { 'x-weir-subject': 'root', 'x-weir-scopes': 'all', 'X-Weir-Other': 'x' }
  await ask(port, { ...lies, 'x-api-key': key })
  const { headers } = backend.seen.at(-1)!
  t.match(headers, {
    'x-weir-auth': 'api-key',
    'x-weir-subject': 'billing',
    'x-weir-client': 'billing',
    'x-weir-scopes': 'read',
    'x-api-key': key,
  })
  t.notOk('x-weir-other' in headers)

  await ask(port, { ...lies, 'x-api-key': key }, { path: '/open' })
  t.strictSame(
    Object.keys(backend.seen.at(-1)!.headers).filter(name => name.startsWith('x-weir')),
    [],
    'where nobody is asked nobody is told',
  )
  await ask(port, { authorization: `Bearer ${key}`, dpop: 'x' }, { path: '/removed' })
  t.match(backend.seen.at(-1)!.headers, { 'x-weir-subject': 'billing' })
  t.notMatch(JSON.stringify(backend.seen.at(-1)!.rawHeaders), /authorization|dpop|weir_/i)
  await ask(port, { 'x-api-key': key }, { path: '/other' })
  t.match(backend.seen.at(-1)!.headers, {
    authorization: 'Basic weir',
    'x-weir-subject': 'billing',
  })
  t.notOk('x-api-key' in backend.seen.at(-1)!.headers)

  const { id } = readKeys(join(t.testdirName, 'keys.yaml'))[0]!
  const line = await weir.line(({ path }) => path === '/removed', 'of the request')
  t.match(line, { auth: 'api-key', key: id, subject: hashKey('billing').slice(0, 16) })
  t.notMatch(JSON.stringify(weir.lines), key, 'no line has the key')
})

test('routes and methods ask for what they are for', async t => {
  const { port, backend, key, file } = await start(
    t,
    ['--workers', '1'],
    `
  - path: /v1
    auth: api-key
    require-scope: read
    cors-preflight: pass
    methods:
      POST: { require-scope: [read, write] }
      DELETE: { require-claims: { tier: gold } }
      OPTIONS: { auth: none }
  - { path: /any, auth: any }
auth: none
`,
  )
  const writer = await keys(file, 'create', '--name', 'w', '--scope', 'read', '--scope', 'write')
  await until(
    async () => (await ask(port, { 'x-api-key': writer }, { path: '/any' })).status === 200,
    'the key is known',
  )
  const cases: readonly (readonly [method: string, path: string, key: string, status: number])[] = [
    ['GET', '/', '', 200],
    ['GET', '/any', '', 401],
    ['GET', '/any', key, 200],
    ['GET', '/v1', '', 401],
    ['GET', '/v1', key, 200],
    ['HEAD', '/v1', key, 200],
    ['POST', '/v1', key, 403],
    ['post', '/v1', key, 403],
    ['POST', '/v1', writer, 200],
    ['DELETE', '/v1', writer, 403],
    ['OPTIONS', '/v1', '', 200],
  ]
  for (const [method, path, sent, status] of cases) {
    const headers: Record<string, string> = sent === '' ? {} : { 'x-api-key': sent }
    t.equal((await ask(port, headers, { method, path })).status, status, `${method} ${path}`)
  }
  const denied = await ask(port, { 'x-api-key': key }, { method: 'POST', path: '/v1' })
  t.match(denied.body, /"reason":"scope-missing"/)
  t.match(
    denied.headers['www-authenticate'],
    'Bearer realm="weir", error="insufficient_scope", scope="read write"',
  )
  t.notOk(backend.seen.some(({ method, url }) => method === 'DELETE' && url === '/v1'))
})

test('a preflight passes where it may, and nothing that only looks like one', async t => {
  const { port, backend } = await start(t, ['--workers', '1', '--cors-preflight', 'pass'])
  const fields = { origin: 'https://a.test', 'access-control-request-method': 'PUT' }
  t.equal((await ask(port, fields, { method: 'OPTIONS' })).status, 200)
  t.notOk('x-weir-auth' in backend.seen.at(-1)!.headers)
  t.equal((await ask(port, fields)).status, 401, 'GET')
  t.equal((await ask(port, { origin: 'https://a.test' }, { method: 'OPTIONS' })).status, 401)
  const withBody = { ...fields, 'content-length': '0' }
  t.equal((await ask(port, withBody, { method: 'OPTIONS' })).status, 200, 'no body is no body')
})

test('who guesses is cut off before anything is looked at, and nobody else is', async t => {
  const { weir, port, backend, key } = await start(t, [
    ...['--workers', '2', '--auth-failure-rate', '0.01', '--auth-failure-burst', '5'],
  ])
  const guess = async (sent: string) =>
    await ask(port, { 'x-api-key': sent }, { from: '127.0.0.9' })
  for (let i = 0; i < 5; i++) t.equal((await guess(makeKey())).status, 401)
  const cut = await guess(makeKey())
  t.match(cut, { status: 429, body: /"reason":"auth-failure-rate"/ })
  t.ok(Number(cut.headers['retry-after']) > 60)
  t.equal((await guess(key)).status, 429, 'nor is the right one looked at any more')
  t.equal(await statusOf(port, key), 200, 'another address is let in')
  for (let i = 0; i < 10; i++) t.equal((await ask(port, {})).status, 401, 'silence is no guess')
  t.equal(await statusOf(port, key), 200)
  t.equal(backend.seen.length, 2)
  await weir.metricIs('weir_refusals_total', { reason: 'auth-failure-rate' }, 2)
})

test('a key in the query counts if it was asked for, and goes no further', async t => {
  const { weir, port, backend, key } = await start(t, [
    ...['--workers', '1', '--api-key-query', 'api_key', '--access-format', 'combined'],
  ])
  const path = `/a?x=1&api_key=${key}&y=2`
  t.equal((await ask(port, { referer: `http://h/?api_key=${key}` }, { path })).status, 200)
  t.equal(backend.seen.at(-1)!.url, '/a?x=1&y=2')
  t.notOk('referer' in backend.seen.at(-1)!.headers, "the page it came from is nobody's business")
  t.equal((await ask(port, {}, { path: `/b?api_key=${key}x` })).status, 401)
  const encoded = `/c?%61pi%5Fkey=${key};y=2`
  t.equal(
    (await ask(port, { referer: `http://h/?z=1;api%5fkey=${key}` }, { path: encoded })).status,
    200,
  )
  t.equal(backend.seen.at(-1)!.url, '/c?y=2')
  t.notOk('referer' in backend.seen.at(-1)!.headers)
  await ask(port, { referer: 'http://h/?api=1', 'x-api-key': key })
  t.equal(backend.seen.at(-1)!.headers.referer, 'http://h/?api=1')
  t.equal((await ask(port, { 'x-api-key': makeKey() }, { path })).status, 400, 'two that differ')
  await until(() => weir.lines.filter(({ text }) => text !== undefined).length === 5, 'five lines')
  const said = JSON.stringify(weir.lines)
  t.match(said, `- ${hashKey('billing').slice(0, 16)} [`)
  t.match(said, 'GET /a?x=1&y=2 HTTP/1.1')
  t.notMatch(said, key)

  const plain = await startWeir(t, [
    ...withoutLimits('--listen', 'http://127.0.0.1:0', '--backend', backend.url),
    ...['--api-keys', join(t.testdirName, 'keys.yaml'), '--workers', '1'],
  ])
  t.equal((await ask(plain.ports[0]!, {}, { path })).status, 401, 'unasked it is no key')
})

test('what a key may do holds for all workers, and for its name', async t => {
  const { port, file, backend } = await start(t, ['--workers', '2'])
  const limits = ['--rate', '0.01', '--burst', '4', '--concurrency', '2']
  const key = await keys(file, 'create', '--name', 'slow', ...limits)
  await until(async () => (await statusOf(port, key)) !== 401, 'the key is known')
  const twin = await keys(file, 'rotate slow')
  await until(async () => (await statusOf(port, twin)) !== 401, 'its twin is known')
  const all = []
  // One after the other: at once it might be their number that is too much.
  for (const each of [key, twin, key, twin]) all.push(await ask(port, { 'x-api-key': each }))
  t.ok(all.some(({ status, body }) => status === 429 && body.includes('identity-rate')))
  t.ok(backend.seen.filter(({ headers }) => headers['x-weir-subject'] === 'slow').length <= 4)
})

test('more requests at once than an identity may are told to come later', async t => {
  const { port, key, backend, weir } = await start(t, [
    '--workers',
    '2',
    '--identity-concurrency',
    '2',
  ])
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  backend.answer = (_, response) => void released.then(() => response.end('late'))
  const waiting = [ask(port, { 'x-api-key': key }), ask(port, { 'x-api-key': key })]
  await until(() => backend.seen.length === 2, 'two are under way')
  t.match(await ask(port, { 'x-api-key': key }), {
    status: 429,
    headers: { 'retry-after': '1' },
    body: /identity-concurrency/,
  })
  release()
  t.strictSame(
    (await Promise.all(waiting)).map(({ status }) => status),
    [200, 200],
  )
  t.equal(await statusOf(port, key), 200, 'what ended was given back')
  await weir.metricIs('weir_refusals_total', { reason: 'identity-concurrency' }, 1)
})

test('when a key was used last is written down, and listed', async t => {
  const { weir, port, file, key } = await start(t, ['--workers', '1'])
  t.equal(await statusOf(port, key), 200)
  t.equal(await weir.stop(), 0)
  const { id } = readKeys(file)[0]!
  const used = readUses(`${file}.used`).get(id)!
  t.ok(Math.abs(Date.now() - Date.parse(used)) < 60_000, used)
  const listed = JSON.parse(await keys(file, 'list', '--json')) as object[]
  t.match(listed, [{ id, name: 'billing', lastUsed: used }])
})

test('a file that cannot be used keeps weir from starting', async t => {
  const file = join(t.testdir(), 'keys.yaml')
  const flags = ['check', '--listen', 'http://127.0.0.1:0', '--backend', 'http://127.0.0.1:1']
  t.match(await runWeir([...flags, '--api-keys', file]), {
    code: 2,
    stderr: /--api-keys: .*keys.yaml does not exist; weir keys create makes one/,
  })
  writeFileSync(file, 'keys: {}\n', { mode: 0o600 })
  t.match(await runWeir([...flags, '--api-keys', file]), {
    code: 2,
    stderr: /--api-keys: .*expected array/,
  })
})
