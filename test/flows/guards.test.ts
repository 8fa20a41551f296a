import { test } from 'tap'
import { echo, named, startBackend } from '../support/backend.ts'
import { testAuthority } from '../support/certificates.ts'
import { dial, dialTls, ending, exchange, read } from '../support/client.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

const LISTEN = ['--listen', 'tcp://127.0.0.1:0', '--workers', '2']

test('a flood from one address is refused while another is served', async t => {
  const backend = await startBackend(t, named('served'))
  const limits = ['--connection-rate', '1', '--connection-burst', '10']
  const weir = await startWeir(t, [...LISTEN, '--backend', backend.url, ...limits])
  const port = weir.ports[0]!
  let refused = 0
  for (let i = 0; i < 300; i++) {
    if ((await ending(port, { from: '127.0.0.2' }, 'x')) === 'ECONNRESET') refused++
    if (i % 50 === 0) {
      t.equal(await exchange(await dial(port, { from: '127.0.0.3' }), 'x'), 'served')
      t.equal((await weir.admin('/healthz')).status, 200, 'admin answers')
    }
  }
  t.ok(refused >= 280, `${refused} of 300 were refused`)
  await weir.metricIs('weir_refusals_total', { reason: 'connection-rate' }, refused)
  const lines = weir.lines.filter(({ msg }) => msg === 'refused')
  t.ok(lines.length < refused / 2, `${lines.length} log lines for ${refused} refusals`)
  t.match(lines[0], { client: '127.0.0.2', reason: 'connection-rate' })
})

test('an address holds no more connections than its share', async t => {
  const backend = await startBackend(t, echo)
  const limits = ['--connection-rate', '0', '--connections-per-address', '3']
  const weir = await startWeir(t, [...LISTEN, '--backend', backend.url, ...limits])
  const port = weir.ports[0]!
  const held = []
  for (let i = 0; i < 3; i++) {
    const socket = await dial(port, { from: '127.0.0.2' })
    socket.write('x')
    await read(socket, 1)
    held.push(socket)
  }
  t.equal(await ending(port, { from: '127.0.0.2' }, 'x'), 'ECONNRESET')
  t.equal(await exchange(await dial(port, { from: '127.0.0.3' }), 'x'), 'x')
  held.pop()!.destroy()
  await weir.metricIs('weir_connections', {}, 2)
  t.equal(
    await exchange(await dial(port, { from: '127.0.0.2' }), 'x'),
    'x',
    'a place is free again',
  )
  await weir.metricIs('weir_refusals_total', { reason: 'connections-per-address' }, 1)
})

test('the host takes no more than --connections-max, over all workers', async t => {
  const backend = await startBackend(t, echo)
  const flags = [...LISTEN, '--backend', backend.url, '--connections-max', '5']
  const weir = await startWeir(t, withoutLimits(...flags))
  const held = []
  for (let i = 0; i < 5; i++) {
    const socket = await dial(weir.ports[0]!)
    socket.write('x')
    await read(socket, 1)
    held.push(socket)
  }
  for (let i = 0; i < 10; i++) t.equal(await ending(weir.ports[0]!, {}, 'x'), 'ECONNRESET')
  await weir.metricIs('weir_refusals_total', { reason: 'connections-max' }, 10)
  for (const socket of held) socket.destroy()
})

test('--deny and --allow, the most specific wins', async t => {
  const backend = await startBackend(t, echo)
  const lists = [
    '--allow',
    '127.0.0.0/8',
    '--deny',
    '127.0.1.0/24,127.0.0.7',
    '--allow',
    '127.0.1.9',
  ]
  const weir = await startWeir(t, withoutLimits(...LISTEN, '--backend', backend.url, ...lists))
  const port = weir.ports[0]!
  for (const from of ['127.0.0.2', '127.0.1.9']) {
    t.equal(await exchange(await dial(port, { from }), 'x'), 'x', from)
  }
  for (const from of ['127.0.0.7', '127.0.1.8']) {
    t.equal(await ending(port, { from }, 'x'), 'ECONNRESET', from)
  }
  await weir.metricIs('weir_refusals_total', { reason: 'denied' }, 2)
})

test('handshakes are limited apart: a flood of them is refused before any cryptography', async t => {
  const backend = await startBackend(t, named('served'))
  const ca = testAuthority(t)
  const { cert, key } = ca.issue('a', ['localhost'])
  const weir = await startWeir(t, [
    ...['--listen', 'tls://127.0.0.1:0', '--cert', cert, '--key', key, '--backend', backend.url],
    ...['--connection-rate', '0', '--handshake-rate', '0.1', '--handshake-burst', '5'],
  ])
  const port = weir.ports[0]!
  const ask = async (from: string): Promise<string> => {
    try {
      const socket = await dialTls(port, { ca: ca.pem, localAddress: from } as object)
      return await exchange(socket, 'x')
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'error'
    }
  }
  const answers: string[] = []
  for (let i = 0; i < 20; i++) answers.push(await ask('127.0.0.2'))
  t.strictSame(
    answers.slice(0, 5),
    Array.from({ length: 5 }, () => 'served'),
  )
  t.strictSame(new Set(answers.slice(6)), new Set(['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR']))
  t.equal(await ask('127.0.0.3'), 'served')
  const refused = answers.filter(answer => answer !== 'served').length
  await weir.metricIs('weir_refusals_total', { reason: 'handshake-rate' }, refused)
  t.equal(await weir.metric('weir_tls_handshakes_total'), 20 - refused + 1)
})

test('sessions wait for a backend below its limit, in a line with an end', async t => {
  const backend = await startBackend(t, echo)
  const queue = [
    '--queue-max',
    '1',
    '--queue-timeout',
    '600ms',
    '--probe',
    'none',
    '--workers',
    '1',
  ]
  const url = `${backend.url}?max-connections=1`
  const weir = await startWeir(
    t,
    withoutLimits('--listen', 'tcp://127.0.0.1:0', '--backend', url, ...queue),
  )
  const port = weir.ports[0]!
  const first = await dial(port)
  first.write('a')
  await read(first, 1)
  const second = await dial(port)
  second.write('b')
  await weir.metricIs('weir_queued_total', {}, 1)
  t.equal(await ending(port, {}, 'c'), 'ECONNRESET', 'the line is full')
  await weir.line(line => line['end'] === 'queue-full', 'queue-full')
  first.end()
  t.equal(await read(second, 1), 'b', 'its turn came')
  t.equal(await ending(port, {}, 'd'), 'ECONNRESET', 'nobody left in time')
  await weir.line(line => line['end'] === 'queue-timeout', 'queue-timeout')
  second.destroy()
})
