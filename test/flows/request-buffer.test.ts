/** `--request-buffer`: a backend is taken for a body that is there, and not for one that may never come. */
import { createHash, randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Test, test } from 'tap'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, read, readAll } from '../support/client.ts'
import { startHttpBackend } from '../support/http-backend.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const BUFFER = 16_384

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A backend that answers with a hash of the body. */
async function site(
  t: Test,
  flags: readonly string[] = [],
  { listen = 'http://127.0.0.1:0', query = '' } = {},
) {
  const backend = await startHttpBackend(t, (asked, response) => {
    const hash = createHash('sha256')
    asked.on('data', (chunk: Buffer) => hash.update(chunk))
    asked.on('end', () => response.end(hash.digest('hex')))
  })
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', listen, '--workers', '1', '--probe', 'none'],
      ...['--backend', backend.url + query, ...flags],
    ),
  )
  const port = weir.ports[0]!
  let sent = 0
  /** Sends, and waits until weir has read it. */
  const send = async (socket: Socket, data: string | Buffer): Promise<void> => {
    socket.write(data)
    sent += data.length
    await weir.metricIs('weir_client_received_bytes_total', {}, sent)
  }
  return { backend, weir, port, send }
}

function post(length: number, ...fields: string[]): string {
  return `${['POST / HTTP/1.1', 'Host: a', `Content-Length: ${length}`, ...fields].join('\r\n')}\r\n\r\n`
}

async function answered(t: Test, socket: Socket, body: Buffer): Promise<void> {
  const text = await read(socket, 64)
  t.match(text, /^HTTP\/1.1 200 /)
  t.ok(text.endsWith(hashOf(body)), 'every byte came through')
}

test('a backend is taken once the body is whole', async t => {
  const { backend, port, send } = await site(t)
  const client = await dial(port)
  const body = randomBytes(1000)
  await send(client, post(1000))
  for (let at = 0; at < 999; at += 333) {
    await send(client, body.subarray(at, at + 333))
    t.equal(backend.accepted(), 0, `nobody was asked with ${at + 333} bytes`)
  }
  client.write(body.subarray(999))
  await answered(t, client, body)
  t.equal(backend.accepted(), 1)
  client.destroy()
})

test('of a long body the beginning is enough', async t => {
  const { backend, port, send } = await site(t)
  const client = await dial(port)
  const body = randomBytes(1_000_000)
  await send(client, post(body.length))
  await send(client, body.subarray(0, BUFFER - 1))
  t.equal(backend.accepted(), 0)
  client.write(body.subarray(BUFFER - 1, BUFFER))
  await until(() => backend.seen.length === 1, 'the backend has the head')
  client.write(body.subarray(BUFFER))
  await answered(t, client, body)
  client.destroy()
})

test('what never comes costs no backend, and is told so', async t => {
  const { backend, port, weir } = await site(t, ['--body-timeout', '300ms'])
  const client = await dial(port)
  client.write(`${post(1000)}abc`)
  t.match((await readAll(client)).toString(), /^HTTP\/1.1 408 .*"reason":"request-timeout"/s)
  await weir.metricIs('weir_refusals_total', { reason: 'request-timeout' }, 1)
  const left = await dial(port)
  left.end(`${post(1000)}abc`)
  await weir.metricIs('weir_sessions_ended_total', { ending: 'client-gone' }, 1)
  t.equal(backend.accepted(), 0)
})

test('who falls silent may be waiting for an answer, and gets the one there is', async t => {
  const { backend, port, weir } = await site(t, ['--request-buffer-silence', '300ms'])
  backend.answer = (_, response) => response.writeHead(413).end('too much')
  for (const begun of ['', 'abc']) {
    const client = await dial(port)
    client.write(post(1000) + begun)
    t.match((await readAll(client)).toString(), /^HTTP\/1.1 413 /)
  }
  t.equal(backend.seen.length, 2)
  t.equal(await weir.metric('weir_refusals_total'), 0)
})

test('nobody is believed to wait with --request-buffer-silence 0', async t => {
  const { backend, port } = await site(t, ['--request-buffer-silence', '0', '--body-timeout', '3s'])
  const client = await dial(port)
  client.write(`${post(1000)}abc`)
  t.match((await readAll(client)).toString(), /^HTTP\/1.1 408 /)
  t.equal(backend.accepted(), 0)
})

test('after a silence the rest of the body goes the same way', async t => {
  const { backend, port } = await site(t, ['--request-buffer-silence', '200ms'])
  const client = await dial(port)
  const body = randomBytes(300_000)
  client.write(post(body.length))
  client.write(body.subarray(0, 100))
  await until(() => backend.seen.length === 1, 'the backend has the head')
  client.write(body.subarray(100))
  await answered(t, client, body)
  client.destroy()
})

test('who waits for weir, or may wait for its backend, is not waited for', async t => {
  const { backend, port } = await site(t)
  const chunked = await dial(port)
  chunked.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  await until(() => backend.seen.length === 1, 'the backend has the head')
  chunked.write('3\r\nabc\r\n0\r\n\r\n')
  await answered(t, chunked, Buffer.from('abc'))
  const polite = await dial(port)
  polite.write(post(3, 'Expect: 100-continue'))
  t.match(await read(polite, 25), /^HTTP\/1.1 100 /)
  polite.write('abc')
  await answered(t, polite, Buffer.from('abc'))
  for (const client of [chunked, polite]) client.destroy()
})

test('nobody is waited for with --request-buffer 0', async t => {
  const { backend, port } = await site(t, ['--request-buffer', '0'])
  const client = await dial(port)
  client.write(post(3))
  await until(() => backend.seen.length === 1, 'the backend has the head')
  client.write('abc')
  await answered(t, client, Buffer.from('abc'))
  client.destroy()
})

test('what comes behind a body that was waited for is the next request', async t => {
  const { backend, port, send } = await site(t)
  const client = await dial(port)
  const first = randomBytes(100)
  const second = randomBytes(20_000)
  await send(client, post(100))
  await send(client, first.subarray(0, 50))
  client.write(Buffer.concat([first.subarray(50), Buffer.from(post(20_000)), second]))
  let text = ''
  client.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  await until(() => text.endsWith(hashOf(second)), 'both are answered')
  t.ok(text.includes(hashOf(first)))
  t.equal(backend.accepted(), 1)
  client.destroy()
})

test('nobody waits for a body whose client closed its side behind an earlier request', async t => {
  for (const buffer of ['0', '16k']) {
    const { port } = await site(t, ['--request-buffer', buffer, '--body-timeout', '60s'])
    const client = await dial(port)
    client.end(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${post(6)}abc`)
    const text = (await readAll(client)).toString()
    t.match(text, /^HTTP\/1.1 200 .*HTTP\/1.1 408 .*"reason":"request-timeout"/s)
    t.ok(text.includes(hashOf(Buffer.alloc(0))), 'the earlier one is answered')
  }
})

test('a client that has sent all of it and says no more is answered', async t => {
  const { port, send } = await site(t)
  const client = await dial(port)
  await send(client, `${post(6)}abc`)
  client.end('def')
  t.ok((await readAll(client)).toString().endsWith(hashOf(Buffer.from('abcdef'))))
})

test('after a request was held its body is waited for as well', async t => {
  const rate = ['--request-rate', '0.5', '--request-burst', '1', '--delay-time', '2s']
  const flags = [...rate, '--action', 'request-rate=delay']
  const { backend, weir, port } = await site(t, flags)
  const body = Buffer.from('abcdef')
  for (const comesLate of [false, true]) {
    const client = await dial(port, { from: comesLate ? '127.0.0.2' : '127.0.0.3' })
    let text = ''
    client.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    const answers = (): number => text.split(hashOf(body)).length - 1
    const before = backend.seen.length
    client.write(`${post(6)}abcdef${post(6)}abc`)
    await until(() => answers() === 1, 'the first is answered')
    await weir.metricIs('weir_delayed', {}, 1)
    if (comesLate) {
      await weir.metricIs('weir_delayed', {}, 0)
      t.equal(backend.seen.length, before + 1)
    }
    client.write('def')
    await until(() => answers() === 2, 'the second is answered')
    client.destroy()
  }
})

test('the same with TLS', async t => {
  const { cert, key } = testAuthority(t).issue('a', ['localhost'])
  const { backend, port, send } = await site(t, ['--cert', cert, '--key', key], {
    listen: 'https://127.0.0.1:0',
  })
  const client = await dialTls(port, { rejectUnauthorized: false })
  const body = randomBytes(BUFFER + 1000)
  await send(client, post(body.length))
  await send(client, body.subarray(0, 1000))
  t.equal(backend.accepted(), 0)
  await send(client, body.subarray(1000, 2000))
  t.equal(backend.accepted(), 0)
  client.write(body.subarray(2000))
  await answered(t, client, body)
  client.destroy()
})

test('a body that is waited for counts towards --exchange-timeout', async t => {
  const { backend, port, weir } = await site(t, ['--exchange-timeout', '300ms'])
  const client = await dial(port)
  client.write(post(1000))
  let sent = 0
  const drip = setInterval(() => client.write('a', () => sent++), 20)
  t.match((await readAll(client)).toString(), /^HTTP\/1.1 504 .*"reason":"exchange-timeout"/s)
  clearInterval(drip)
  t.ok(sent > 0 && sent < 1000, 'it was never silent, and not done')
  t.equal(backend.accepted(), 0)
  await weir.metricIs('weir_connections', {}, 0)
})

/** Two requests, the second with all of its body, and the end of what the client says. */
const TWO = `GET / HTTP/1.1\r\nHost: a\r\n\r\n${post(6)}abcdef`

test('who closed its side behind its bodies, and gets no answer, is noticed', async t => {
  const { backend, port, weir } = await site(t, ['--half-close-timeout', '200ms'])
  backend.answer = (_, response) => {
    backend.answer = () => {}
    response.end('first')
  }
  const client = await dial(port)
  client.end(TWO)
  await weir.metricIs('weir_sessions_ended_total', { ending: 'client-gone' }, 1)
  t.equal(backend.seen.length, 2)
  await weir.metricIs('weir_connections', {}, 0)
  client.destroy()
})

test('who closed its side behind its bodies owes nothing while they wait', async t => {
  const { backend, port, weir } = await site(t, ['--half-close-timeout', '1s'], {
    query: '?max-connections=1',
  })
  const held: ServerResponse[] = []
  backend.answer = (_, response) => void held.push(response)
  const [client, other] = [await dial(port), await dial(port)]
  client.end(TWO)
  await until(() => held.length === 1, 'the first is asked')
  other.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await weir.metricIs('weir_queued_total', {}, 1)
  held[0]!.end('first')
  await weir.metricIs('weir_sessions_ended_total', { ending: 'client-gone' }, 1)
  t.equal(await weir.metric('weir_refusals_total'), 0)
  for (const each of [client, other]) each.destroy()
  await weir.metricIs('weir_connections', {}, 0)
})

test('who closed its side in the middle of a head is closed behind its answers', async t => {
  const { port, weir } = await site(t, ['--head-timeout', '60s', '--keep-alive-timeout', '60s'])
  for (const rest of ['GET / HT', '\r']) {
    const client = await dial(port)
    client.end(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${post(3)}abc${rest}`)
    const text = (await readAll(client)).toString()
    t.match(text, /^HTTP\/1.1 200 .*HTTP\/1.1 200 /s)
    t.ok(text.endsWith(hashOf(Buffer.from('abc'))), 'and nothing else is said')
  }
  await weir.metricIs('weir_connections', {}, 0)
  t.equal(await weir.metric('weir_refusals_total'), 0)
})
