import { createServer, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { type Backend, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, read, readAll } from '../support/client.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'http://127.0.0.1:0', '--workers', '1', '--request-rate', '0']

interface Echo {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly trailers: object
}

/** A real HTTP server that tells what it got. */
async function startEcho(t: Test): Promise<{ url: string; port: number; seen: Echo[] }> {
  const seen: Echo[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers, trailers } = request
      const echo = {
        method,
        url,
        headers,
        body: Buffer.concat(chunks).toString('latin1'),
        trailers,
      }
      seen.push(echo)
      response.end(JSON.stringify(echo))
    })
  })
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => {})
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi ',
    )
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, seen }
}

async function start(t: Test, backend: string, ...flags: string[]) {
  return await startWeir(t, withoutLimits(...LISTEN, '--backend', backend, ...flags))
}

/** Sends bytes as they are and reads until the connection ends. */
async function raw(port: number, text: string): Promise<string> {
  const socket = await dial(port)
  const all = readAll(socket).catch((error: NodeJS.ErrnoException) => Buffer.from(error.code ?? ''))
  socket.write(text, 'latin1')
  const answer = (await all).toString('latin1')
  socket.destroy()
  return answer
}

/** A backend of `http://`, scripted. */
function http({ port }: Backend): string {
  return `http://127.0.0.1:${port}`
}

test('requests are balanced, bodies go both ways, connections are kept', async t => {
  const echo = await startEcho(t)
  const weir = await start(t, echo.url)
  const base = `http://127.0.0.1:${weir.ports[0]!}`
  for (const size of [0, 1, 100_000, 3_000_000]) {
    const body = 'x'.repeat(size)
    const answer = await fetch(`${base}/put?size=${size}`, { method: 'PUT', body })
    t.equal(answer.status, 200)
    t.equal(((await answer.json()) as Echo).body.length, size)
  }
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('one '))
      controller.enqueue(new TextEncoder().encode('two'))
      controller.close()
    },
  })
  const post: RequestInit & { duplex: 'half' } = { method: 'POST', body: stream, duplex: 'half' }
  const chunked = await fetch(`${base}/c`, post)
  t.match(await chunked.json(), { body: 'one two', headers: { 'transfer-encoding': 'chunked' } })
  t.equal((await fetch(`${base}/h`, { method: 'HEAD' })).status, 200)
  t.ok((await weir.metric('weir_backend_reuses_total')) >= 1)
  await weir.metricIs('weir_requests_total', { status: '2xx' }, 6)
  await weir.metricIs('weir_backend_active_connections', {}, 0)
  t.match(await weir.line(line => line.msg === 'request' && line['path'] === '/c', 'a line'), {
    method: 'POST',
    status: 200,
    bytes_received: 7,
  })
})

test('the backend is told who asks, and nobody else can say it', async t => {
  const echo = await startEcho(t)
  const weir = await start(t, echo.url)
  const lies =
    'X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Request-Id: mine\r\nX_Forwarded_For: 6.6.6.6\r\n' +
    'Proxy: evil\r\nKeep-Alive: 5\r\nTE: trailers\r\nX-Mine: 1\r\nConnection: close, X-Mine, X-Forwarded-For\r\n'
  await raw(weir.ports[0]!, `GET /a HTTP/1.1\r\nHost: a.test\r\n${lies}\r\n`)
  const { headers } = echo.seen[0]!
  t.match(headers, {
    host: 'a.test',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'a.test',
    forwarded: 'for=127.0.0.1;proto=http;host=a.test',
    via: '1.1 weir',
  })
  t.match(headers['x-request-id'], /^[0-9a-f]{24,}$/)
  for (const gone of ['x_forwarded_for', 'proxy', 'keep-alive', 'te', 'x-mine']) {
    t.notOk(gone in headers, gone)
  }
  const trusting = await start(t, echo.url, '--forwarded-from', '127.0.0.0/8')
  await raw(trusting.ports[0]!, `GET /b HTTP/1.1\r\nHost: a.test\r\n${lies}\r\n`)
  t.match(echo.seen[1]!.headers, {
    'x-forwarded-for': '6.6.6.6, 127.0.0.1',
    forwarded: 'for=6.6.6.6, for=127.0.0.1;proto=http;host=a.test',
    'x-request-id': 'mine',
  })
})

test('pipelined requests are answered in their order, early ones wait', async t => {
  const echo = await startEcho(t)
  const weir = await start(t, echo.url)
  const requests = Array.from({ length: 30 }, (_, i) => {
    return i % 3 === 0
      ? `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`
      : `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`
  })
  const last = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  const answer = await raw(weir.ports[0]!, requests.join('') + last)
  const urls = [...answer.matchAll(/"url":"([^"]*)"/g)].map(match => match[1])
  t.strictSame(urls, [...requests.map((_, i) => `/${i}`), '/last'])
  t.strictSame(
    echo.seen.map(({ url }) => url),
    urls,
  )
})

test('what could be smuggled reaches no backend, and ends the connection', async t => {
  const echo = await startEcho(t)
  const weir = await start(t, echo.url)
  const evil = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n'
  const host = 'Host: a\r\n'
  const vectors: [string, string][] = [
    [
      'CL.TE',
      `POST / HTTP/1.1\r\n${host}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${evil}`,
    ],
    [
      'two lengths',
      `POST / HTTP/1.1\r\n${host}Content-Length: 0\r\nContent-Length: ${evil.length}\r\n\r\n${evil}`,
    ],
    [
      'TE twice',
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${evil}`,
    ],
    [
      'TE with a tab',
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${evil}`,
    ],
    [
      'blank before the colon',
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${evil}`,
    ],
    ['bare LF', `GET / HTTP/1.1\r\n${host}X: a\nTransfer-Encoding: chunked\r\n\r\n${evil}`],
    ['obs-fold', `POST / HTTP/1.1\r\n${host}Transfer-Encoding:\r\n chunked\r\n\r\n${evil}`],
    [
      'chunked in 1.0',
      `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${evil}`,
    ],
    ['CR in the head', `GET / HTTP/1.1\r\n${host}\rX: a\r\n\r\n${evil}`],
    ['path', `GET /public%2F..%2Fadmin HTTP/1.1\r\n${host}\r\n${evil}`],
  ]
  for (const [name, text] of vectors) {
    const answer = await raw(weir.ports[0]!, text)
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, name)
    t.match(answer, /"reason":"bad-request"/)
    t.equal(answer.match(/HTTP\/1\.1 /g)!.length, 1, `${name}: one answer`)
  }
  t.strictSame(echo.seen, [], 'the backend has seen nothing')
  await weir.metricIs('weir_refusals_total', { reason: 'bad-request' }, vectors.length)

  const bad = await raw(
    weir.ports[0]!,
    `POST /x HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n${evil}`,
  )
  t.match(bad, /^HTTP\/1\.1 400 /)
  t.notOk(echo.seen.some(({ url }) => url === '/evil'))
})

test('a response that is malformed, cut or more than was asked for is never passed on as whole', async t => {
  const bodies: [string, string, RegExp][] = [
    [
      'malformed',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      /^HTTP\/1\.1 502 .*bad-response/s,
    ],
    ['no HTTP', 'SSH-2.0-x\r\n\r\n', /^HTTP\/1\.1 502 /],
    [
      'unasked 101',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
      /^HTTP\/1\.1 502 /,
    ],
  ]
  for (const [name, response, wanted] of bodies) {
    const backend = await startBackend(t, socket =>
      socket.once('data', () => socket.write(response)),
    )
    const weir = await start(t, http(backend))
    t.match(
      await raw(weir.ports[0]!, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
      wanted,
      name,
    )
  }
  const cut = await startBackend(t, socket =>
    socket.once('data', () =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this'),
    ),
  )
  const weir = await start(t, http(cut))
  await t.rejects(
    fetch(`http://127.0.0.1:${weir.ports[0]!}/`).then(async answer => await answer.text()),
    'the client can tell',
  )
  // Two answers to one question: the second must not reach the next client.
  const poison = await startBackend(t, socket =>
    socket.on('data', () => {
      const one = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'
      socket.write(`${one}ok${one}NO`)
    }),
  )
  const other = await start(t, http(poison))
  for (let i = 0; i < 5; i++) {
    const answer = await fetch(`http://127.0.0.1:${other.ports[0]!}/`)
    t.equal(await answer.text(), 'ok')
  }
})

test('a kept connection that the backend closed is no error for the client', async t => {
  // Closes each connection right after its second request came, unanswered.
  const backend = await startBackend(t, socket => {
    let requests = 0
    socket.on('data', () => {
      if (++requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      else socket.destroy()
    })
  })
  const weir = await start(t, http(backend))
  for (let i = 0; i < 10; i++) {
    t.equal(await (await fetch(`http://127.0.0.1:${weir.ports[0]!}/`)).text(), 'ok')
  }
  t.ok((await weir.metric('weir_request_retries_total')) >= 1)
  const post = await fetch(`http://127.0.0.1:${weir.ports[0]!}/`, { method: 'POST', body: 'x' })
  t.equal(post.status, 502, 'what may have been done is not done again')
})

test('answers of our own: no backend, no response in time, too large, too slow', async t => {
  const silent = await startBackend(t, () => {})
  const dead = await startBackend(t, () => {})
  await dead.kill()
  const fast = ['--response-timeout', '200ms', '--head-timeout', '200ms', '--body-max', '10']
  const waits = await start(t, http(silent), ...fast)
  const port = waits.ports[0]!
  t.match(
    await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 504 .*response-timeout/s,
  )
  t.match(
    await raw(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n'),
    /^HTTP\/1\.1 413 /,
  )
  t.match(
    await raw(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n',
    ),
    /^HTTP\/1\.1 413 /,
  )
  t.match(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow'), /^HTTP\/1\.1 408 /)
  t.equal(await raw(port, ''), '', 'who says nothing gets nothing')
  const none = await start(t, http(dead))
  const answer = await raw(none.ports[0]!, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  t.match(
    answer,
    /^HTTP\/1\.1 50[23] .*Cache-Control: no-store.*"reason":"(no-backend|connect-failed)"/s,
  )
})

test('an address has a budget of requests, over all its connections', async t => {
  const echo = await startEcho(t)
  const flags = ['--listen', 'http://127.0.0.1:0', '--request-rate', '0.1', '--request-burst', '5']
  const weir = await startWeir(t, ['--backend', echo.url, ...flags, '--connection-rate', '0'])
  const statuses: number[] = []
  for (let i = 0; i < 10; i++) {
    const answer = await fetch(`http://127.0.0.1:${weir.ports[0]!}/`)
    statuses.push(answer.status)
    // A token every ten seconds.
    if (answer.status === 429) t.match(answer.headers.get('retry-after'), /^(?:[5-9]|10)$/)
    await answer.text()
  }
  t.strictSame(statuses.slice(0, 5), [200, 200, 200, 200, 200])
  t.ok(statuses.slice(6).every(status => status === 429))
  await weir.metricIs('weir_refusals_total', { reason: 'request-rate' }, 10 - echo.seen.length)
})

test('WebSocket goes through as a tunnel once the backend has agreed, h2c never', async t => {
  const echo = await startEcho(t)
  const weir = await start(t, echo.url)
  const socket = await dial(weir.ports[0]!)
  socket.write(
    'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly ',
  )
  let got = ''
  while (!got.endsWith('early ')) got += await read(socket, 1)
  t.match(got, /^HTTP\/1\.1 101 Switching Protocols\r\n.*\r\n\r\nhi early $/s)
  socket.write('late')
  t.equal(await read(socket, 4), 'late')
  socket.destroy()
  await weir.metricIs('weir_backend_active_connections', {}, 0)
  // In the same read as a body: that is read to elsewhere, and what follows must not go to who took it.
  const behind = await dial(weir.ports[0]!)
  behind.write(
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody' +
      'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  let answers = ''
  while (!answers.endsWith('hi ')) answers += await read(behind, 1)
  behind.write('first')
  t.equal(await read(behind, 5), 'first')
  behind.destroy()
  const h2c =
    'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'
  t.match(
    await raw(weir.ports[0]!, `GET /h2c HTTP/1.1\r\nHost: a\r\n${h2c}\r\n`),
    /^HTTP\/1\.1 200 /,
  )
  t.notOk('upgrade' in echo.seen.at(-1)!.headers)
})

test('an old client gets an answer that ends with the connection', async t => {
  const backend = await startBackend(t, socket =>
    socket.once('data', () =>
      socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n',
      ),
    ),
  )
  const weir = await start(t, http(backend))
  const answer = await raw(weir.ports[0]!, 'GET / HTTP/1.0\r\n\r\n')
  t.match(answer, /^HTTP\/1\.1 200 OK\r\nConnection: close\r\n\r\nonetwo$/)
})

test('a client that reads slowly holds up its backend, not the memory', async t => {
  const size = 64 * 1024 * 1024
  const backend = await startBackend(t, socket =>
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      const chunk = Buffer.alloc(65_536, 'x')
      let left = size
      const push = (): void => {
        while (left > 0) {
          left -= chunk.length
          if (!socket.write(chunk)) return void socket.once('drain', push)
        }
      }
      push()
    }),
  )
  const weir = await start(t, http(backend))
  const socket = await dial(weir.ports[0]!)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await read(socket, 1000)
  socket.pause()
  const before = await weir.metric('process_resident_memory_bytes')
  await new Promise(setImmediate)
  let got = 0
  socket.on('data', (bytes: Buffer) => (got += bytes.length))
  socket.resume()
  await once(socket, 'end')
  t.ok(got > size - 70_000, `${got} bytes`)
  const after = await weir.metric('process_resident_memory_bytes')
  t.ok(after - before < 48 * 1024 * 1024, `${after - before} bytes more`)
})

test('https: the same over TLS, and a backend over TLS', async t => {
  const ca = testAuthority(t)
  const { cert, key } = ca.issue('a', ['localhost'])
  const echo = await startEcho(t)
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'https://127.0.0.1:0', '--cert', cert, '--key', key, '--backend', echo.url],
    ),
  )
  const socket = await dialTls(weir.ports[0]!, { ca: ca.pem, ALPNProtocols: ['http/1.1'] })
  t.equal(socket.alpnProtocol, 'http/1.1')
  socket.write('GET /s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  t.match((await readAll(socket)).toString(), /"x-forwarded-proto":"https"/)
})

test('drain: an exchange that runs is finished, an idle connection ends', async t => {
  let release = (): void => {}
  const backend = await startBackend(t, socket =>
    socket.on('data', () => {
      release = () => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    }),
  )
  const weir = await start(t, http(backend))
  const idle = await dial(weir.ports[0]!)
  const idleEnd = once(idle, 'end')
  idle.resume()
  const busy = await dial(weir.ports[0]!)
  busy.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await weir.metricIs('weir_backend_active_connections', {}, 1)
  const stopped = weir.stop()
  await idleEnd
  idle.destroy()
  release()
  t.match((await readAll(busy)).toString(), /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n\r\nok$/s)
  busy.end()
  t.equal(await stopped, 0)
})
