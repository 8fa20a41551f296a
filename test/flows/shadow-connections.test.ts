/** Each guard of connections, where it bites and where it is only tried. */
import { type Test, test } from 'tap'
import { echo, startBackend } from '../support/backend.ts'
import { dial, exchange, read } from '../support/client.ts'
import { leaveDescriptors } from '../support/descriptors.ts'
import { asOften, onTrial, type Site, type Trial, Trials } from '../support/trials.ts'
import { type RunningWeir, runWeir } from '../support/weir.ts'

const trials = new Trials('connection')

interface Here extends Site {
  readonly socket: string
}

async function start(t: Test, flags: readonly string[]): Promise<Here> {
  const backend = await startBackend(t, echo)
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url]
  const weir = await onTrial(t, ...listen, ...flags)
  return { weir, port: weir.ports[0]!, socket: flags[flags.indexOf('--admin-socket') + 1]! }
}

/** @returns what came back, or the code of what broke it */
async function connect({ port }: Site, from: string, bytes = 'x'): Promise<string> {
  try {
    return await exchange(await dial(port, { from }), bytes)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

type Given = Pick<Trial<Here>, 'guard' | 'flags' | 'clients'> & Partial<Trial<Here>>

function trial(t: Test, given: Given): Promise<void> {
  const verdicts = { served: 'x', refused: 'ECONNRESET' }
  return trials.run(t, { start: flags => start(t, flags), ask: connect, ...verdicts, ...given })
}

async function serve(t: Test, here: Site, from: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) t.equal(await connect(here, from), 'x')
}

async function hold(t: Test, { port }: Site, from: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = await dial(port, { from })
    t.teardown(() => socket.destroy())
    socket.write('x')
    await read(socket, 1)
  }
}

async function ban(t: Test, socket: string, block: string): Promise<void> {
  t.match(await runWeir(['bans', 'add', block, '--admin-socket', socket]), { code: 0 })
}

/** By a proxy that says who it is. */
function connectFor(here: Site, client: string): Promise<string> {
  const version = client.includes(':') ? 'TCP6' : 'TCP4'
  const own = client.includes(':') ? '2001:db8::1' : '192.0.2.1'
  return connect(here, '127.0.9.1', `PROXY ${version} ${client} ${own} 1 2\r\nx`)
}

const PROXY = ['--proxy-protocol-from', '127.0.9.0/24']

test('who is on a list, or banned by hand', async t => {
  const clients = asOften('127.0.2.1')
  await trial(t, { guard: 'denied', flags: ['--deny', '127.0.2.0/24'], clients })
  await trial(t, {
    ...{ guard: 'banned', flags: ['--workers', '2'], clients },
    before: ({ socket }) => ban(t, socket, '127.0.2.0/24'),
  })
})

test('whom a proxy names, by address and by network', async t => {
  const named = { ask: connectFor, flags: PROXY }
  await trial(t, {
    ...{ ...named, guard: 'banned', clients: ['203.0.113.7', '2001:db8::7', '203.0.113.9'] },
    before: async ({ socket }) => {
      for (const block of ['203.0.113.0/24', '2001:db8::/32']) await ban(t, socket, block)
    },
  })
  await trial(t, {
    ...{ ...named, guard: 'connection-rate', clients: ['2001:db8::7', '2001:db8::8:9'] },
    flags: [...PROXY, '--connection-rate', '0.01', '--connection-burst', '2'],
    before: async here => {
      for (const client of ['2001:db8::1', '2001:db8::2']) {
        t.equal(await connectFor(here, client), 'x')
      }
    },
  })
})

test('faster than an address may, or its network', async t => {
  const limits = ['--connection-rate', '0.01', '--connection-burst', '5', '--workers', '2']
  await trial(t, {
    ...{ guard: 'connection-rate', flags: limits, clients: asOften('127.0.2.1') },
    before: here => serve(t, here, '127.0.2.1', 5),
  })
  await trial(t, {
    ...{ guard: 'prefix-connection-rate', flags: [...limits, '--prefix-multiple', '2'] },
    clients: ['127.0.3.3', '127.0.3.3', '127.0.3.4'],
    before: async here => {
      for (const from of ['127.0.3.1', '127.0.3.2']) await serve(t, here, from, 5)
    },
  })
})

test('more at once than an address may, or its network, or the host', async t => {
  const limits = ['--connections-per-address', '3', '--workers', '2']
  await trial(t, {
    ...{ guard: 'connections-per-address', flags: limits, clients: asOften('127.0.2.1') },
    before: here => hold(t, here, '127.0.2.1', 3),
  })
  await trial(t, {
    ...{ guard: 'prefix-connections', flags: [...limits, '--prefix-multiple', '2'] },
    clients: ['127.0.3.3', '127.0.3.3', '127.0.3.4'],
    before: async here => {
      for (const from of ['127.0.3.1', '127.0.3.2']) await hold(t, here, from, 3)
    },
  })
  await trial(t, {
    ...{ guard: 'connections-max', flags: ['--connections-max', '4', '--no-overload'] },
    clients: asOften('127.0.2.2'),
    before: here => hold(t, here, '127.0.2.1', 4),
  })
})

async function atLevel(weir: RunningWeir, level: number): Promise<void> {
  await weir.line(line => line['overload_level'] === level, `level ${level}`)
}

test('short of something, strangers first', async t => {
  await trial(t, {
    guard: 'overload-stranger',
    flags: ['--overload-descriptors', '10', '--workers', '1'],
    // Who was served is a stranger no more.
    clients: ['127.0.2.1', '127.0.2.2', '127.0.2.3'],
    before: async ({ weir }) => {
      leaveDescriptors(weir, 0.42)
      await atLevel(weir, 2)
    },
  })
})

test('short of something, everybody', async t => {
  await trial(t, {
    guard: 'overload-closed',
    // Of no exempt address anybody would be a stranger, whom the other guard refuses.
    flags: ['--overload-memory-max', '67108864', '--workers', '1', '--ban-exempt', '127.0.0.0/8'],
    clients: asOften('127.0.2.1'),
    before: ({ weir }) => atLevel(weir, 4),
  })
})

test('that was every one', t => {
  trials.areAll(t)
  t.end()
})
