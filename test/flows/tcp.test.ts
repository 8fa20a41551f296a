import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'tap'
import { echo, named, startBackend } from '../support/backend.ts'
import { dial, exchange, readAll } from '../support/client.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'tcp://127.0.0.1:0']

test('connections are spread over the backends, and each is logged', async t => {
  const backends = await Promise.all(['a', 'b', 'c'].map(name => startBackend(t, named(name))))
  const flags = backends.flatMap(({ url }) => ['--backend', url])
  const weir = await startWeir(t, withoutLimits(...LISTEN, ...flags, '--workers', '2'))
  const answers = new Map<string, number>()
  for (let i = 0; i < 30; i++) {
    const name = await exchange(await dial(weir.ports[0]!), 'who')
    answers.set(name, (answers.get(name) ?? 0) + 1)
  }
  t.strictSame([...answers.keys()].toSorted(), ['a', 'b', 'c'])
  for (const [name, count] of answers) t.ok(count >= 5, `${name} got ${count} of 30`)
  await until(() => weir.lines.filter(({ msg }) => msg === 'connection').length === 30, '30 lines')
  t.match(
    weir.lines.find(({ msg }) => msg === 'connection'),
    {
      listener: 'tcp://127.0.0.1:0',
      client: '127.0.0.1',
      client_port: Number,
      backend: String,
      bytes_received: 3,
      bytes_sent: 1,
      duration_ms: Number,
      end: 'finished',
    },
  )
  t.equal(await weir.stop(), 0)
})

test('8 MiB go through both ways unharmed', async t => {
  const backend = await startBackend(t, echo)
  const weir = await startWeir(t, withoutLimits(...LISTEN, '--backend', backend.url))
  const bytes = randomBytes(8 * 1024 * 1024)
  const socket = await dial(weir.ports[0]!)
  socket.end(bytes)
  const back = await readAll(socket)
  const hash = (data: Buffer) => createHash('sha256').update(data).digest('hex')
  t.equal(hash(back), hash(bytes))
})

test('a client that is done can still read what comes', async t => {
  const backend = await startBackend(t, socket => {
    socket.resume()
    socket.on('end', () => socket.end('after your end'))
  })
  const weir = await startWeir(t, withoutLimits(...LISTEN, '--backend', backend.url))
  t.equal(await exchange(await dial(weir.ports[0]!), 'x'), 'after your end')
})

test('a backend that is done can still be sent to', async t => {
  let got = ''
  const backend = await startBackend(t, socket => {
    socket.end('first')
    socket.on('data', (chunk: Buffer) => (got += chunk.toString()))
  })
  const weir = await startWeir(
    t,
    withoutLimits(...LISTEN, '--backend', backend.url, '--probe', 'none'),
  )
  const socket = await dial(weir.ports[0]!)
  t.equal((await readAll(socket)).toString(), 'first')
  socket.end('second')
  await until(() => got === 'second', 'the backend got what was sent after its end')
})

test('a backend that resets resets the client', async t => {
  const backend = await startBackend(t, socket => {
    socket.once('data', () => socket.resetAndDestroy())
  })
  const weir = await startWeir(t, withoutLimits(...LISTEN, '--backend', backend.url))
  const socket = await dial(weir.ports[0]!)
  const failed = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>
  socket.write('x')
  t.equal((await failed)[0].code, 'ECONNRESET')
  await weir.line(line => line['end'] === 'backend-reset', 'backend-reset')
})

test('a client that resets takes its backend connection with it', async t => {
  const backend = await startBackend(t, echo)
  const weir = await startWeir(t, withoutLimits(...LISTEN, '--backend', backend.url))
  const socket = await dial(weir.ports[0]!)
  socket.write('x')
  await once(socket, 'data')
  socket.resetAndDestroy()
  await weir.line(line => line['end'] === 'client-reset', 'client-reset')
  await weir.metricIs('weir_backend_active_connections', {}, 0)
  await weir.metricIs('weir_connections', {}, 0)
  t.equal(backend.open.size, 0)
})

test('a reader that does not read stops the sender, not the memory', async t => {
  let sent = 0
  const chunk = Buffer.alloc(65_536)
  const backend = await startBackend(t, socket => {
    const push = (): void => {
      while (!socket.destroyed && socket.write(chunk)) sent += chunk.length
      sent += chunk.length
    }
    socket.once('data', push)
    socket.on('drain', push)
  })
  const weir = await startWeir(t, withoutLimits(...LISTEN, '--backend', backend.url))
  const socket = await dial(weir.ports[0]!)
  socket.pause()
  socket.write('go')
  let before = -1
  // It has stopped when nothing more was taken between two looks.
  await until(async () => {
    const stopped = sent > 0 && sent === before
    before = sent
    await new Promise(resolve => setTimeout(resolve, 300))
    return stopped
  }, 'the sender stopped')
  t.ok(sent < 64 * 1024 * 1024, `${sent} bytes are on their way`)
  socket.destroy()
})

test('a silent session ends at the idle deadline', async t => {
  const backend = await startBackend(t, echo)
  const weir = await startWeir(
    t,
    withoutLimits(...LISTEN, '--backend', backend.url, '--idle-timeout', '300ms'),
  )
  const socket = await dial(weir.ports[0]!)
  socket.resume()
  await until(() => socket.destroyed, 'the session ended')
  t.ok(await weir.line(line => line['end'] === 'idle-timeout', 'idle-timeout'))
})

test('IPv6 in and out, and both families on one port', async t => {
  const backend = await startBackend(t, named('six'), { host: '::1' })
  const weir = await startWeir(
    t,
    withoutLimits('--listen', 'tcp://[::]:0', '--backend', backend.url),
  )
  t.equal(await exchange(await dial(weir.ports[0]!, { host: '::1' }), 'x'), 'six')
  t.equal(await exchange(await dial(weir.ports[0]!, { host: '127.0.0.1' }), 'x'), 'six')
  const clients = () =>
    weir.lines.filter(({ msg }) => msg === 'connection').map(line => String(line['client']))
  await until(() => clients().length === 2, 'two lines')
  t.strictSame(new Set(clients()), new Set(['127.0.0.1', '::1']))
})
