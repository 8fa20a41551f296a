import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { flagNames, flags } from '../src/config/flags.ts'
import { runWeir } from './support/weir.ts'

test('--help has every flag in its group, with its default', async t => {
  const { code, stdout } = await runWeir(['--help'])
  t.equal(code, 0)
  for (const name of flagNames) {
    t.match(stdout, new RegExp(`^ +--${name}\\b`, 'm'), name)
    t.ok(stdout.includes(`${flags[name].group}:`))
  }
  t.match(stdout, /--connection-rate .*\[20\]/)
})

test('--version is that of the package', async t => {
  const url = new URL('../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(url, 'utf8')) as { version: string }
  t.match(await runWeir(['--version']), { code: 0, stdout: `${version}\n` })
})

test('schema prints JSON', async t => {
  const { code, stdout } = await runWeir(['schema'])
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { title: 'weir configuration file' })
})

test('an unknown command, and a cert command without a verb, say what there is', async t => {
  t.match(await runWeir(['chek']), {
    code: 2,
    stderr: /unknown command chek; did you mean check\?/,
  })
  t.match(await runWeir(['cert']), { code: 2, stderr: /cert needs one of: ca, csr, inspect/ })
})

test('one dash where two belong is told as that', async t => {
  t.match(await runWeir(['-listne', 'tcp://:1']), {
    code: 2,
    stderr: /flags begin with two dashes, -listne has one; did you mean --listen\?/,
  })
})

test('a flag without its value is told', async t => {
  t.match(await runWeir(['--listen']), { code: 2, stderr: /listen/ })
})

test('cert makes an authority with a leaf, and tells what it says', async t => {
  const directory = t.testdir()
  const made = await runWeir(['cert', 'ca', '--out', directory, '--name', 'a.test'])
  t.equal(made.code, 0, made.stderr)
  const told = await runWeir(['cert', 'inspect', `${directory}/localhost.pem`])
  t.match(told, { code: 0, stdout: /a\.test/ })
})
