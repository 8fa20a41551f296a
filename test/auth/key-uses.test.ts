import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { formatUses, readUses, usesPath } from '../../src/auth/key-uses.ts'

test('what is written is read back', async t => {
  const file = join(t.testdir(), 'used')
  const uses = new Map([['k1', '2026-01-01T00:00:00.000Z']])
  writeFileSync(file, formatUses(uses))
  t.strictSame(readUses(file), uses)
  t.equal(usesPath('/etc/weir/keys.yaml'), '/etc/weir/keys.yaml.used')
})

test('what is no such file says nothing of any key', async t => {
  const file = join(t.testdir(), 'used')
  t.strictSame(readUses(file), new Map(), 'not there')
  for (const text of ['', '[', 'null', '1', '{"k1": 1, "k2": "yesterday"}']) {
    writeFileSync(file, text)
    t.strictSame(readUses(file), new Map(), text)
  }
})
