/** What comes along with the end of a body, and is read before the backend has taken that, is the next request. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { testAuthority } from '../support/certificates.ts'
import { dial, read } from '../support/client.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const FLAGS = withoutLimits(
  ...['--listen', 'http://127.0.0.1:0', '--workers', '1', '--probe', 'none'],
)
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A backend over TLS: there no large write is done at once. */
async function startBackend(t: Test, answer: RequestListener): Promise<string> {
  const { cert, key } = testAuthority(t).issue('b', ['localhost'])
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer)
  server.on('upgrade', (_, socket, early) => {
    socket.on('error', () => {})
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${UPGRADE}\r\n`)
    socket.write(early)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}?insecure`
}

/** Answers with a hash of the body. */
function sayHash(asked: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256')
  asked.on('data', (chunk: Buffer) => hash.update(chunk))
  asked.on('end', () => response.end(hash.digest('hex')))
}

function post(body: Buffer): Buffer {
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

for (const [what, ahead] of [
  ['a part of its head', 30],
  ['its head and a part of its body', 1000],
] as const) {
  test(`the next request is whole, ${what} came before`, async t => {
    const backend = await startBackend(t, sayHash)
    const weir = await startWeir(t, [...FLAGS, '--backend', backend])
    const client = await dial(weir.ports[0]!)
    for (let n = 0; n < 3; n++) {
      const body = randomBytes(100_000)
      const next = randomBytes(1_000_000)
      const request = post(next)
      client.write(Buffer.concat([post(body), request.subarray(0, ahead)]))
      t.ok((await read(client, 64)).endsWith(hashOf(body)))
      client.write(request.subarray(ahead))
      t.ok((await read(client, 64)).endsWith(hashOf(next)))
    }
    client.destroy()
  })
}

for (const ahead of [0, 30, 100, 5000]) {
  test(`what is said behind an Upgrade is whole, ${ahead} bytes came with the body before`, async t => {
    const backend = await startBackend(t, sayHash)
    const weir = await startWeir(t, [...FLAGS, '--backend', backend])
    const client = await dial(weir.ports[0]!)
    const body = randomBytes(100_000)
    const said = randomBytes(20_000)
    const asked = Buffer.from(`GET /ws HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\n`)
    const behind = Buffer.concat([asked, said])
    client.write(Buffer.concat([post(body), behind.subarray(0, ahead)]))
    let heard = ''
    client.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')))
    await until(() => heard.includes(hashOf(body)), 'the body is answered', 10_000)
    client.write(behind.subarray(ahead))
    await until(() => heard.endsWith(said.toString('latin1')), 'all of it comes back', 10_000)
    t.match(heard, /\r\n\r\n[0-9a-f]{64}HTTP\/1\.1 101 /)
    client.destroy()
  })
}

test('who leaves once all of its body is on the way is noticed', async t => {
  let left = false
  const backend = await startBackend(t, (asked, response) => {
    asked.resume()
    asked.on('end', () => client.resetAndDestroy())
    response.on('close', () => (left = true))
  })
  const weir = await startWeir(t, [...FLAGS, '--backend', backend])
  const client = await dial(weir.ports[0]!)
  client.write(post(randomBytes(100_000)))
  await until(() => left, 'the request was cancelled')
})
