/** What is told to a helper that only listens; the real one is in test/flows/kernel-bans. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { pino } from 'pino'
import { type Test, test } from 'tap'
import type { Ban } from '../../src/control/bans.ts'
import { KernelBans } from '../../src/control/kernel-bans.ts'
import { seconds } from '../../src/core/clock.ts'
import { until } from '../support/until.ts'

const CONFIG = { how: 'nftables', socket: '/nowhere', table: 'w' } as const

function banOf(cidr: string, more: Partial<Ban> = {}): Ban {
  const now = seconds()
  const times = { since: now, until: now + 600 }
  return { cidr, origin: 'guard', cause: '', count: 1, ...times, isDirect: true, ...more }
}

async function setup(t: Test, greeting = 'ready w\n', exempt: readonly string[] = []) {
  const heard = { text: '' }
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString()
      heard.text += text
      if (text.startsWith('hello')) socket.write(greeting)
      if (text.endsWith('counters\n')) socket.write('counters 7 420 2\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const find = async () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    return { socket, end: async () => void socket.destroy() }
  }
  const log = pino({ level: 'silent' })
  const bans = new KernelBans({ config: CONFIG, exempt, log, find })
  t.teardown(() => bans.stop())
  return { bans, heard, sockets }
}

test('bans are handed on with the time that is left, and taken back', async t => {
  const { bans, heard } = await setup(t)
  t.equal(await bans.start([443, 443, 80]), null)
  bans.added(banOf('192.0.2.1', { until: seconds() + 600 }))
  bans.added(banOf('2001:db8::/64', { until: seconds() + 99_999_999 }))
  bans.added(banOf('192.0.2.7', { until: seconds() }))
  bans.removed('192.0.2.1')
  bans.removed('192.0.2.9')
  t.strictSame(await bans.counters(), { packets: 7, bytes: 420, elements: 2 })
  const [hello, first, second, ...rest] = heard.text.split('\n')
  t.equal(hello, 'hello 1 443,80')
  t.match(first, /^add 192\.0\.2\.1\/32 (?:600|599)$/)
  t.equal(second, 'add 2001:db8::/64 31536000')
  t.strictSame(rest, ['remove 192.0.2.1/32', 'counters', ''])
})

test('those of clients behind a proxy, exempt and too wide ones are left to weir', async t => {
  const { bans, heard } = await setup(t, 'ready w\n', ['10.0.0.0/8', '192.0.2.5', '::1'])
  await bans.start([443])
  bans.added(banOf('198.51.100.1', { isDirect: false }))
  for (const cidr of ['10.1.2.3', '192.0.2.0/24', '::1', '0.0.0.0/0', '::/0', '10.0.0.0/8']) {
    bans.added(banOf(cidr))
  }
  bans.added(banOf('192.0.3.0/24'))
  await until(() => heard.text.includes('add'), 'the other one is handed on')
  t.match(heard.text, /^hello 1 443\nadd 192\.0\.3\.0\/24 \d+\n$/)
  t.strictSame(bans.leftOut, [7, 0])
})

test('there is an end to them', async t => {
  const { bans } = await setup(t)
  await bans.start([443])
  for (let i = 0; i < 65_536 + 3; i++)
    bans.added(banOf(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`))
  t.strictSame(bans.leftOut, [0, 3])
  bans.removed('10.0.0.1')
  bans.added(banOf('10.9.9.9'))
  t.strictSame(bans.leftOut, [0, 3], 'one that is lifted makes room')
})

test('a helper that is lost is looked for again, and told of all that hold', async t => {
  const { bans, heard, sockets } = await setup(t)
  await bans.start([443])
  bans.added(banOf('192.0.2.1'))
  bans.added(banOf('192.0.2.2'))
  await bans.counters()
  heard.text = ''
  sockets[0]!.destroy()
  await until(() => !bans.isConnected, 'it is lost')
  bans.removed('192.0.2.1')
  bans.added(banOf('192.0.2.3'))
  await until(() => heard.text.includes('192.0.2.3'), 'another one is there')
  t.match(heard.text, /^hello 1 443\nadd 192\.0\.2\.2\/32 \d+\nadd 192\.0\.2\.3\/32 \d+\n$/)
  t.equal(bans.losses, 1)
  t.equal((await bans.counters()).packets, 14, 'what was counted before is not forgotten')
})

test('a helper that cannot is no start', async t => {
  const problems: Record<string, string> = {
    'error nft is not installed; apt install nftables\n':
      'nft is not installed; apt install nftables',
    'ready other\n': 'the helper has table other, not w; give both the same (--kernel-bans-table)',
    'counters 1 2 3\n': 'the helper did not greet',
    'what\n': 'the helper ended the connection without a word',
  }
  for (const [greeting, problem] of Object.entries(problems)) {
    const { bans } = await setup(t, greeting)
    t.equal(await bans.start([443]), problem)
    t.notOk(bans.isConnected)
    t.equal(bans.losses, 0)
  }
})

test('failures that the helper tells are counted', async t => {
  const { bans, sockets } = await setup(t)
  await bans.start([443])
  sockets[0]!.write('failed 1 nft: no\nfailed 2 nft: no\n')
  await until(() => bans.failures === 2, 'they are counted')
  t.ok(bans.isConnected)
})
