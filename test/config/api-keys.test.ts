import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { formatKeys } from '../../src/auth/api-key-file.ts'
import { hashKey } from '../../src/auth/api-key-form.ts'
import { bad, load } from '../support/config.ts'

const HTTP = { listen: ['http://127.0.0.1:1'], backend: ['http://127.0.0.1:2'] }
const KEY = {
  id: 'k1',
  name: 'web',
  hash: hashKey('x'),
  scopes: [],
  created: '2026-01-01T00:00:00Z',
  imported: false,
}

function fileOf(t: Test, text: string): string {
  const file = join(t.testdir(), 'keys.yaml')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

function warnings(t: Test, flags: Record<string, unknown>): readonly string[] {
  const loaded = load(t, flags)
  return 'problems' in loaded ? [JSON.stringify(loaded.problems)] : loaded.warnings
}

test('a file with a valid key is nothing to speak of', async t => {
  t.strictSame(warnings(t, { ...HTTP, 'api-keys': fileOf(t, formatKeys([KEY])) }), [])
})

test('a file that lets nobody in is worth a warning', async t => {
  for (const keys of [[], [{ ...KEY, revoked: KEY.created }], [{ ...KEY, expires: KEY.created }]]) {
    const file = fileOf(t, formatKeys(keys))
    t.strictSame(warnings(t, { ...HTTP, 'api-keys': file }), [
      `--api-keys: ${file} has no valid key: nobody with a key is let in`,
    ])
  }
})

test('keys without an HTTP listener are worth a warning', async t => {
  const file = fileOf(t, formatKeys([KEY]))
  const flags = { listen: ['tcp://127.0.0.1:1'], backend: ['tcp://127.0.0.1:2'], 'api-keys': file }
  t.strictSame(warnings(t, flags), [
    '--api-keys is given, and there is no http:// or https:// listener',
  ])
})

test('a file that cannot be used keeps weir from starting', async t => {
  const problems = (file: string): string[] => bad(t, { ...HTTP, 'api-keys': file })
  t.strictSame(problems('/nowhere/keys'), [
    '--api-keys: /nowhere/keys does not exist; weir keys create makes one',
  ])
  const file = fileOf(t, 'keys: [')
  t.match(problems(file), [/^--api-keys: .*keys\.yaml is no YAML: /])
  writeFileSync(file, formatKeys([KEY]))
  chmodSync(file, 0o602)
  t.match(problems(file), [/can be changed by everybody; chmod o-w it$/])
})
