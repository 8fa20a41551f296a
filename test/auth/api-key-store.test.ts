import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { KeyRecord } from '../../src/auth/api-key-file.ts'
import { hashKey } from '../../src/auth/api-key-form.ts'
import { changeKeys, readKeys, StoreError, writeAtomically } from '../../src/auth/api-key-store.ts'

function keyOf(id: string): KeyRecord {
  const created = '2026-01-01T00:00:00Z'
  return { id, name: 'web', hash: hashKey(id), scopes: [], created, imported: false }
}

function fileOf(t: Test): string {
  return join(t.testdir(), 'keys.yaml')
}

test('a file that is not there has no keys, and is made for its owner alone', async t => {
  const file = fileOf(t)
  t.strictSame(readKeys(file), [])
  await changeKeys(file, keys => ({ keys: [...keys, keyOf('k1')] }))
  t.strictSame(readKeys(file), [keyOf('k1')])
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.strictSame(readdirSync(join(file, '..')), ['keys.yaml'], 'no lock and no half a file is left')
})

test('the group that could read it still can, whatever the umask, and nobody else', async t => {
  const file = fileOf(t)
  writeFileSync(file, '')
  chmodSync(file, 0o644)
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  await changeKeys(file, () => ({ keys: [keyOf('k1')] }))
  t.equal(statSync(file).mode & 0o777, 0o640)
})

test('changes at the same time are all made', async t => {
  const file = fileOf(t)
  const ids = Array.from({ length: 20 }, (_, i) => `k${i}`)
  await Promise.all(
    ids.map(async id => await changeKeys(file, keys => ({ keys: [...keys, keyOf(id)] }))),
  )
  t.strictSame(
    readKeys(file)
      .map(({ id }) => id)
      .toSorted(),
    ids.toSorted(),
  )
})

test('a change that fails leaves the file and no lock', async t => {
  const file = fileOf(t)
  await changeKeys(file, () => ({ keys: [keyOf('k1')] }))
  const before = readFileSync(file, 'utf8')
  await t.rejects(
    changeKeys(file, () => {
      throw new StoreError('no')
    }),
    { message: 'no' },
  )
  t.equal(readFileSync(file, 'utf8'), before)
  t.notOk(existsSync(`${file}.lock`))
})

test('the lock of a process that is gone holds nobody up', async t => {
  const file = fileOf(t)
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  writeFileSync(`${file}.lock`, String(pid))
  await changeKeys(file, () => ({ keys: [keyOf('k1')] }))
  t.strictSame(readKeys(file), [keyOf('k1')])
})

test('a file that is no list of keys is not written over', async t => {
  const file = fileOf(t)
  writeFileSync(file, 'something: else\n')
  t.throws(() => readKeys(file), { message: /keys\.yaml: Unrecognized key/ })
  await t.rejects(
    changeKeys(file, () => ({ keys: [] })),
    { message: /Unrecognized key/ },
  )
  t.equal(readFileSync(file, 'utf8'), 'something: else\n')
})

test('what cannot be written is told as what it is', async t => {
  t.throws(() => writeAtomically(join(t.testdir(), 'nowhere', 'file'), ''), {
    message: /ENOENT/,
  })
})
