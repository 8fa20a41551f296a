import * as fc from 'fast-check'
import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'tap'
import { ChunkReader } from '../../../src/codec/http1/chunks.ts'
import { CHUNKED } from '../../../src/codec/http1/framing.ts'
import { OK } from '../../../src/codec/http1/head.ts'
import { RequestHead } from '../../../src/codec/http1/request-head.ts'

interface Message {
  readonly method: string
  readonly url: string
  readonly fields: readonly string[]
  readonly body: string
}

/** What weir reads: the first message, or null if it refuses or wants more. */
function readByWeir(text: string): Message | null {
  const bytes = Buffer.from(text, 'latin1')
  const head = new RequestHead()
  if (head.parse(bytes, 0, bytes.length, 0) !== OK) return null
  let body = ''
  if (head.body === CHUNKED) {
    const reader = new ChunkReader()
    const onData = (from: Buffer, start: number, end: number): void => {
      body += from.toString('latin1', start, end)
    }
    if (reader.read(bytes, head.size, bytes.length, { onData }) === -1 || !reader.done) return null
  } else {
    if (head.size + head.body > bytes.length) return null
    body = bytes.toString('latin1', head.size, head.size + head.body)
  }
  const fields = Array.from({ length: head.count }, (_, i) => [head.name(i), head.value(i)]).flat()
  return { method: head.method, url: text.split(' ')[1]!, fields, body }
}

/** What llhttp reads of the same bytes, by Node's own server. */
async function startLlhttp(t: { teardown(fn: () => void): void }) {
  let heard: ((message: Message) => void) | null = null
  const server = createServer(
    { requireHostHeader: false },
    (request: IncomingMessage, response) => {
      const chunks: Buffer[] = []
      request.on('error', () => {})
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', rawHeaders } = request
        const body = Buffer.concat(chunks).toString('latin1')
        heard?.({ method, url, fields: rawHeaders, body })
        heard = null
        response.end()
      })
    },
  )
  server.on('clientError', (_, socket) => socket.destroy())
  server.on('upgrade', (_, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return async (text: string): Promise<Message | null> => {
    const { promise, resolve } = Promise.withResolvers<Message | null>()
    heard = resolve
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    // Answered or refused, the server ends the connection that we have ended.
    socket.on('close', () => resolve(null))
    socket.resume()
    socket.end(text, 'latin1')
    const message = await promise
    socket.destroy()
    return message
  }
}

const oddity = fc.constantFrom(
  ...['\r\n', '\n', '\r', '\0', ' ', '\t', ':', ',', ';', '\x0b', '\xff', '0', 'chunked', '_', '"'],
)
const field = fc.oneof(
  fc.constantFrom(
    'Content-Length: 5',
    'Content-Length: 0',
    'content-length: 05',
    'Content-Length:5',
    'Content-Length: +5',
    'Transfer-Encoding: chunked',
    'transfer-encoding:\tCHUNKED ',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding : chunked',
    'X: y',
    'X:',
    'X-Long: a b  c',
    'Connection: close',
    'Expect: 100-continue',
    ' folded: x',
  ),
  fc.tuple(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 })).map(([a, b]) => `${a}: ${b}`),
)
const body = fc.constantFrom(
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  '0\r\n\r\n',
  '5\nhello\n0\n\n',
  '05\r\nhello\r\n00\r\n\r\n',
)
const request = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'PUT', 'get'),
    fc.constantFrom('/', '/a?b=c', '/a%20b', 'http://h/x', '*', '/a b'),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2'),
    fc.array(field, { maxLength: 4 }),
    body,
    fc.option(fc.tuple(oddity, fc.nat()), { freq: 3 }),
  )
  .map(([method, target, version, fields, content, odd]) => {
    const text = `${[`${method} ${target} ${version}`, 'Host: h', ...fields].join('\r\n')}\r\n\r\n${content}`
    if (odd === null) return text
    const at = odd[1] % (text.length + 1)
    return text.slice(0, at) + odd[0] + text.slice(at)
  })

test('what weir and llhttp both take they read alike', async t => {
  const readByLlhttp = await startLlhttp(t)
  let both = 0
  await fc.assert(
    fc.asyncProperty(request, async text => {
      const ours = readByWeir(text)
      if (ours === null) return
      const theirs = await readByLlhttp(text)
      if (theirs === null) return
      both++
      t.strictSame(ours, theirs, JSON.stringify(text))
    }),
    { numRuns: 1500 },
  )
  t.ok(both > 100, `${both} were taken by both`)
})
