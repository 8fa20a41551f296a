import { join } from 'node:path'
import { test } from 'tap'
import { hashKey } from '../src/auth/api-key-form.ts'
import { readKeys } from '../src/auth/api-key-store.ts'
import { runWeir } from './support/weir.ts'

test('what create prints is a key and nothing else, with the terms that were asked for', async t => {
  const file = join(t.testdir(), 'keys.yaml')
  const terms = [
    '--scope',
    'a',
    '--scope',
    'b',
    '--rate',
    '2.5',
    '--burst',
    '1k',
    '--expires',
    '1d',
  ]
  const made = await runWeir(['keys', 'create', '--file', file, '--name', 'web', ...terms])
  t.equal(made.code, 0, made.stderr)
  t.match(made.stdout, /^weir_[0-9A-Za-z]{49}\n$/)
  t.match(readKeys(file), [
    { name: 'web', hash: hashKey(made.stdout.trim()), scopes: ['a', 'b'], rate: 2.5, burst: 1000 },
  ])
  const { created, expires } = readKeys(file)[0]!
  t.equal(Date.parse(expires!) - Date.parse(created), 86_400_000)
})

test('the file may be told by the variable of weir itself', async t => {
  const file = join(t.testdir(), 'keys.yaml')
  const variables = { WEIR_API_KEYS: file }
  const imported = ['keys', 'import', '--name', 'old', '--hash', hashKey('x')]
  t.match(await runWeir(imported, variables), { code: 0, stdout: '' })
  t.match(await runWeir(['keys', 'rotate', 'old', '--overlap', '1h'], variables), { code: 0 })
  t.match(await runWeir(['keys', 'revoke', 'old'], variables), { code: 0 })
  t.match(await runWeir(['keys', 'list', '--json'], variables), {
    code: 0,
    stdout: /"state": "revoked"[^]*"state": "revoked"/,
  })
})

test('everything that is wrong with a command is told at once, and nothing is written', async t => {
  const file = join(t.testdir(), 'keys.yaml')
  const { code, stderr } = await runWeir([
    ...['keys', 'create', '--file', file, '--name', 'a b', '--scope', 'a b'],
    ...['--burst', '0', '--concurrency', 'many', '--expires', 'soon'],
  ])
  t.equal(code, 2)
  for (const option of ['name', 'scope', 'burst', 'concurrency', 'expires']) {
    t.match(stderr, new RegExp(`^--${option}: `, 'm'))
  }
  t.strictSame(readKeys(file), [])
})

test('a command without a file or a verb says what is missing', async t => {
  t.match(await runWeir(['keys', 'list']), { code: 2, stderr: /--file: no file is given/ })
  t.match(await runWeir(['keys']), { code: 2, stderr: /keys needs one of: create, list/ })
})
