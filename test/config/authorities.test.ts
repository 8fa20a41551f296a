import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { loadAuthorities } from '../../src/config/authorities.ts'
import type { PoolConfig } from '../../src/config/config.ts'
import type { Problem } from '../../src/config/flag.ts'
import { testAuthority } from '../support/certificates.ts'

function load(...files: (string | null)[]) {
  const problems: Problem[] = []
  const backends = files.map((ca, i) => ({ name: `b:${i}`, ca }))
  const authorities = loadAuthorities([{ backends } as unknown as PoolConfig], problems)
  return { authorities, problems: problems.map(({ where, message }) => `${where}: ${message}`) }
}

test('each file is read once, by its path', async t => {
  const { file } = testAuthority(t)
  const { authorities, problems } = load(file, null, file)
  t.strictSame([...authorities], [[file, readFileSync(file, 'utf8')]])
  t.strictSame(problems, [])
})

test('what OpenSSL would pass over without a word is a problem', async t => {
  const { file } = testAuthority(t)
  const good = readFileSync(file, 'utf8')
  const garbage = '-----BEGIN CERTIFICATE-----\nZ2FyYmFnZQ==\n-----END CERTIFICATE-----\n'
  const cases: [string, string, RegExp][] = [
    ['none', 'not a certificate', /^--backend b:0 ca: .*none holds no PEM certificate$/],
    ['garbage', garbage, /garbage holds a certificate that cannot be read, 1 of 1/],
    ['second', good + garbage, /second holds a certificate that cannot be read, 2 of 2/],
    ['cut', good.slice(0, 200), /cut holds a certificate that cannot be read, 1 of 1/],
  ]
  for (const [name, text, message] of cases) {
    const path = join(t.testdirName, name)
    t.testdir()
    writeFileSync(path, text)
    t.match(load(path).problems, [message], name)
  }
  t.match(load('/nonexistent').problems, [/--backend b:0 ca: \/nonexistent does not exist/])
})
