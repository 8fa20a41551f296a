import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import type { Problem } from '../../src/config/flag.ts'
import { checkStickySecret, stickySecret } from '../../src/config/sticky-secret.ts'

function config(file: string, cookie: string | null = 'S'): Config {
  const sticky = cookie === null ? null : { cookie, maxAge: 0 }
  return { http: { stickySecret: file }, pools: [{ sticky }] } as unknown as Config
}

test('a file of 32 bytes will do; what will not is named with what to do', async t => {
  const dir = t.testdir()
  const good = join(dir, 'good')
  const short = join(dir, 'short')
  writeFileSync(good, Buffer.alloc(32, 1))
  writeFileSync(short, Buffer.alloc(31, 1))
  const problems: Problem[] = []
  t.strictSame(checkStickySecret(config(good), problems), [])
  t.strictSame(checkStickySecret(config(''), problems), [])
  t.strictSame(problems, [])
  t.strictSame(Buffer.from(stickySecret(config(good))), Buffer.alloc(32, 1))
  checkStickySecret(config(short), problems)
  checkStickySecret(config(join(dir, 'none')), problems)
  checkStickySecret(config(dir), problems)
  t.match(problems, [
    {
      where: '--sticky-secret',
      message: `${short} holds 31 bytes, at least 32 are needed; make one with openssl rand -out ${short} 32`,
    },
    { where: '--sticky-secret', message: `${join(dir, 'none')} does not exist` },
    { where: '--sticky-secret', message: `${dir} cannot be read: EISDIR` },
  ])
})

test('without a file each start has its own; a file nobody uses is told', async t => {
  const [a, b] = [stickySecret(config('')), stickySecret(config(''))]
  t.equal(a.length, 32)
  t.notSame(a, b)
  const file = join(t.testdir(), 'good')
  writeFileSync(file, Buffer.alloc(40, 1))
  t.strictSame(checkStickySecret(config(file, null), []), [
    '--sticky-secret is given, and no pool has --sticky',
  ])
})
