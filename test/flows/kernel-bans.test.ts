/** Bans in the kernel, for real: in a network namespace that ends with the process that runs in it. */
import { spawnSync } from 'node:child_process'
import { test } from 'tap'

const INSIDE = new URL('inside/kernel-bans.ts', import.meta.url).pathname
const NAMESPACE = ['--user', '--map-root-user', '--net', 'sh', '-c']
const SETUP = 'ip link set lo up && exec "$@"'

/** What is missing here, by name; false for nothing. */
function missing(): string | false {
  if (spawnSync('nft', ['--version']).error !== undefined) return 'nft is not installed'
  const made = spawnSync('unshare', [...NAMESPACE, SETUP, 'sh', 'true'])
  return made.status === 0 ? false : 'no network namespace can be made'
}

test('in a network namespace', { skip: missing(), timeout: 220_000 }, async t => {
  const args = [...NAMESPACE, SETUP, 'sh', process.execPath, INSIDE]
  await t.spawn('unshare', args, { timeout: 200_000 }, 'bans in the kernel')
})
