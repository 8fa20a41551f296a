import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { askWeb, type WebRequest } from '../../src/transport/web-request.ts'
import { testAuthority } from '../support/certificates.ts'
import { sayJson, startWebServer } from '../support/web-server.ts'

const PLAIN: Omit<WebRequest, 'url'> = {
  body: '',
  headers: { Accept: 'application/json' },
  ca: '',
  timeoutMs: 10_000,
  bytesMax: 1000,
}

async function failure(request: WebRequest): Promise<string> {
  return await askWeb(request).then(
    () => 'none',
    (error: Error) => error.message,
  )
}

test('an answer comes with its status and its body', async t => {
  const server = await startWebServer(t, sayJson({ a: 1 }))
  const answer = await askWeb({ ...PLAIN, url: `${server.url}/keys?x=1` })
  t.equal(answer.status, 200)
  t.equal(answer.body.toString(), '{"a":1}')
  t.strictSame(server.seen, ['GET /keys?x=1'])
})

test('a body is posted', async t => {
  let body = ''
  const server = await startWebServer(t, (request, response) => {
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => response.writeHead(401).end())
  })
  const answer = await askWeb({ ...PLAIN, url: server.url, body: 'token=ä' })
  t.equal(answer.status, 401)
  t.equal(body, 'token=ä')
  t.strictSame(server.seen, ['POST /'])
})

test('a redirect is an answer like others, and nobody goes there', async t => {
  const server = await startWebServer(t, (_, response) => {
    response.writeHead(302, { Location: '/elsewhere' }).end()
  })
  t.equal((await askWeb({ ...PLAIN, url: server.url })).status, 302)
  t.strictSame(server.seen, ['GET /'])
})

test('an answer without end is cut off', async t => {
  const server = await startWebServer(t, (_, response) => {
    response.write('x'.repeat(900))
    response.write('x'.repeat(200))
  })
  t.equal(await failure({ ...PLAIN, url: server.url }), 'answers with more than 1000 bytes')
})

test('the deadline is for all of it', async t => {
  const silent = await startWebServer(t, () => {})
  const slow = await startWebServer(t, (_, response) => {
    const timer = setInterval(() => response.write('x'), 20)
    response.on('close', () => clearInterval(timer))
  })
  for (const { url } of [silent, slow]) {
    t.equal(await failure({ ...PLAIN, url, timeoutMs: 200 }), 'gave no whole answer within 200 ms')
  }
})

test('what breaks is told', async t => {
  const server = await startWebServer(t, (_, response) => response.destroy())
  t.match(await failure({ ...PLAIN, url: server.url }), 'socket hang up')
  const half = await startWebServer(t, (_, response) => {
    response.writeHead(200, { 'Content-Length': '10' }).write('x')
    setImmediate(() => response.destroy())
  })
  t.match(await failure({ ...PLAIN, url: half.url }), /aborted|hang up/)
  await server.stop()
  t.match(await failure({ ...PLAIN, url: server.url }), 'ECONNREFUSED')
})

test('what is no answer is no wait for one', async t => {
  for (const [bytes, message] of [
    [
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
      'answers 101',
    ],
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n', /Parse Error/],
    ['HTTP/1.1 200 OK\r\n', /hang up/],
    ['SSH-2.0-OpenSSH\r\n', /Parse Error/],
  ] as const) {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.end(bytes)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    const startedMs = performance.now()
    t.match(await failure({ ...PLAIN, url: `http://127.0.0.1:${port}/` }), message, bytes)
    t.ok(performance.now() - startedMs < 5000, 'at once')
  }
})

test('on a kept connection that is of no use any more it is asked again on another', async t => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
  for (const spoil of [
    (socket: Socket) => socket.write(`late ${answer}`),
    (socket: Socket) => socket.resetAndDestroy(),
    (socket: Socket) => socket.end(),
  ]) {
    let connections = 0
    const server = createServer(socket => {
      let questions = 0
      connections++
      socket.on('error', () => {})
      socket.on('data', () => {
        if (++questions === 1) socket.write(answer)
        else spoil(socket)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const agent = new Agent({ keepAlive: true })
    t.teardown(() => {
      agent.destroy()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const request = { ...PLAIN, url: `http://127.0.0.1:${port}/`, agent }
    t.equal((await askWeb(request)).status, 200)
    t.equal((await askWeb(request)).body.toString(), '{}', spoil.toString())
    t.equal(connections, 2)
  }
})

test('over https the certificate is verified, with an authority of its own if one is named', async t => {
  const ca = testAuthority(t)
  const server = await withTls(t, ca.issue('a', ['localhost']))
  t.equal((await askWeb({ ...PLAIN, url: server.url, ca: ca.pem })).status, 200)
  t.match(await failure({ ...PLAIN, url: server.url }), /certificate/)
  const stranger = testAuthority(t)
  t.match(await failure({ ...PLAIN, url: server.url, ca: stranger.pem }), /certificate/)
  const other = await withTls(t, ca.issue('b', ['other.example']))
  t.match(await failure({ ...PLAIN, url: other.url, ca: ca.pem }), /does not match/)
})

async function withTls(t: Test, { cert, key }: { cert: string; key: string }) {
  const tls = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  return await startWebServer(t, sayJson({}), { tls })
}
