/** Each reason for refusing a connection, provoked and counted. */
import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { type Test, test } from 'tap'
import { adminSocket } from '../support/admin-socket.ts'
import { echo, startBackend } from '../support/backend.ts'
import { dial, ending, exchange, read } from '../support/client.ts'
import { leaveDescriptors } from '../support/descriptors.ts'
import { guardedBy, type Provocation, Provocations } from '../support/provocations.ts'
import { type RunningWeir, runWeir, startWeir, type WeirOptions } from '../support/weir.ts'

const provocations = new Provocations('connection')

async function start(t: Test, flags: readonly string[], options: WeirOptions = {}) {
  const backend = await startBackend(t, echo)
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url]
  const weir = await startWeir(t, guardedBy(...listen, ...flags), options)
  return { weir, port: weir.ports[0]! }
}

/** Connects, so many times; each time it is reset. */
function refusedFrom(t: Test, port: number, from: string) {
  return async (times: number, bytes: string | Buffer = 'x'): Promise<void> => {
    for (let i = 0; i < times; i++) {
      t.equal(await ending(port, { from }, bytes), 'ECONNRESET', `${from}, ${i}`)
    }
  }
}

async function hold(t: Test, port: number, from: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = await dial(port, { from })
    t.teardown(() => socket.destroy())
    socket.write('x')
    await read(socket, 1)
  }
}

async function serve(t: Test, port: number, from: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) t.equal(await exchange(await dial(port, { from }), 'x'), 'x')
}

test('faster than an address may, or its network', async t => {
  const limits = ['--connection-rate', '0.01', '--connection-burst', '10', '--prefix-multiple', '2']
  const { weir, port } = await start(t, [...limits, '--workers', '2'])
  await provocations.run(
    t,
    weir,
    [
      'connection-rate',
      async times => {
        await serve(t, port, '127.0.2.1', 10)
        await refusedFrom(t, port, '127.0.2.1')(times)
      },
    ],
    [
      'prefix-connection-rate',
      async times => {
        for (const from of ['127.0.3.1', '127.0.3.2']) await serve(t, port, from, 10)
        await refusedFrom(t, port, '127.0.3.3')(times)
      },
    ],
  )
})

test('more at once than an address may, or its network', async t => {
  const limits = ['--connections-per-address', '3', '--prefix-multiple', '2']
  const { weir, port } = await start(t, [...limits, '--workers', '2'])
  await provocations.run(
    t,
    weir,
    [
      'connections-per-address',
      async times => {
        await hold(t, port, '127.0.2.1', 3)
        await refusedFrom(t, port, '127.0.2.1')(times)
      },
    ],
    [
      'prefix-connections',
      async times => {
        for (const from of ['127.0.3.1', '127.0.3.2']) await hold(t, port, from, 3)
        await refusedFrom(t, port, '127.0.3.3')(times)
      },
    ],
  )
})

test('more at once than the host may', async t => {
  const { weir, port } = await start(t, ['--connections-max', '4', '--no-overload'])
  await hold(t, port, '127.0.2.1', 4)
  await provocations.run(t, weir, ['connections-max', refusedFrom(t, port, '127.0.2.2')])
})

/** What stands on a list is refused, whether the client comes by itself or a proxy speaks for it. */
test('listed, banned, or of a proxy that does not say for whom it speaks', async t => {
  const socket = adminSocket(t)
  const { weir, port } = await start(t, [
    ...['--deny', '127.0.1.0/24', '--deny', '192.0.2.0/24', '--ban-exempt', '198.51.100.1'],
    ...['--proxy-protocol-from', '127.0.9.0/24', '--admin-socket', socket, '--workers', '2'],
  ])
  for (const block of ['127.0.2.0/24', '203.0.113.0/24']) {
    t.match(await runWeir(['bans', 'add', block, '--admin-socket', socket]), { code: 0 })
  }
  const proxy = refusedFrom(t, port, '127.0.9.1')
  const speaksFor = (client: string, reason: Provocation[0]): Provocation => [
    reason,
    times => proxy(times, `PROXY TCP4 ${client} 192.0.2.1 1 2\r\n`),
  ]
  await provocations.run(
    t,
    weir,
    ['denied', refusedFrom(t, port, '127.0.1.1')],
    ['banned', refusedFrom(t, port, '127.0.2.1')],
    speaksFor('192.0.2.7', 'denied'),
    speaksFor('203.0.113.7', 'banned'),
    ['proxy-header-malformed', times => proxy(times, 'GET / HTTP/1.1\r\n\r\n')],
    [
      'proxy-header-timeout',
      times => Promise.all(Array.from({ length: times }, () => proxy(1, 'PROXY '))),
    ],
  )
})

async function atLevel(weir: RunningWeir, level: number): Promise<void> {
  await weir.line(line => line['overload_level'] === level, `level ${level}`)
}

test('short of something, strangers first', async t => {
  const flags = ['--overload-descriptors', '10', '--ban-exempt', '198.51.100.1']
  const { weir, port } = await start(t, [...flags, '--workers', '1'])
  leaveDescriptors(weir, 0.42)
  await atLevel(weir, 2)
  await provocations.run(t, weir, ['overload-stranger', refusedFrom(t, port, '127.0.2.1')])
})

test('short of something, everybody', async t => {
  const { weir, port } = await start(t, [
    ...['--overload-memory-max', '67108864', '--workers', '1'],
    ...['--proxy-protocol-from', '127.0.9.0/24'],
  ])
  await atLevel(weir, 4)
  await provocations.run(
    t,
    weir,
    ['overload-closed', refusedFrom(t, port, '127.0.2.1')],
    ['overload-closed', refusedFrom(t, port, '127.0.9.1')],
  )
})

test('between the signal to stop and the end of listening', async t => {
  const script = new URL('../support/killable.ts', import.meta.url).pathname
  const { weir, port } = await start(t, ['--workers', '1'], { script })
  // Keeps weir there, to be asked what it counted.
  await hold(t, port, '127.0.2.1', 1)
  const release = `${t.testdir()}/release`
  weir.child.stdin!.write(`hold 0 ${release}\n`)
  await weir.line(({ msg }) => msg === 'weir worker 0 hangs', 'its loop stands still')
  // The kernel takes the connection, weir does not yet.
  const early: Socket = await dial(port, { from: '127.0.2.2' })
  const closed = new Promise(resolve => early.once('close', resolve))
  weir.child.kill('SIGTERM')
  await weir.line(({ msg }) => msg === 'draining', 'it is to stop')
  writeFileSync(release, '')
  early.resume()
  await closed
  await provocations.ran(t, weir, { draining: 1 })
})

test('that was every one', t => {
  provocations.areAll(t)
  t.end()
})
