import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type Test } from 'tap'
import { Memory } from '../../src/config/memory.ts'

const MIB = 1_048_576
const AMPLE = { 'proc/meminfo': 'MemTotal: 64000000 kB\nMemAvailable:   60000000 kB\n' }

/** A system with these files; weir's own memory is 100 MiB. */
function memory(t: Test, files: Readonly<Record<string, string>>, max = 0): Memory {
  const root = t.testdir()
  for (const [name, text] of Object.entries({ ...AMPLE, ...files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return new Memory({ max, root, rss: () => 100 * MIB })
}

const v2 = (folder: string, max: string, high: string, current: number, idle = 0) => ({
  [`sys/fs/cgroup${folder}/memory.max`]: `${max}\n`,
  [`sys/fs/cgroup${folder}/memory.high`]: `${high}\n`,
  [`sys/fs/cgroup${folder}/memory.current`]: `${current}\n`,
  [`sys/fs/cgroup${folder}/memory.stat`]: `anon 1\ninactive_file ${idle}\nactive_file 7\n`,
})

const near = (value: number): number => Math.round(value * 100) / 100

test('of the host: its own against that and what is available, whatever others hold', async t => {
  const busy = 'MemTotal: 64000000 kB\nMemAvailable: 102400 kB\n'
  t.equal(near(memory(t, { 'proc/meminfo': busy }).share()), 0.5)
  t.ok(memory(t, {}).share() < 0.01)
})

test('of a cgroup v2: without the file cache that nobody used lately', async t => {
  const own = 'proc/self/cgroup'
  const files = {
    [own]: '0::/weir\n',
    ...v2('/weir', String(200 * MIB), 'max', 180 * MIB, 20 * MIB),
  }
  t.equal(near(memory(t, files).share()), 0.8)
  const slowed = { [own]: '0::/weir\n', ...v2('/weir', 'max', String(200 * MIB), 190 * MIB) }
  t.equal(near(memory(t, slowed).share()), 0.95, 'memory.high')
  const free = { [own]: '0::/weir\n', ...v2('/weir', 'max', 'max', 190 * MIB) }
  t.ok(memory(t, free).share() < 0.01, 'no limit')
})

test('a limit further up counts too, with what is used there', async t => {
  const files = {
    'proc/self/cgroup': '0::/pod/weir\n',
    ...v2('/pod', String(1000 * MIB), 'max', 970 * MIB),
    ...v2('/pod/weir', String(400 * MIB), 'max', 100 * MIB),
  }
  t.equal(near(memory(t, files).share()), 0.97)
})

test('in a container the cgroup is the root of what is mounted, whatever the path says', async t => {
  const files = {
    'proc/self/cgroup': '0::/../../docker/abc\n',
    ...v2('', String(200 * MIB), 'max', 100 * MIB),
  }
  t.equal(near(memory(t, files).share()), 0.5)
})

test('of a cgroup v1', async t => {
  const at = 'sys/fs/cgroup/memory/weir'
  const files = {
    'proc/self/cgroup': '5:devices:/\n4:cpu,memory:/weir\n0::/\n',
    [`${at}/memory.limit_in_bytes`]: `${400 * MIB}\n`,
    [`${at}/memory.usage_in_bytes`]: `${390 * MIB}\n`,
    [`${at}/memory.stat`]: `inactive_file 5\ntotal_inactive_file ${30 * MIB}\n`,
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    'sys/fs/cgroup/memory/memory.usage_in_bytes': '9000000000\n',
  }
  t.equal(near(memory(t, files).share()), 0.9)
})

test('what the operator allows counts against its own memory', async t => {
  t.equal(near(memory(t, {}, 125 * MIB).share()), 0.8)
})

test('what cannot be read counts nothing', async t => {
  const blind = new Memory({ max: 0, root: t.testdir(), rss: () => 100 * MIB })
  t.equal(blind.share(), 0)
})

test('this process has some', async t => {
  const share = new Memory({ max: 0 }).share()
  t.ok(share > 0 && share < 1, String(share))
})
