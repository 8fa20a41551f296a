import { test } from 'tap'
import { IntrospectionClient } from '../../src/transport/introspection-client.ts'
import { sayJson, startWebServer } from '../support/web-server.ts'

const PLAIN = { client: 'id:secret', ca: '', timeoutMs: 5000 }

test('the token is posted as a form, by the client that the operator registered', async t => {
  let body = ''
  let authorization = ''
  const server = await startWebServer(t, (request, response) => {
    authorization = request.headers.authorization ?? ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => sayJson({ active: false })(request, response))
  })
  const { ask } = new IntrospectionClient({
    ...PLAIN,
    url: `${server.url}/introspect`,
    client: 'my client:a:b/+ü',
  })
  t.strictSame(await ask('abc+/='), { active: false })
  t.strictSame(server.seen, ['POST /introspect'])
  t.equal(body, 'token=abc%2B%2F%3D&token_type_hint=access_token')
  const [scheme, value] = authorization.split(' ')
  t.equal(scheme, 'Basic')
  t.equal(Buffer.from(value!, 'base64').toString(), 'my+client:a%3Ab%2F%2B%C3%BC')
  body = ''
  await new IntrospectionClient({ ...PLAIN, url: server.url, client: '' }).ask('x')
  t.equal(authorization, '', 'or by nobody')
})

test('connections are kept, and one that the server closed is no failure', async t => {
  const server = await startWebServer(t, sayJson({ active: true }))
  const { ask } = new IntrospectionClient({ ...PLAIN, url: server.url })
  for (let i = 0; i < 5; i++) await ask('abc')
  t.equal(server.accepted(), 1)
  let cut = 0
  server.answer = (request, response) => {
    if (cut++ === 0) request.socket.resetAndDestroy()
    else sayJson({ active: true })(request, response)
  }
  t.strictSame(await ask('abc'), { active: true })
  t.equal(server.accepted(), 2)
})

test('an answer that is none is told without token and secret', async t => {
  const server = await startWebServer(t, sayJson([]))
  const { ask } = new IntrospectionClient({ ...PLAIN, url: server.url, timeoutMs: 200 })
  const failure = async () => await ask('the-token').catch((error: Error) => error.message)
  t.equal(await failure(), 'answers with what is no JSON object')
  server.answer = (_, response) => response.writeHead(401).end('{"active":true}')
  t.equal(await failure(), 'answers 401')
  for (const status of [400, 413, 422]) {
    server.answer = (_, response) => response.writeHead(status).end('{"active":true}')
    t.equal(await ask('the-token'), status, 'it may be the token that it does not like')
  }
  server.answer = (_, response) => response.writeHead(307, { Location: '/x' }).end()
  t.equal(await failure(), 'answers 307')
  server.answer = (_, response) => response.end('x'.repeat(70_000))
  t.equal(await failure(), 'answers with more than 65536 bytes')
  server.answer = () => {}
  t.equal(await failure(), 'gave no whole answer within 200 ms')
  await server.stop()
  t.match(await failure(), 'ECONNREFUSED')
})
