/**
 * Attacks on who a request is from: identities that clients claim, requests that are read in two ways, and what is
 * remembered of one request and told of another.
 */
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { AddressInfo, Socket } from 'node:net'
import { type Test, test } from 'tap'
import { makeKey } from '../../src/auth/api-key-form.ts'
import { dial, exchange, readAll } from '../support/client.ts'
import { prove, thumbprintOf } from '../support/dpop.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import { startRecordingBackend } from '../support/recording-backend.ts'
import {
  AUDIENCE,
  goodClaims,
  ISSUER,
  issue,
  keySetText,
  makeKey as makeSigningKey,
  type SigningKey,
} from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { startWebServer } from '../support/web-server.ts'
import { echoWebSocket } from '../support/websocket-echo.ts'
import { runWeir, startWeir, withoutLimits } from '../support/weir.ts'

const es = makeSigningKey('ES256', 'es')
const rs = makeSigningKey('RS256', 'rs')
const client = makeSigningKey('ES256')

const now = (): number => Math.floor(Date.now() / 1000)

const ROUTES = `routes:
  - { path: / , auth: none }
  - { path: /read, require-scope: read }
  - { path: /write, require-scope: write }
  - { path: /@me/$all, require-scope: read }
  - { path: /key, auth: api-key }
  - { path: /token, auth: jwt }
  - { path: /removed, credential: remove }
  - path: /methods
    auth: none
    methods: { GET: { auth: any }, POST: { auth: any, require-scope: write } }
  - { path: /cors, cors-preflight: pass }
`

async function createKey(file: string, name: string, ...scopes: string[]): Promise<string> {
  const more = scopes.flatMap(scope => ['--scope', scope])
  const run = await runWeir(['keys', 'create', '--file', file, '--name', name, ...more])
  if (run.code !== 0) throw new Error(run.stderr)
  return run.stdout.trim()
}

function writeKeys(path: string, ...keys: readonly SigningKey[]): void {
  writeFileSync(`${path}.new`, keySetText(...keys))
  renameSync(`${path}.new`, path)
}

async function start(t: Test, backendUrl: string, flags: readonly string[] = [], workers = '1') {
  const directory = t.testdir()
  const at = (name: string): string => join(directory, name)
  const key = await createKey(at('keys.yaml'), 'reader', 'read')
  writeKeys(at('jwks.json'), es)
  writeFileSync(at('weir.yaml'), ROUTES)
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--backend', backendUrl, '--workers', workers],
      ...['--config', at('weir.yaml'), '--request-rate', '0'],
      ...(flags.includes('--auth-failure-rate') ? [] : ['--auth-failure-rate', '0']),
      ...['--api-keys', at('keys.yaml'), '--jwks', at('jwks.json')],
      ...['--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE, ...flags],
    ),
  )
  return { weir, port: weir.ports[0]!, key, at }
}

function head(line: string, ...fields: string[]): string {
  return [`${line} HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n')
}

/** Statuses and reasons of the answers, one after the other. */
function verdicts(text: string): string[] {
  return text
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .map(each => `${each.slice(9, 12)} ${/"reason":"([^"]*)"/.exec(each)?.[1] ?? ''}`.trim())
}

async function ask(port: number, line: string, ...fields: string[]): Promise<string> {
  const socket = await dial(port)
  socket.write(head(line, 'Connection: close', ...fields))
  return verdicts((await readAll(socket)).toString('latin1')).join()
}

/** Asks on a connection that stays. */
async function askOn(socket: Socket, line: string, ...fields: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const gone = (): void => reject(new Error(`closed after ${text}`))
  const take = (bytes: Buffer): void => {
    text += bytes.toString('latin1')
    const [before = '', body] = text.split('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(before)?.[1] ?? NaN)
    if (body === undefined || body.length < length) return
    socket.off('close', gone)
    socket.off('data', take)
    resolve(verdicts(text).join())
  }
  socket.on('data', take)
  socket.once('close', gone)
  socket.write(head(line, ...fields))
  return await promise
}

test('nobody but weir says who it is, in whatever way a field can be written', async t => {
  const backend = await startRecordingBackend(t)
  const { port, key } = await start(t, backend.url)
  const lies: readonly string[][] = [
    ['X-Weir-Subject: admin'],
    ['x-weir-SUBJECT: admin', 'X-WEIR-Subject: admin'],
    ['X_Weir_Subject: admin'],
    ['X-Weir_Subject: admin'],
    ['X.Weir.Subject: admin'],
    ['X-Weir-Subject.: admin'],
    ['X-Weir-Subject;: admin', 'X-Weir-Else: admin'],
    ['Connection: X-Weir-Subject, X-Weir-Auth, X-Weir-Scopes, X-API-Key'],
    ['Connection: X-Weir-Subject', 'X-Weir-Subject: admin'],
    ['Trailer: X-Weir-Subject', 'X-Weir-Auth: jwt'],
  ]
  for (const lie of lies) {
    for (const [path, fields] of [
      ['/open', []],
      ['/read', [`X-API-Key: ${key}`]],
    ] as const) {
      const what = `${path} ${lie.join(' | ')}`
      const said = await ask(port, `GET ${path}`, ...fields, ...lie)
      const { messages } = backend.take()
      if (said.startsWith('400')) {
        t.equal(messages.length, 0, what)
        continue
      }
      t.equal(said, '200', what)
      const told = messages[0]!.fields.filter(field => /weir.*:|admin/i.test(field))
      const ours = told.filter(field => !field.startsWith('Via'))
      const wanted =
        path === '/open'
          ? []
          : [
              'X-Weir-Auth: api-key',
              'X-Weir-Subject: reader',
              'X-Weir-Client: reader',
              'X-Weir-Scopes: read',
            ]
      t.strictSame(
        ours.filter(field => !field.startsWith('X-API-Key')),
        wanted,
        what,
      )
    }
  }
  const chunked = await exchange(
    await dial(port),
    `${head('POST /read', `X-API-Key: ${key}`, 'Transfer-Encoding: chunked', 'Connection: close')}1\r\na\r\n0\r\nX-Weir-Subject: admin\r\nAuthorization: Bearer x\r\n\r\n`,
  )
  t.match(chunked, /^HTTP\/1\.1 (200|400)/)
  t.notMatch(backend.take().bytes.join(), /admin|Bearer x/, 'nor in a trailer')
})

test('two credentials are one too many, wherever they stand', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const { port, key } = await start(t, backend.url)
  const token = await issue(es, goodClaims(now(), { scope: 'read' }))
  const both: readonly string[][] = [
    [`Authorization: Bearer ${token}`, 'Authorization: Basic x'],
    ['Authorization: Basic x', `Authorization: Bearer ${token}`],
    [`Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`],
    [`Authorization: Bearer ${token}`, `X-API-Key: ${key}`],
    [`X-API-Key: ${key}`, `X-API-Key: ${key}`],
    [`X-API-Key: ${key}`, `X-API-Key: ${makeKey()}`],
    [`X-API-Key: ${key}`, `Authorization: ApiKey ${makeKey()}`],
    [`X-API-Key: ${key}`, `Authorization: Bearer ${makeKey()}`],
  ]
  for (const fields of both) {
    t.equal(await ask(port, 'GET /read', ...fields), '400 credential-ambiguous', fields.join(' | '))
  }
  for (const value of [
    `Bearer ${token}, Bearer ${token}`,
    `Bearer ${token} ${token}`,
    `Basic x, Bearer ${token}`,
    `Bearer\t${token}`,
    `Bearer=${token}`,
    `Bearer`,
    `DPoP ${token}`,
  ]) {
    t.match(await ask(port, 'GET /read', `Authorization: ${value}`), /^401 /, value)
  }
  t.match(await ask(port, 'GET /read', `Authorization : Bearer ${token}`), /^400/)
  t.match(await ask(port, 'GET /read', 'Authorization: Bearer', ` ${token}`), /^400/)
  t.match(await ask(port, 'GET /read', `Authorization_: Bearer ${token}`), /^401/)
  t.equal(backend.seen.length, 0)
  t.equal(await ask(port, 'GET /read', `authorization:bearer   ${token}  `), '200')
})

test('no spelling of a path or a method gets past the route that asks', async t => {
  const backend = await startRecordingBackend(t)
  const { port } = await start(t, backend.url)
  const targets =
    `/read /read/ /read/x //read ///read/ /./read /x/../read /x/./../read/ /%72ead /r%65ad /read;x=1
    /read;/x /;/read /x/..;/read /x/..;x=1/read /%2e%2e/read /x/%2e%2e/read /%2fread /x%2f..%2fread /x/..%2fread
    /%5cread /x/..%5cread \\read /read%00 /read%3b /read? /read?x /read%3f /read%23 /read%20 /%252e/read /x/%252e%252e/read
    /%C0%AFread /%E0%80%AFread /.;/read /read/. /read/.. /read/../read http://a/read HTTP://A/read http://a//read
    http://a/x/../read http://a?/read /read.json /read%0a /%EF%BC%8Fread /read// /read%2f%2f
    /read%3bx=1 /read%3Bx/y /@me/$all /%40me/$all /@me/%24all/x /%40me;x/%24all%3by /x/../%40me/$all`
      .split(/\s+/)
      .filter(Boolean)
  /** What lax readers make of a path; that of who decodes twice is no business of weir (docs/life-of-a-request.md). */
  const readings: readonly ((path: string) => string)[] = [
    path => path,
    path => decodeURIComponent(path),
    path => path.replaceAll(/;[^/]*/g, ''),
    path => decodeURIComponent(path).replaceAll('\\', '/'),
    path => decodeURIComponent(path).replaceAll(/;[^/]*/g, ''),
    path => new URL(path.replaceAll(/\/+/g, '/'), 'http://a').pathname,
  ]
  for (const target of targets) {
    const said = await ask(port, `GET ${target}`)
    const { messages } = backend.take()
    if (messages.length === 0) {
      t.match(said, /^(400|401)/, target)
      continue
    }
    const path = messages[0]!.line.split(' ')[1]!.split('?')[0]!
    for (const reading of readings) {
      const read = reading(path).replaceAll(/\/+/g, '/')
      t.notMatch(read, /^\/(read|@me\/\$all)(\/|$)/, `${target} as ${path}`)
    }
  }
  for (const method of ['GET', 'get', 'Get', 'HEAD', 'head', 'POST', 'post', 'pOST']) {
    t.match(await ask(port, `${method} /methods`), /^401/, method)
  }
  const overrides = ['X-HTTP-Method-Override: GET', 'X-HTTP-Method: GET', 'X-Method-Override: GET']
  for (const override of overrides) {
    t.equal(await ask(port, 'GET /read', override), '401 credential-missing', override)
    const preflight = ['Origin: http://b', 'Access-Control-Request-Method: PUT']
    t.equal(await ask(port, 'OPTIONS /cors', ...preflight), '200')
    t.match(await ask(port, 'OPTIONS /cors', ...preflight, override), /^401/)
    t.match(await ask(port, 'OPTIONS /cors', ...preflight, 'Authorization: Bearer x'), /^401/)
    t.match(await ask(port, 'OPTIONS /cors', ...preflight, 'Content-Length: 1', '', 'a'), /^401/)
    t.match(await ask(port, 'PUT /cors', ...preflight), /^401/)
    t.match(await ask(port, 'options /cors', ...preflight), /^401/)
  }
  const read = await exchange(await dial(port), `GET /read HTTP/1.0\r\n\r\n`)
  t.match(read, / 401 /)
})

test('on one connection each request is who it says it is, and good for what it may', async t => {
  const backend = await startRecordingBackend(t)
  const { port, key, at } = await start(t, backend.url)
  const anna = await issue(es, goodClaims(now(), { sub: 'anna', scope: 'read' }))
  const ben = await issue(es, goodClaims(now(), { sub: 'ben', scope: 'write' }))
  const as = (token: string): string => `Authorization: Bearer ${token}`
  const socket = await dial(port)
  for (let round = 0; round < 3; round++) {
    t.equal(await askOn(socket, 'GET /read', as(anna)), '200')
    t.equal(await askOn(socket, 'GET /read', as(anna)), '200')
    t.equal(await askOn(socket, 'GET /write', as(anna)), '403 scope-missing')
    t.equal(await askOn(socket, 'GET /key', as(anna)), '401 key-malformed')
    t.equal(await askOn(socket, 'GET /write', as(ben)), '200')
    t.equal(await askOn(socket, 'GET /read'), '401 credential-missing')
    t.equal(await askOn(socket, 'GET /token', `X-API-Key: ${key}`), '401 credential-missing')
    t.equal(await askOn(socket, 'GET /key', `X-API-Key: ${key}`), '200')
    t.equal(await askOn(socket, 'GET /open', as(anna)), '200')
    const told = backend.take().messages.map(({ fields }) => subjectOf(fields))
    t.strictSame(told, ['anna', 'anna', 'ben', 'reader', ''])
  }

  const fresh = await Promise.all(
    Array.from({ length: 40 }, async (_, i) =>
      i % 5 === 4
        ? `${anna.slice(0, -4)}AAAA`
        : await issue(es, goodClaims(now(), { sub: `s${i}`, scope: 'read' })),
    ),
  )
  const piped = fresh
    .map((token, i) =>
      head(`GET /read/${i}`, as(token), ...(i === 39 ? ['Connection: close'] : [])),
    )
    .join('')
  const pipeline = await dial(port)
  pipeline.write(piped)
  const said = verdicts((await readAll(pipeline)).toString('latin1'))
  t.strictSame(
    said,
    fresh.map((_, i) => (i % 5 === 4 ? '401 token-signature' : '200')),
    'pipelined',
  )
  for (const { line, fields } of backend.take().messages) {
    t.equal(subjectOf(fields), `s${/\/read\/(\d+)/.exec(line)![1]}`, line)
  }

  const steady = await dial(port)
  t.equal(await askOn(steady, 'GET /key', `X-API-Key: ${key}`), '200')
  t.equal(await askOn(steady, 'GET /key', `X-API-Key: ${key}`), '200')
  const run = await runWeir(['keys', 'revoke', 'reader', '--file', at('keys.yaml')])
  t.equal(run.code, 0)
  await until(
    async () => (await askOn(steady, 'GET /key', `X-API-Key: ${key}`)) === '401 key-revoked',
    'the key is out on the connection that it is known on',
  )
  t.equal(await askOn(steady, 'GET /read', as(anna)), '200')
  t.equal(await askOn(steady, 'GET /read', as(anna)), '200')
  writeKeys(at('jwks.json'), rs)
  await until(
    async () => (await askOn(steady, 'GET /read', as(anna))) === '401 token-key-unknown',
    'and so is a token whose key is gone',
  )
  for (const each of [socket, steady]) each.destroy()
})

test('a token that is bound to a key is no other one, known or not', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const { port } = await start(t, backend.url)
  const claims = goodClaims(now(), { scope: 'read', cnf: { jkt: thumbprintOf(client) } })
  const token = await issue(es, claims)
  const proof = (method = 'GET', path = '/read'): string =>
    `DPoP: ${prove(client, { now: now(), token, url: `http://a${path}`, method })}`
  const socket = await dial(port)
  const used = proof()
  t.equal(await askOn(socket, 'GET /read', `Authorization: DPoP ${token}`, used), '200')
  t.equal(
    await askOn(socket, 'GET /read', `Authorization: DPoP ${token}`, used),
    '401 dpop-replayed',
  )
  t.equal(await askOn(socket, 'GET /read', `Authorization: Bearer ${token}`), '401 token-binding')
  t.equal(
    await askOn(socket, 'GET /read', `Authorization: Bearer ${token}`, proof()),
    '401 token-binding',
  )
  t.equal(await askOn(socket, 'GET /read', `Authorization: DPoP ${token}`), '401 dpop-missing')
  for (const wrong of [
    proof('POST'),
    proof('GET', '/write'),
    proof('get'),
    proof('GET', '/READ'),
  ]) {
    t.equal(
      await askOn(socket, 'GET /read', `Authorization: DPoP ${token}`, wrong),
      '401 dpop-mismatch',
    )
  }
  const two = [proof(), proof()]
  t.equal(
    await askOn(socket, 'GET /read', `Authorization: DPoP ${token}`, ...two),
    '401 dpop-malformed',
  )
  t.equal(await askOn(socket, 'GET /read', `Authorization: DPoP ${token}`, proof()), '200')
  t.equal(backend.seen.length, 2)
  socket.destroy()
})

test('a connection is switched for who may, and told to the backend as theirs', async t => {
  const subjects: unknown[] = []
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  const nonce = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  const server = createServer((_, response) => response.end('no'))
  server.on('upgrade', (request, socket, early) => {
    subjects.push(request.headers['x-weir-subject'])
    echoWebSocket(request, socket, early)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port: behind } = server.address() as AddressInfo
  const { port, key } = await start(t, `http://127.0.0.1:${behind}`)
  t.equal(await askOn(await dial(port), 'GET /read', ...upgrade, nonce), '401 credential-missing')
  const bad = await dial(port)
  t.equal(
    await askOn(bad, 'GET /read', ...upgrade, nonce, `X-API-Key: ${makeKey()}`),
    '401 key-unknown',
  )
  bad.destroy()
  t.strictSame(subjects, [])
  const good = await dial(port)
  good.write(head('GET /read', ...upgrade, nonce, `X-API-Key: ${key}`, 'X-Weir-Subject: admin'))
  const [first] = (await once(good, 'data')) as [Buffer]
  t.match(first.toString('latin1'), /^HTTP\/1\.1 101 /)
  t.strictSame(subjects, ['reader'])
  good.destroy()
})

test('keys that change while a server is asked change nothing for who waits, and no other', async t => {
  const backend = await startRecordingBackend(t)
  const answers = new Map<string, () => void>()
  const server = await startWebServer(t, (request, response) => {
    let body = ''
    request.on('data', (bytes: Buffer) => (body += bytes.toString()))
    request.on('end', () => {
      const token = new URLSearchParams(body).get('token')!
      answers.set(token, () =>
        response
          .setHeader('content-type', 'application/json')
          .end(JSON.stringify({ active: !token.startsWith('bad'), sub: token, scope: 'read' })),
      )
    })
  })
  const { weir, port, at } = await start(t, backend.url, [
    ...['--introspection-url', server.url, '--introspection-timeout', '20s'],
  ])
  const tokens = ['one', 'bad', 'two']
  const sockets = await Promise.all(tokens.map(async () => await dial(port)))
  const waiting = tokens.map(
    async (token, i) => await askOn(sockets[i]!, 'GET /read', `Authorization: Bearer ${token}`),
  )
  await until(() => answers.size === 3, 'all are asked about')
  writeKeys(at('jwks.json'), rs)
  await weir.line(({ msg }) => msg === 'keys of the issuer changed', 'the new set')
  await createKey(at('keys.yaml'), 'another')
  await weir.line(({ msg }) => msg === 'API keys replaced', 'the new keys')
  for (const token of ['two', 'bad', 'one']) answers.get(token)!()
  t.strictSame(await Promise.all(waiting), ['200', '401 token-inactive', '200'])
  const subjects = backend.take().messages.map(({ fields }) => subjectOf(fields))
  t.strictSame(subjects.toSorted(), ['one', 'two'])
  for (const socket of sockets) socket.destroy()
})

test('a client that is gone while a server is asked is asked for no more', async t => {
  const backend = await startRecordingBackend(t)
  const answers: (() => void)[] = []
  const server = await startWebServer(t, (_, response) => {
    answers.push(() =>
      response
        .setHeader('content-type', 'application/json')
        .end('{"active":true,"scope":"read","sub":"x"}'),
    )
  })
  const { weir, port } = await start(t, backend.url, ['--introspection-url', server.url])
  const socket = await dial(port)
  socket.write(head('GET /read', 'Authorization: Bearer token') + head('GET /read/second'))
  await until(() => answers.length === 1, 'it is asked about')
  socket.resetAndDestroy()
  await weir.line(({ msg, path }) => msg === 'request' && path === '/read', 'it is over')
  answers[0]!()
  t.equal(await ask(port, 'GET /read', 'Authorization: Bearer token'), '200')
  t.equal(backend.take().messages.length, 1)
})

test('the budget of failures counts every scheme and every connection, and no way round it', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const budget = ['--auth-failure-rate', '0.01', '--auth-failure-burst', '6']
  const { port, key } = await start(t, backend.url, budget, '3')
  const token = await issue(es, goodClaims(now()))
  const ways = [
    () => `X-API-Key: ${makeKey()}`,
    () => 'X-API-Key: x',
    () => `Authorization: ApiKey ${makeKey()}`,
    () => 'Authorization: Bearer ey.x.y',
    () => `Authorization: Bearer ${token.slice(0, -6)}AAAAAA`,
    () => `Authorization: DPoP ${token}`,
  ]
  for (const way of ways) t.match(await ask(port, 'GET /read', way()), /^401/)
  for (const way of [...ways, () => `X-API-Key: ${key}`, () => `Authorization: Bearer ${token}`]) {
    t.equal(await ask(port, 'GET /read', way()), '429 auth-failure-rate')
    t.equal(
      await ask(port, 'GET /read', way(), 'X-Forwarded-For: 192.0.2.1'),
      '429 auth-failure-rate',
    )
  }
  t.equal(backend.seen.length, 0)
})

/** Whom weir told the backend. */
function subjectOf(fields: readonly string[]): string {
  const told = fields.filter(field => /^x.weir.subject:/i.test(field))
  if (told.length > 1) throw new Error(`told twice: ${told.join(', ')}`)
  return told[0]?.slice('X-Weir-Subject: '.length) ?? ''
}
