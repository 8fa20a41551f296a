/** With programs in its place; the real one is asked in test/flows/kernel-bans. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { runNft } from '../../src/kernel/nft.ts'

/** Makes an nft that does this, the only one there is. */
function nftThat(t: Test, script: string): void {
  const folder = t.testdir()
  const file = join(folder, 'nft')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  const path = process.env['PATH']
  process.env['PATH'] = `${folder}:/usr/bin:/bin`
  t.teardown(() => (process.env['PATH'] = path))
}

test('it gets the script on its standard input, and says what it has to say', async t => {
  nftThat(t, 'echo "$@"; cat')
  t.equal(await runNft(['-f', '-'], 'flush; $(id)'), '-f -\nflush; $(id)')
})

test('what it complains of is told, the first line, and what can be done', async t => {
  nftThat(t, 'echo "/dev/stdin:1:1-5: Error: syntax error" >&2; echo "the line" >&2; exit 1')
  await t.rejects(runNft([], 'x'), { message: 'nft: /dev/stdin:1:1-5: Error: syntax error' })
  nftThat(t, 'echo "Error: Could not process rule: Operation not permitted" >&2; exit 1')
  await t.rejects(runNft([], 'x'), { message: /give the helper CAP_NET_ADMIN$/ })
  nftThat(t, 'kill -9 $$')
  await t.rejects(runNft([], 'x'.repeat(1_000_000)), { message: 'nft was ended by SIGKILL' })
})

test('without one, the package is named', async t => {
  const path = process.env['PATH']
  t.teardown(() => (process.env['PATH'] = path))
  process.env['PATH'] = t.testdir()
  await t.rejects(runNft([], ''), { message: 'nft is not installed; apt install nftables' })
})
