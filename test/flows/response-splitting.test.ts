/** What backends answer, through a real weir: nothing of a bad answer may reach another client. */
import type { Socket } from 'node:net'
import { type Test, test } from 'tap'
import { type Backend, startBackend } from '../support/backend.ts'
import { bytesOf, type ResponseVector, vectors } from '../support/http1.ts'
import { readRequestsByLlhttp } from '../support/llhttp.ts'
import { ClientEar } from '../support/client-ear.ts'
import { dial } from '../support/client.ts'
import { inOneTurn } from '../support/one-turn.ts'
import { until } from '../support/until.ts'
import { type RunningWeir, startWeir, withoutLimits } from '../support/weir.ts'

const FLAGS = ['--listen', 'http://127.0.0.1:0', '--workers', '1', '--request-rate', '0']
const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood'

interface Stage {
  readonly weir: RunningWeir
  readonly backend: Backend
  /** What `/bad` gets. */
  script: (socket: Socket) => void
  /** The connection that was asked last. */
  asked: Socket | null
}

/** A backend that says what a test wants to `/bad`, and GOOD to everything else. */
async function start(t: Test, ...flags: string[]): Promise<Stage> {
  const backend = await startBackend(t, socket => {
    let text = ''
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      const { messages, end } = readRequestsByLlhttp(text)
      if (end !== 'whole') return
      text = ''
      for (const { line } of messages) {
        stage.asked = socket
        if (line.includes(' /bad ')) stage.script(socket)
        else socket.write(GOOD)
      }
    })
  })
  const url = backend.url.replace('tcp:', 'http:')
  const weir = await startWeir(
    t,
    withoutLimits(...FLAGS, '--probe', 'none', '--backend', url, ...flags),
  )
  const stage: Stage = { weir, backend, script: () => {}, asked: null }
  return stage
}

async function ask(stage: Stage, method: string, path: string): Promise<ClientEar> {
  const client = new ClientEar(await dial(stage.weir.ports[0]!))
  client.socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  return client
}

/** Another client asks, and gets its own answer alone. */
async function askGood(t: Test, stage: Stage, name: string): Promise<Socket> {
  const client = await ask(stage, 'GET', '/good')
  await until(() => client.statuses(['GET']).length > 0 || client.closed, name, 5000, 1)
  const { messages, end } = client.responses(['GET'])
  t.strictSame(
    [messages.map(({ line, body }) => [line, body]), end],
    [[['200 OK', 'good']], 'whole'],
    `${name}: the next client gets its own answer`,
  )
  client.socket.destroy()
  return stage.asked!
}

test('responses: whole and meant as they are read, or 502, or a cut, and nothing for the next client', async t => {
  const stage = await start(t)
  const rows = vectors<ResponseVector>('responses')
  t.ok(rows.length > 80, `${rows.length} vectors`)
  for (const vector of rows) {
    const {
      name,
      asked = 'GET',
      refused,
      status,
      body,
      closes = false,
      interim = [],
      kept,
    } = vector
    stage.script = socket => {
      socket.write(bytesOf(vector), 'latin1')
      if (closes) socket.end()
    }
    const client = await ask(stage, asked, '/bad')
    const isOver = () => client.statuses([asked]).length > 0 || client.closed
    await until(isOver, `${name}: an answer`, 5000, 1)
    const used = stage.asked!
    if (refused === 'cut') {
      await until(() => client.closed, `${name}: it is cut`, 5000, 1)
      t.strictSame(client.statuses([asked]), [], `${name}: no whole response`)
      const can = client.text === '' || client.responses([asked]).end !== 'whole'
      t.ok(can, `${name}: the client can tell`)
    } else if (refused === 502) {
      t.strictSame(client.statuses([asked]), [502], name)
      if (asked === 'GET') t.match(client.text, /"reason":"(?:bad-response|backend-reset)"/, name)
    } else {
      const { messages } = client.responses([asked])
      const lines = messages.map(({ line }) => Number(line.slice(0, 3)))
      t.strictSame(lines, [...interim, status], name)
      t.equal(messages.at(-1)!.body, body, name)
      for (const field of vector.fields ?? []) t.ok(messages.at(-1)!.fields.includes(field), field)
    }
    const next = await askGood(t, stage, name)
    if (kept === true) t.equal(next, used, `${name}: its connection is used again`)
    if (kept === false || refused !== undefined) {
      t.not(next, used, `${name}: its connection is not used again`)
      await until(() => used.destroyed || used.readableEnded, `${name}: it is closed`, 5000, 1)
    }
    client.socket.destroy()
  }
})

test('an answer before the question throws the connection away', async t => {
  const stage = await start(t)
  for (const early of [
    GOOD.replace('good', 'EVIL'),
    'HTTP/1.1 408 Request Timeout\r\n\r\n',
    '\r\n',
    'x',
  ]) {
    const used = await askGood(t, stage, 'before')
    used.write(early)
    await until(() => used.destroyed, 'weir has closed it', 5000, 1)
    t.not(await askGood(t, stage, JSON.stringify(early)), used)
  }
  await stage.weir.metricIs('weir_requests_total', { status: '5xx' }, 0)
})

test('what comes a moment behind an answer, too', async t => {
  const stage = await start(t)
  stage.script = socket => {
    socket.write(GOOD)
  }
  for (let i = 0; i < 20; i++) {
    const client = await ask(stage, 'GET', '/bad')
    await until(() => client.statuses(['GET']).length > 0, 'its answer', 5000, 1)
    const used = stage.asked!
    used.write(GOOD.replace('good', 'EVIL'))
    await until(() => used.destroyed, 'weir has closed it', 5000, 1)
    t.not(await askGood(t, stage, `round ${i}`), used)
    t.notMatch(client.text, /EVIL/)
    client.socket.destroy()
  }
})

test('requests that are gathered do not get what was said before they are sent', async t => {
  const stage = await start(t, '--backend-pipeline', '16')
  const client = await ask(stage, 'GET', '/good')
  const answers = (): string[] => client.responses(Array(40).fill('GET')).messages.map(m => m.body)
  await until(() => answers().length === 1, 'the first answer')
  for (let round = 1; round <= 20; round++) {
    const used = stage.asked!
    await inOneTurn(stage.weir.child, () => {
      client.socket.write('GET /good HTTP/1.1\r\nHost: a\r\n\r\n')
      used.write(GOOD.replace('good', 'EVIL'))
    })
    await until(() => answers().length === round + 1, `answer ${round + 1}`)
    t.not(stage.asked, used, 'it went over another connection')
  }
  t.notOk(answers().includes('EVIL'))
  client.socket.destroy()
})

test('an answer before the body is whole ends both connections, and the body is no request', async t => {
  const evil = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n'
  const heard = new Map<Socket, string>()
  const backend = await startBackend(t, socket => {
    socket.on('data', (bytes: Buffer) => {
      if (!heard.has(socket)) socket.write(GOOD)
      heard.set(socket, (heard.get(socket) ?? '') + bytes.toString('latin1'))
    })
  })
  const url = backend.url.replace('tcp:', 'http:')
  const weir = await startWeir(t, withoutLimits(...FLAGS, '--probe', 'none', '--backend', url))
  const client = new ClientEar(await dial(weir.ports[0]!))
  client.socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${evil.length + 1}\r\n\r\nx`)
  await until(() => client.statuses(['POST']).length > 0, 'the answer')
  client.socket.write(evil)
  await until(() => client.closed, 'the client is closed')
  t.strictSame(client.statuses(['POST', 'GET']), [200])
  await until(() => [...heard.keys()].every(socket => socket.destroyed), 'so is the backend')
  t.equal(heard.size, 1)
  t.notMatch([...heard.values()].join(''), /evil/)
  client.socket.destroy()
})

test('nothing reaches the backend behind an Upgrade before it has agreed', async t => {
  const hidden = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n'
  const upgrade = 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  for (const agrees of [true, false]) {
    let heard = ''
    let socketOf: Socket | null = null
    const backend = await startBackend(t, socket => {
      socketOf ??= socket
      socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')))
    })
    const url = backend.url.replace('tcp:', 'http:')
    const weir = await startWeir(t, withoutLimits(...FLAGS, '--probe', 'none', '--backend', url))
    const client = new ClientEar(await dial(weir.ports[0]!))
    client.socket.write(upgrade + hidden)
    await until(() => heard !== '', 'the backend is asked')
    // A second client has been served meanwhile: weir had time to forward more.
    const other = await dial(weir.ports[0]!)
    other.write('GET /other HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => heard.includes('/other'), 'another client is heard')
    t.notMatch(heard, /evil/, 'held back')
    const text = heard
    heard = ''
    socketOf!.write(
      agrees
        ? 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
        : 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n',
    )
    await until(() => heard.includes('/evil'), 'then it comes', 5000, 1)
    if (agrees) t.equal(heard, hidden, 'as it was sent: it is no HTTP')
    else t.match(heard, /^GET \/evil HTTP\/1\.1\r\n(?:.*\r\n)*X-Forwarded-For: 127/, 'as a request')
    t.match(text, /\r\nUpgrade: websocket\r\n/)
    client.socket.destroy()
    other.destroy()
  }
})

test('ten thousand requests in one go are answered one by one, in order, in bounded memory', async t => {
  const count = 10_000
  const stage = await start(t, '--requests-per-connection', String(2 * count))
  const client = new ClientEar(await dial(stage.weir.ports[0]!))
  const before = await stage.weir.metric('process_resident_memory_bytes')
  client.socket.write('GET /good HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count))
  await until(() => client.text.split('good').length > count, 'all answers', 30_000)
  t.equal(client.statuses(Array.from({ length: count }, () => 'GET')).length, count)
  const grown = (await stage.weir.metric('process_resident_memory_bytes')) - before
  t.ok(grown < 100 * 1024 * 1024, `${grown} bytes more`)
  client.socket.destroy()
})
