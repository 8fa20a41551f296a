/** Bytes of bodies per second and address, `--body-rate`: over several workers. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { type Test, test } from 'tap'
import { dial } from '../support/client.ts'
import { startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, runWeir, startWeir } from '../support/weir.ts'

const MB = 1_000_000
/** Of one client that waits: read at once, and in the kernel. */
const ONE_READ = 262_144

/** Tells how many bytes it got. */
async function site(t: Test, ...flags: string[]): Promise<RunningWeir> {
  const backend = await startHttpBackend(t, (asked, response) => {
    let bytes = 0
    asked.on('data', (chunk: Buffer) => (bytes += chunk.length))
    asked.on('end', () => response.end(String(bytes)))
  })
  return startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--workers', '2', '--backend', backend.url],
    ...['--connection-rate', '0', '--request-rate', '0', ...flags],
  ])
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** @param chunked without a length */
async function upload(
  weir: RunningWeir,
  bytes: number,
  { from = '127.0.0.2', chunked = false, method = 'POST' } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const headers = chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': bytes }
  const options = { port: weir.ports[0]!, localAddress: from, method, headers, agent: false }
  const asked = request(options, response => {
    void readText(response).then(
      body => resolve({ status: response.statusCode!, headers: response.headers, body }),
      reject,
    )
  })
  asked.on('error', reject)
  asked.end(Buffer.alloc(bytes))
  return promise
}

test('an address sends no faster, over all its connections, and all of it arrives', async t => {
  const weir = await site(t, '--body-rate', '1M', '--body-burst', '1M', '--body-timeout', '5')
  t.match(await upload(weir, 100_000, { from: '127.0.0.3' }), { status: 200, body: '100000' })
  t.equal(await weir.metric('weir_body_pauses_total'), 0)
  const began = performance.now()
  const answers = await Promise.all([true, false].map(chunked => upload(weir, 2 * MB, { chunked })))
  const took = performance.now() - began
  for (const answer of answers) t.match(answer, { status: 200, body: String(2 * MB) })
  const least = ((4 * MB - MB - 2 * ONE_READ) / MB) * 1000
  t.ok(took >= least, `${took} ms, at least ${least}`)
  t.ok((await weir.metric('weir_body_pauses_total')) > 0)
  t.equal(await weir.metric('weir_refusals_total'), 0)
})

test('a client is not blamed for the time in which it is not read', async t => {
  const flags = ['--body-rate', '50k', '--body-timeout', '1', '--body-rate-min', '100k']
  const weir = await site(t, ...flags)
  t.match(await upload(weir, 200_000), { status: 200, body: '200000' })
})

test('who is deep in debt is refused before it sends a body, and served without one', async t => {
  const socket = join(mkdtempSync(join(tmpdir(), 'weir-')), 'admin.sock')
  t.teardown(() => rmSync(join(socket, '..'), { recursive: true }))
  const limits = ['--body-rate', '1000', '--body-burst', '1000', '--body-timeout', '1']
  const weir = await site(t, ...limits, '--admin-socket', socket)
  const client = await dial(weir.ports[0]!, { from: '127.0.0.2' })
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n')
  client.write(Buffer.alloc(1_000_000))
  await weir.metricIs('weir_body_pauses_total', {}, 1)
  t.match(await upload(weir, 1), {
    status: 429,
    headers: {
      'retry-after': /^\d+$/,
      'ratelimit-policy': '"body-rate";q=1000;w=1;qu="content-bytes"',
    },
    body: /"reason":"body-rate"/,
  })
  t.match(await upload(weir, 0, { method: 'GET' }), { status: 200 })
  t.match(await upload(weir, 1, { from: '127.0.0.3' }), { status: 200, body: '1' })
  await weir.metricIs('weir_refusals_total', { reason: 'body-rate' }, 1)
  t.match(
    (await runWeir(['why', '127.0.0.2', '--admin-socket', socket])).stdout,
    /^ +body-rate: 0 of 1000 left at 1000\/s, full in \d+/m,
  )
  client.destroy()
})

test('a body that waits for what others of its address sent is refused, and theirs goes on', async t => {
  const limits = ['--body-rate', '1000', '--body-burst', '1', '--body-timeout', '8']
  const weir = await site(t, ...limits)
  const neighbour = await dial(weir.ports[0]!, { from: '127.0.0.2' })
  neighbour.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  await weir.metricIs('weir_backend_active_connections', {}, 1)
  const other = await dial(weir.ports[0]!, { from: '127.0.0.2' })
  // At once: of a body that comes behind its head little is read at first.
  other.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`)
  await weir.metricIs('weir_body_pauses_total', {}, 1)
  neighbour.write('1\r\nx\r\n0\r\n\r\n')
  t.match(await readText(neighbour), /^HTTP\/1.1 429 .*^retry-after: \d+\r$.*"body-rate"/ims)
  await weir.metricIs('weir_refusals_total', { reason: 'body-rate' }, 1)
  t.equal(await weir.metric('weir_refusals_total'), 1)
  t.equal(other.readableLength, 0)
  other.destroy()
})

test('who has paid still waits for its backend, and no byte is lost by it', async t => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const backend = await startHttpBackend(t, (asked, response) => {
    const hash = createHash('sha256')
    asked.on('end', () => response.end(hash.digest('hex')))
    const isRead = asked.url === '/slow' ? released : Promise.resolve()
    void isRead.then(() => asked.on('data', (chunk: Buffer) => hash.update(chunk)))
  })
  const weir = await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--workers', '1', '--backend', backend.url],
    ...['--body-rate', '8M', '--body-burst', '256k'],
  ])
  // More than the kernel keeps for a backend that does not read.
  const body = randomBytes(6 * MB)
  const client = await dial(weir.ports[0]!, { from: '127.0.0.2' })
  client.write(`POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n`)
  client.write('Connection: close\r\n\r\n')
  client.write(body)
  const answer = readText(client)
  const behind = { held: 'to-backend' }
  const isBehind = async () => (await weir.metric('weir_session_held_bytes', behind)) > 0
  await until(isBehind, 'the backend takes no more')
  // That takes longer than the other's turn to be read again.
  await upload(weir, MB, { from: '127.0.0.3' })
  release()
  t.equal((await answer).split('\r\n\r\n')[1], createHash('sha256').update(body).digest('hex'))
})

test('in shadow bodies go on at once, and those that would wait are counted', async t => {
  const weir = await site(t, '--body-rate', '1000', '--body-burst', '1', '--shadow', 'body-rate')
  t.match(await upload(weir, 2 * MB), { status: 200, body: String(2 * MB) })
  t.match(await upload(weir, 10, { from: '127.0.0.3' }), { status: 200, body: '10' })
  await weir.metricIs('weir_shadow_refusals_total', { reason: 'body-rate' }, 1)
  t.equal(await weir.metric('weir_body_pauses_total'), 0)
  t.equal(await weir.metric('weir_refusals_total'), 0)
})
