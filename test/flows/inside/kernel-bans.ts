/** The tests of kernel-bans.test.ts, which starts this file in a network namespace of its own. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { parseBlock } from '../../../src/kernel/block.ts'
import { KernelTable } from '../../../src/kernel/kernel-table.ts'
import { runNft } from '../../../src/kernel/nft.ts'
import { named, startBackend } from '../../support/backend.ts'
import { dial, ending, exchange } from '../../support/client.ts'
import { sayName, startHttpBackend } from '../../support/http-backend.ts'
import { until } from '../../support/until.ts'
import { runWeir, type RunningWeir, startWeir } from '../../support/weir.ts'

const FLOODER = '127.0.0.2'
const OTHER = '127.0.0.3'
const CLI = new URL('../../../src/cli.ts', import.meta.url).pathname
/** Nobody else listens there, so that weir starts a helper of its own. */
const NO_SERVICE = ['--kernel-bans', 'nftables', '--kernel-bans-socket', '/nonexistent/socket']
const BANNING = [
  ...['--workers', '2', '--connection-rate', '0.01', '--connection-burst', '5'],
  ...['--ban-exempt', '192.0.2.1', '--ban-threshold', '10'],
]

function hasTable(name = 'weir'): boolean {
  return execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' })
    .split('\n')
    .includes(`table inet ${name}`)
}

/** Addresses in a set; all there are without one. */
function elements(set: string): string[] {
  const list = spawnSync('nft', ['-j', 'list', 'set', 'inet', 'weir', set], { encoding: 'utf8' })
  if (list.status !== 0) return []
  const { nftables } = JSON.parse(list.stdout) as {
    nftables: { set?: { elem?: { elem: { val: string } }[] } }[]
  }
  return nftables.flatMap(each => each.set?.elem ?? []).map(({ elem }) => elem.val)
}

async function startBanning(t: Test, ...flags: string[]): Promise<RunningWeir> {
  const backend = await startBackend(t, named('served'))
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--backend', backend.url]
  return await startWeir(t, [...listen, ...BANNING, ...flags])
}

/** Floods until the address is banned by the kernel. */
async function ban(weir: RunningWeir, from = FLOODER): Promise<void> {
  for (let i = 0; i < 100; i++) {
    // What an http listener refuses at once.
    await ending(weir.ports[0]!, { from }, 'x\r\n\r\n')
    if (weir.lines.some(({ msg, client }) => msg === 'address banned' && client === from)) break
  }
  await until(() => elements('v4_32').includes(from), `${from} is banned in the kernel`)
}

/** The helper that weir started. */
function helperOf(weir: RunningWeir): number {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      const parent = Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2])
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1')
      if (parent === weir.child.pid && command.includes('kernel-bans')) return Number(name)
    } catch {
      // It has ended meanwhile.
    }
  }
  return 0
}

test('a banned client gets no answer, others are served; when the ban ends, it is served', async t => {
  // Long enough for a slow machine to look while it lasts.
  const weir = await startBanning(t, ...NO_SERVICE, '--ban-time', '8s')
  const port = weir.ports[0]!
  await ban(weir)
  const socket = connect({ port, host: '127.0.0.1', localAddress: FLOODER })
  t.teardown(() => socket.destroy())
  let answers = 0
  socket.on('connect', () => answers++)
  socket.on('error', () => answers++)
  await until(
    async () => (await weir.metric('weir_kernel_banned_packets_total')) > 0,
    'the kernel dropped it',
  )
  t.equal(answers, 0, 'neither accepted nor refused')
  t.ok((await weir.metric('weir_kernel_banned_bytes_total')) >= 40)
  t.equal(await weir.metric('weir_kernel_bans'), 1)
  t.equal(await weir.metric('weir_kernel_bans_up'), 1)
  t.equal(await exchange(await dial(port, { from: OTHER }), 'x'), 'served')
  // The client's kernel asks again, until one gets through: after 1, 3, 7 and 15 s.
  await until(() => answers > 0, 'the ban is over', 60_000)
  t.equal(await weir.metric('weir_kernel_bans_failures_total'), 0)
  t.equal(await weir.stop(), 0)
  t.notOk(hasTable(), 'nothing is left')
})

test("clients behind a trusted proxy are banned by weir alone: their packets are the proxy's", async t => {
  const backend = await startHttpBackend(t, sayName('served'))
  const [first, second] = ['127.0.0.9', '127.0.0.10']
  const weir = await startWeir(t, [
    ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url],
    ...['--proxy-protocol-from', first, '--forwarded-from', second, ...BANNING, ...NO_SERVICE],
    ...['--request-rate', '0.01', '--request-burst', '1'],
  ])
  const port = weir.ports[0]!
  const header = 'PROXY TCP4 198.51.100.7 198.51.100.1 1 2\r\n'
  const get = 'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.8\r\n\r\n'
  for (const [from, bytes] of [
    [first, header + get.repeat(13)],
    [second, get.repeat(13)],
  ] as const) {
    const socket = await dial(port, { from })
    t.teardown(() => socket.destroy())
    socket.resume()
    socket.write(bytes)
  }
  await weir.metricIs('weir_bans', {}, 2)
  await ban(weir)
  await weir.metricIs('weir_bans', {}, 3)
  await weir.metricIs('weir_kernel_bans_left_out_total', { cause: 'exempt' }, 2)
  t.strictSame(elements('v4_32'), [FLOODER])
})

test('other ports of the host are open to the banned', async t => {
  const weir = await startBanning(t, ...NO_SERVICE)
  const elsewhere = await startBackend(t, named('elsewhere'))
  await ban(weir)
  t.equal(await exchange(await dial(elsewhere.port, { from: FLOODER }), 'x'), 'elsewhere')
})

test('killed, weir leaves no table behind', async t => {
  const weir = await startBanning(t, ...NO_SERVICE)
  await ban(weir)
  const helper = helperOf(weir)
  t.not(helper, 0)
  weir.child.kill('SIGKILL')
  await until(() => !hasTable(), 'the table is gone')
  await until(() => isGone(helper), 'the helper is gone')
})

test('a helper that is killed is replaced, and told of all bans', async t => {
  const weir = await startBanning(t, ...NO_SERVICE)
  await ban(weir)
  const killed = helperOf(weir)
  process.kill(killed, 'SIGKILL')
  await weir.line(({ msg }) => msg?.startsWith('the helper for kernel bans is gone') === true, 'it')
  await until(
    async () => (await weir.metric('weir_kernel_bans_up')) === 1 && helperOf(weir) !== killed,
    'another one is there',
  )
  await until(() => elements('v4_32').includes(FLOODER), 'the ban is there again')
  t.equal(await weir.metric('weir_kernel_bans_helper_losses_total'), 1)
})

test('rules that somebody flushed are made anew', async t => {
  const weir = await startBanning(t, ...NO_SERVICE)
  await ban(weir)
  execFileSync('nft', ['flush', 'ruleset'])
  await until(async () => {
    // A look at the counters shows that they are gone, as does the next ban.
    await weir.metric('weir_kernel_bans')
    return elements('v4_32').includes(FLOODER)
  }, 'the ban is there again')
  t.ok((await weir.metric('weir_kernel_bans_failures_total')) >= 1)
})

test('through a service: weir needs no capability, and both clean up', async t => {
  const { service, socket } = await startService(t)
  const weir = await startBanning(t, '--kernel-bans', 'nftables', '--kernel-bans-socket', socket)
  t.equal(helperOf(weir), 0, 'it started none')
  await ban(weir)
  t.equal(await weir.stop(), 0)
  t.notOk(hasTable(), 'the table ends with weir')
  const second = await startBanning(t, '--kernel-bans', 'nftables', '--kernel-bans-socket', socket)
  await ban(second)
  service.kill('SIGTERM')
  const [code] = (await once(service, 'exit')) as [number]
  t.equal(code, 0)
  t.notOk(hasTable(), 'the table ends with the service')
  t.equal(await exchange(await dial(second.ports[0]!, { from: OTHER }), 'x'), 'served')
  t.equal(
    await ending(second.ports[0]!, { from: FLOODER }, 'x'),
    'ECONNRESET',
    'weir refuses it by itself',
  )
})

test('another weir cannot use the helper or the table of one', async t => {
  const { socket } = await startService(t)
  const flags = ['--kernel-bans', 'nftables', '--kernel-bans-socket', socket]
  await startBanning(t, ...flags)
  const start = ['--listen', 'tcp://127.0.0.1:0', '--backend', 'tcp://127.0.0.1:9', ...flags]
  const second = await runWeir([...start, '--admin', 'off'])
  t.equal(second.code, 2)
  t.match(second.stderr, '--kernel-bans: another weir is connected')
})

test('without nft, or without the capability, weir does not start, and says what to do', async t => {
  const start = ['--listen', 'tcp://127.0.0.1:0', '--backend', 'tcp://127.0.0.1:9']
  const flags = [...start, '--admin', 'off', ...NO_SERVICE]
  const without = await runWeir(flags, { PATH: t.testdir() })
  t.equal(without.code, 2)
  t.match(without.stderr, 'weir: --kernel-bans: nft is not installed; apt install nftables')
  const command = ['--bounding-set', '-net_admin', process.execPath, CLI, ...flags]
  const incapable = spawnSync('setpriv', command, { encoding: 'utf8', timeout: 20_000 })
  t.equal(incapable.status, 2)
  t.match(incapable.stderr, 'no helper listens on /nonexistent/socket (ENOENT)')
  t.match(incapable.stderr, 'weir has no CAP_NET_ADMIN')
  const helper = ['--bounding-set', '-net_admin', process.execPath, CLI, 'kernel-bans']
  const service = spawnSync('setpriv', [...helper, '--socket', join(t.testdir(), 's')], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  t.equal(service.status, 2)
  t.match(service.stderr, 'give the helper CAP_NET_ADMIN')
})

test('ten thousand bans come and go, of addresses and of the networks they lie in', async t => {
  const failures: string[] = []
  const table = new KernelTable({
    name: 'weir',
    ports: [443],
    run: runNft,
    onFailure: (_, message) => failures.push(message),
    onRoom() {},
  })
  t.teardown(() => table.destroy())
  await table.create()
  const addresses = Array.from({ length: 10_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
  const all = [...addresses, '10.0.0.0/16', '2001:db8::/64', '2001:db8::1']
  const blocks = all.map(each => parseBlock(each)!)
  for (const block of blocks) table.add(block, 600)
  await until(() => elements('v4_32').length === 10_000, 'all are there')
  for (const block of blocks) table.add(block, 1200)
  for (const block of blocks.slice(0, 5000)) table.remove(block)
  await until(() => elements('v4_32').length === 5000, 'half of them are gone')
  t.strictSame(elements('v4_16'), ['10.0.0.0'])
  t.strictSame(elements('v6_64'), ['2001:db8::'])
  await until(() => {
    const left = execFileSync('nft', ['list', 'set', 'inet', 'weir', 'v4_32'], { encoding: 'utf8' })
    return !left.includes('timeout 10m')
  }, 'those that stayed are renewed')
  t.equal((await table.counters()).elements, 5003)
  t.strictSame(failures, [])
  await table.destroy()
  t.notOk(hasTable())
})

test('one that was left over makes room', async t => {
  execFileSync('nft', ['add', 'table', 'inet', 'weir'])
  execFileSync('nft', ['add', 'chain', 'inet', 'weir', 'old'])
  const weir = await startBanning(t, ...NO_SERVICE)
  t.notMatch(execFileSync('nft', ['list', 'table', 'inet', 'weir'], { encoding: 'utf8' }), 'old')
  t.equal(await weir.stop(), 0)
})

async function startService(t: Test): Promise<{ service: ChildProcess; socket: string }> {
  // A Unix socket has room for 107 bytes of a path.
  const folder = mkdtempSync(join(tmpdir(), 'weir-kernel-bans-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socket = join(folder, 'socket')
  const service = spawn(process.execPath, [CLI, 'kernel-bans', '--socket', socket], {
    stdio: 'ignore',
  })
  t.teardown(() => service.kill('SIGKILL'))
  await until(() => existsSync(socket), 'it listens')
  return { service, socket }
}

function isGone(pid: number): boolean {
  try {
    // A zombie has no command.
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1') === ''
  } catch {
    return true
  }
}
