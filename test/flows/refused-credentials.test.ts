/** Each reason for not believing who a client says it is, or not letting it do that, provoked and counted. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { makeKey as makeApiKey } from '../../src/auth/api-key-form.ts'
import { ASKING_MAX as ASKED_AT_ONCE } from '../../src/auth/introspection.ts'
import { dial, readAll } from '../support/client.ts'
import { startHttpBackend } from '../support/http-backend.ts'
import { guardedBy, type Provocation, Provocations } from '../support/provocations.ts'
import { AUDIENCE, goodClaims, ISSUER, issue, makeKey } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { sayJson, startWebServer, type WebServer } from '../support/web-server.ts'
import { runWeir, startWeir } from '../support/weir.ts'

const provocations = new Provocations('credential')

/** @param routes of the config file, one a line */
async function start(t: Test, routes: string, ...flags: string[]) {
  const held: (() => void)[] = []
  const backend = await startHttpBackend(t, (request, response) => {
    if (request.headers['x-held'] === undefined) response.end()
    else held.push(() => response.end())
  })
  const config = join(t.testdirName, 'weir.yaml')
  writeFileSync(config, `routes:\n${routes}`)
  const listen = ['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--config', config]
  const weir = await startWeir(t, guardedBy(...listen, ...flags))
  return { weir, port: weir.ports[0]!, held }
}

/** @returns the status, and the reason if weir said no */
async function verdict(
  port: number,
  method: string,
  fields: readonly string[],
  from = '127.0.0.1',
): Promise<string> {
  const socket = await dial(port, { from })
  const lines = [`${method} / HTTP/1.1`, 'Host: a', 'Connection: close', ...fields]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const text = (await readAll(socket)).toString('latin1')
  return `${text.split(' ')[1]} ${/"reason":"([^"]*)"/.exec(text)?.[1] ?? ''}`.trim()
}

interface Asking {
  readonly port: number
  readonly answer: string
  readonly fields?: readonly string[]
  readonly method?: string
  readonly from?: string
}

/** One after the other, each answered so. */
function answered(t: Test, { port, answer, fields = [], method = 'GET', from }: Asking) {
  return async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) t.equal(await verdict(port, method, fields, from), answer)
  }
}

/** Makes a key, and does with it what is told. */
async function keyOf(file: string, name: string, ...options: string[]): Promise<string> {
  const made = await runWeir(['keys', 'create', '--name', name, '--file', file, ...options])
  if (made.code !== 0) throw new Error(made.stderr)
  return made.stdout.trim()
}

test('API keys, and what whoever has one may do', async t => {
  const file = join(t.testdir(), 'keys.yaml')
  const good = await keyOf(file, 'good', '--scope', 'read')
  const slow = await keyOf(file, 'slow', '--rate', '0.01', '--burst', '3')
  const narrow = await keyOf(file, 'narrow', '--concurrency', '1')
  const [revoked, over] = [await keyOf(file, 'revoked'), await keyOf(file, 'over')]
  for (const command of [
    ['revoke', 'revoked'],
    ['rotate', 'over', '--overlap', '0'],
  ]) {
    t.match(await runWeir(['keys', ...command, '--file', file]), { code: 0 })
  }
  const { weir, port, held } = await start(
    t,
    '  - path: /\n    methods:\n' +
      '      PUT: { require-scope: write }\n      PATCH: { require-claims: { tier: gold } }\n',
    ...['--api-keys', file, '--workers', '2'],
  )
  const is = (reason: Provocation[0], status: number, fields: string[], method = 'GET') =>
    [reason, answered(t, { port, answer: `${status} ${reason}`, fields, method })] as const
  const key = (text: string): string => `X-API-Key: ${text}`
  await provocations.run(
    t,
    weir,
    is('credential-missing', 401, []),
    is('credential-ambiguous', 400, [key(good), `Authorization: Bearer ${slow}`]),
    is('key-malformed', 401, [key('abc')]),
    is('key-checksum', 401, [key(`${good}x`)]),
    is('key-unknown', 401, [key(makeApiKey())]),
    is('key-expired', 401, [key(over)]),
    is('key-revoked', 401, [key(revoked)]),
    is('scope-missing', 403, [key(good)], 'PUT'),
    is('claim-mismatch', 403, [key(good)], 'PATCH'),
    [
      'identity-rate',
      async times => {
        await answered(t, { port, answer: '200', fields: [key(slow)] })(3)
        await answered(t, { port, answer: '429 identity-rate', fields: [key(slow)] })(times)
      },
    ],
    [
      'identity-concurrency',
      async times => {
        const first = verdict(port, 'GET', [key(narrow), 'X-Held: 1'])
        await until(() => held.length === 1, 'it is under way')
        const answer = '429 identity-concurrency'
        await answered(t, { port, answer, fields: [key(narrow)] })(times)
        held[0]!()
        t.equal(await first, '200')
      },
    ],
  )
})

test('who guesses too often', async t => {
  const file = join(t.testdir(), 'keys.yaml')
  const good = await keyOf(file, 'good')
  const { weir, port } = await start(
    t,
    '  - { path: / }\n',
    ...['--api-keys', file, '--auth-failure-rate', '0.01', '--auth-failure-burst', '4'],
  )
  const guess = answered(t, { port, answer: '401 key-malformed', fields: ['X-API-Key: abc'] })
  await guess(4)
  const fields = [`X-API-Key: ${good}`]
  await answered(t, { port, answer: '429 auth-failure-rate', fields })(3)
  await provocations.ran(t, weir, { 'key-malformed': 4, 'auth-failure-rate': 3 })
})

test('a network that guesses too often, each address within its own budget', async t => {
  const file = join(t.testdir(), 'keys.yaml')
  const good = await keyOf(file, 'good')
  const { weir, port } = await start(
    t,
    '  - { path: / }\n',
    ...['--api-keys', file, '--auth-failure-rate', '0.01', '--auth-failure-burst', '4'],
    ...['--prefix-multiple', '2', '--workers', '2'],
  )
  const fields = [`X-API-Key: ${good}`]
  const bad = ['X-API-Key: abc']
  for (const from of ['127.0.5.1', '127.0.5.2', '127.0.5.3', '127.0.5.4']) {
    await answered(t, { port, answer: '200', fields, from })(3)
    await answered(t, { port, answer: '401 key-malformed', fields: bad, from })(2)
  }
  const spent = { port, answer: '429 prefix-auth-failure-rate', from: '127.0.5.5' }
  await answered(t, { ...spent, fields })(2)
  await answered(t, { ...spent, fields: bad })(1)
  await answered(t, { port, answer: '200', fields, from: '127.0.6.1' })(1)
  await provocations.ran(t, weir, { 'key-malformed': 8, 'prefix-auth-failure-rate': 3 })
})

/** An introspection server, and the flags to ask it. */
async function introspection(t: Test): Promise<{ server: WebServer; flags: string[] }> {
  const client = join(t.testdir(), 'client')
  writeFileSync(client, 'weir:a-secret-of-32-characters-or-so\n')
  chmodSync(client, 0o600)
  const server = await startWebServer(t, sayJson({ active: false }))
  const flags = [
    ...['--introspection-url', `${server.url}/ask`, '--introspection-client', client],
    ...['--jwt-audience', AUDIENCE, '--introspection-timeout', '20s', '--workers', '1'],
  ]
  return { server, flags }
}

const bearer = (token: string): readonly string[] => [`Authorization: Bearer ${token}`]

test('tokens that an introspection server knows nothing good of, or that it cannot be asked about', async t => {
  const { server, flags } = await introspection(t)
  const { weir, port } = await start(t, '  - { path: / }\n', ...flags)
  await provocations.run(
    t,
    weir,
    ['token-inactive', answered(t, { port, answer: '401 token-inactive', fields: bearer('one') })],
    [
      'introspection-down',
      async times => {
        await server.stop()
        const answer = '503 introspection-down'
        await answered(t, { port, answer, fields: bearer('two') })(times)
      },
    ],
  )
})

test('more tokens at once than can be asked about', async t => {
  const { server, flags } = await introspection(t)
  const { weir, port } = await start(t, '  - { path: / }\n', ...flags)
  const answers: (() => void)[] = []
  let goesOn = false
  server.answer = (request, response) => {
    const answer = (): void => sayJson({ active: false })(request, response)
    if (goesOn) answer()
    else answers.push(answer)
  }
  const verdicts: string[] = []
  const asking = Array.from({ length: ASKED_AT_ONCE + 3 }, async (_, i) =>
    verdicts.push(await verdict(port, 'GET', bearer(`token-${i}`))),
  )
  await until(() => verdicts.length === 3 && answers.length > 0, 'there are three too many')
  t.strictSame([...new Set(verdicts)], ['503 auth-busy'])
  goesOn = true
  for (const answer of answers) answer()
  await Promise.all(asking)
  t.strictSame([...new Set(verdicts.slice(3))], ['401 token-inactive'])
  await provocations.ran(t, weir, { 'auth-busy': 3, 'token-inactive': ASKED_AT_ONCE })
})

test('tokens of an issuer whose keys cannot be had', async t => {
  const issuer = await startWebServer(t, (_, response) => response.writeHead(503).end())
  t.testdir()
  const { weir, port } = await start(
    t,
    '  - { path: / }\n',
    ...['--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE, '--jwks', `${issuer.url}/keys`],
  )
  const key = makeKey('ES256', 'es')
  const fields = bearer(await issue(key, goodClaims(Math.floor(Date.now() / 1000))))
  await provocations.run(t, weir, [
    'keys-unavailable',
    answered(t, { port, answer: '503 keys-unavailable', fields }),
  ])
})

test('that was every one', t => {
  provocations.areAll(t)
  t.end()
})
