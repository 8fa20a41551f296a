import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, readAll } from '../support/client.ts'
import { type RunningWeir, runWeir, startWeir, withoutLimits } from '../support/weir.ts'

interface Seen {
  readonly backend: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

/** A real HTTP server that tells its name and what it got. @returns its URL */
async function startNamed(t: Test, backend: string): Promise<string> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      const { url = '', headers } = request
      response.setHeader('Server', backend)
      response.setHeader('Strict-Transport-Security', 'max-age=1')
      response.setHeader('Set-Cookie', ['a=1', 'b=2'])
      response.end(JSON.stringify({ backend, url, headers } satisfies Seen))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function start(t: Test, file: string, ...flags: string[]): Promise<RunningWeir> {
  const path = join(t.testdirName, 'weir.yaml')
  mkdirSync(t.testdirName, { recursive: true })
  writeFileSync(path, file)
  return await startWeir(
    t,
    withoutLimits('--config', path, '--workers', '1', '--request-rate', '0', ...flags),
  )
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Asks as `host` for `path`, exactly as it is written. */
async function ask(
  port: number,
  host: string,
  path: string,
  more: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = more
  const sent = request({ port, path, method, headers: { host, ...headers }, agent: false })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  response.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(response, 'end')
  return { status: response.statusCode ?? 0, headers: response.headers, body: text }
}

async function backendOf(port: number, host: string, path: string): Promise<string> {
  const { status, body } = await ask(port, host, path)
  return status === 200 ? (JSON.parse(body) as Seen).backend : String(status)
}

/** Sends bytes as they are and reads until the connection ends. */
async function raw(port: number, text: string): Promise<string> {
  const socket = await dial(port)
  const all = readAll(socket)
  socket.write(text)
  const answer = (await all).toString('latin1')
  socket.destroy()
  return answer
}

test('requests go where host and path say, and nowhere else', async t => {
  const [web, api, admin] = [
    await startNamed(t, 'web'),
    await startNamed(t, 'api'),
    await startNamed(t, 'admin'),
  ]
  const weir = await start(
    t,
    `
routes:
  - { host: "*.example.org", pool: web }
  - { path: /admin, pool: admin, name: back office }
listeners:
  - listen: http://127.0.0.1:0
    name: one
    routes:
      - { host: api.example.org, path: /v1, pool: api }
      - { host: api.example.org, path: /v1/health, exact: true, pool: web }
  - { listen: "http://127.0.0.1:0", name: two, pool: web, routes: { api.example.org: api } }
pools: { web: { backends: "${web}" }, api: { backends: "${api}" }, admin: { backends: "${admin}" } }
`,
  )
  const [one, two] = weir.ports as [number, number]
  const cases: [number, string, string, string][] = [
    [one, 'api.example.org', '/v1', 'api'],
    [one, 'API.Example.Org.:8080', '/v1/users?x=/admin', 'api'],
    [one, 'api.example.org', '/v1/health', 'web'],
    [one, 'api.example.org', '/v1x', 'web'],
    [one, 'api.example.org', '/v2/../v1/x', 'api'],
    [one, 'www.example.org', '/admin', 'web'],
    [one, 'other.test', '/admin', 'admin'],
    [one, 'other.test', '/admin;x=1/y', 'admin'],
    [one, 'other.test', '/%61dmin', 'admin'],
    [one, 'other.test', '/', '404'],
    [one, 'example.org', '/', '404'],
    [two, 'api.example.org', '/v1/health', 'api'],
    [two, 'other.test', '/x', 'web'],
    [two, 'other.test', '/admin/', 'admin'],
  ]
  for (const [port, host, path, backend] of cases) {
    t.equal(await backendOf(port, host, path), backend, `${host}${path}`)
  }
  const refused = await ask(one, 'other.test', '/nowhere')
  t.match(JSON.parse(refused.body), { status: 404, reason: 'no-route' })
  t.equal(refused.headers['content-type'], 'application/problem+json')
  await weir.line(
    ({ path, status, reason }) => path === '/nowhere' && status === 404 && reason === 'no-route',
    'of the request without a route',
  )
  await weir.metricIs('weir_request_faults_total', { fault: 'no-route' }, 3)
})

test('the path is left out, the host rewritten, fields edited both ways', async t => {
  const web = await startNamed(t, 'web')
  const weir = await start(
    t,
    `
listeners:
  - listen: http://127.0.0.1:0
    pool: web
    routes:
      - host: edge.test
        path: /v1
        pool: web
        strip-prefix: true
        rewrite-host: inner.test:81
        request-headers:
          set: { X-Api: "1", X-Forwarded-Proto: https }
          add: { Accept-Language: [de, fr] }
          remove: [Cookie, Via]
        response-headers:
          set: { X-Frame-Options: DENY }
          add: { Set-Cookie: c=3 }
          remove: Server
pools: { web: { backends: "${web}" } }
`,
  )
  const port = weir.ports[0]!
  const headers = { cookie: 'a=1', 'x-api': 'mine', 'accept-language': 'en' }
  const body = 'x'.repeat(70_000)
  const edited = await ask(port, 'edge.test:80', '/v1/a?b=/v1', { method: 'PUT', headers, body })
  const seen = JSON.parse(edited.body) as Seen
  t.match(seen, {
    url: '/a?b=/v1',
    headers: {
      host: 'inner.test:81',
      'x-forwarded-host': 'edge.test:80',
      'x-forwarded-proto': 'https',
      'x-api': '1',
      'content-length': '70000',
    },
  })
  t.match(seen.headers['accept-language'], /^en, ?de, ?fr$/)
  t.notOk('cookie' in seen.headers || 'via' in seen.headers)
  t.equal(edited.headers['x-frame-options'], 'DENY')
  t.strictSame(edited.headers['set-cookie'], ['a=1', 'b=2', 'c=3'])
  t.notOk('server' in edited.headers)
  for (const [path, forwarded] of [
    ['/v1', '/'],
    ['/v1//evil.test/x', '/evil.test/x'],
    ['//v1/x', '/x'],
    ['/v1;x/y;z', '/y;z'],
  ] as const) {
    const { body: answer } = await ask(port, 'edge.test', path)
    t.equal((JSON.parse(answer) as Seen).url, forwarded, path)
  }
  const other = await ask(port, 'other.test', '/v1/a', { headers })
  t.match(JSON.parse(other.body), {
    url: '/v1/a',
    headers: { host: 'other.test', cookie: 'a=1', 'x-api': 'mine', via: '1.1 weir' },
  })
  t.equal(other.headers['server'], 'web')
})

test('each route has limits of its own', async t => {
  const web = await startNamed(t, 'web')
  const silent = createServer(() => {})
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => {
    silent.closeAllConnections()
    silent.close()
  })
  const weir = await start(
    t,
    `
body-max: 10
listeners:
  - listen: http://127.0.0.1:0
    pool: web
    routes:
      - { path: /large, pool: web, body-max: 1k }
      - { path: /slow, pool: slow, response-timeout: 200ms }
pools:
  web: { backends: "${web}" }
  slow: { backends: "http://127.0.0.1:${(silent.address() as AddressInfo).port}" }
`,
  )
  const port = weir.ports[0]!
  const put = async (path: string, size: number): Promise<number> =>
    (await ask(port, 'a.test', path, { method: 'PUT', body: 'x'.repeat(size) })).status
  t.equal(await put('/small', 10), 200)
  t.equal(await put('/small', 11), 413)
  t.equal(await put('/large/x', 1000), 200)
  t.equal(await put('/large', 1001), 413)
  t.equal((await ask(port, 'a.test', '/slow')).status, 504)
})

test('http is redirected to https: counted, logged, and within the budget of requests', async t => {
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0?redirect=https:8443', '--workers', '1'],
      ...['--request-rate', '0.01', '--request-burst', '5'],
    ),
  )
  const port = weir.ports[0]!
  t.equal((await weir.admin('/readyz')).status, 200, 'ready without a backend')
  const answer = await ask(port, 'a.test:8080', '/x/../y?z=1')
  t.equal(answer.status, 308)
  t.equal(answer.headers.location, 'https://a.test:8443/y?z=1')
  t.equal(answer.body, '')
  const two = await raw(
    port,
    'GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: [::1]:1\r\nConnection: close\r\n\r\n',
  )
  t.strictSame(
    [...two.matchAll(/^Location: (.*)\r$/gm)].map(match => match[1]),
    ['https://a.test:8443/1', 'https://[::1]:8443/2'],
  )
  const post = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc'
  t.match(await raw(port, post), /^HTTP\/1\.1 308 [^]*\r\nConnection: close\r\n/)
  t.match(await raw(port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 400 [^]*"reason":"bad-request"/)
  t.match(await raw(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 429 /)
  await weir.metricIs('weir_requests_total', { status: '3xx' }, 4)
  await weir.line(({ status, path }) => status === 308 && path === '/y', 'of the redirect')
})

test('https has HSTS on every response, in place of what the backend says', async t => {
  const web = await startNamed(t, 'web')
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('a', ['a.test'])
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'],
      ...['--backend', web, '--cert', cert, '--key', key, '--workers', '1'],
      ...['--hsts', '365d', '--hsts-subdomains', 'true', '--hsts-preload', 'true'],
      ...['--body-max', '5'],
    ),
  )
  const heads = async (text: string): Promise<string[]> => {
    const socket = await dialTls(weir.ports[0]!, { servername: 'a.test', ca: authority.pem })
    const all = readAll(socket)
    socket.write(text)
    const answer = (await all).toString('latin1')
    return [...answer.matchAll(/^Strict-Transport-Security: (.*)\r$/gim)].map(match => match[1]!)
  }
  const wanted = ['max-age=31536000; includeSubDomains; preload']
  const close = 'Host: a.test\r\nConnection: close\r\n'
  t.strictSame(await heads(`GET / HTTP/1.1\r\n${close}\r\n`), wanted, 'of a backend')
  t.strictSame(
    await heads(`PUT / HTTP/1.1\r\n${close}Content-Length: 9\r\n\r\n`),
    wanted,
    'of weir itself',
  )
  t.strictSame(await heads('nonsense\r\n\r\n'), wanted, 'to what is no request')
  const plain = await ask(weir.ports[1]!, 'a.test', '/')
  t.equal(plain.headers['strict-transport-security'], 'max-age=1')
})

test('https is routed by Host, whatever the server name', async t => {
  const [web, db] = [await startNamed(t, 'web'), await startNamed(t, 'db')]
  const authority = testAuthority(t)
  const { cert, key } = authority.issue('a', ['a.test'])
  const weir = await start(
    t,
    `
listeners: [{ listen: "https://127.0.0.1:0", routes: { db.test: db, "*.web.test": web } }]
pools: { web: { backends: "${web}" }, db: { backends: "${db}" } }
cert: ${cert}
key: ${key}
`,
  )
  const get = async (host: string): Promise<string> => {
    const socket = await dialTls(weir.ports[0]!, { servername: 'a.test', ca: authority.pem })
    const all = readAll(socket)
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    return (await all).toString('latin1')
  }
  t.match(await get('db.test'), /"backend":"db"/)
  t.match(await get('a.web.test'), /"backend":"web"/)
  t.match(await get('a.test'), /^HTTP\/1\.1 404 [^]*"reason":"no-route"/)
})

test('what weir check prints is what it was given', async t => {
  const path = join(t.testdir(), 'weir.yaml')
  const file = `
routes: [{ host: A.test, path: /x/, pool: web, strip-prefix: true, response-headers: { set: { X: "1" } } }]
listeners: [{ listen: "http://127.0.0.1:1", routes: { b.test: web } }]
pools: { web: { backends: "http://127.0.0.1:2" } }
`
  writeFileSync(path, file)
  const first = await runWeir(['check', '--config', path])
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, /host: a\.test\n\s+path: \/x\n/)
  writeFileSync(path, first.stdout)
  const second = await runWeir(['check', '--config', path])
  t.equal(second.stdout, first.stdout)
  writeFileSync(path, file.replace('path: /x/', 'pth: /x').replace('"1"', '"a\\nb"'))
  const wrong = await runWeir(['check', '--config', path])
  t.equal(wrong.code, 2)
  t.match(wrong.stderr, /weir\.yaml:2:\d+ routes\.0\.pth: unknown key pth; did you mean path\?/)
})
