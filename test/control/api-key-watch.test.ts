import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { ApiKeySet } from '../../src/auth/api-key.ts'
import { formatKeys, type KeyRecord } from '../../src/auth/api-key-file.ts'
import { hashKey } from '../../src/auth/api-key-form.ts'
import { readUses } from '../../src/auth/key-uses.ts'
import { ApiKeyWatch } from '../../src/control/api-key-watch.ts'
import { KeyUsage } from '../../src/shared/key-usage.ts'
import { captureLog } from '../support/log.ts'

const CREATED = '2026-01-01T00:00:00Z'
const USED = Date.UTC(2026, 5, 1) / 1000

function keyOf(id: string, more: Partial<KeyRecord> = {}): KeyRecord {
  const key = { id, name: id, hash: hashKey(id), scopes: [], created: CREATED, imported: false }
  return { ...key, ...more }
}

function watch(t: Test, keys: readonly KeyRecord[], apiKeyUsage = '') {
  const file = join(t.testdir(), 'keys.yaml')
  writeFileSync(file, formatKeys(keys))
  const { logger, lines } = captureLog()
  const changes: ApiKeySet[] = []
  const watch = new ApiKeyWatch({ apiKeys: file, apiKeyUsage }, logger, set => changes.push(set))
  /** As `weir keys` does. */
  const write = (next: readonly KeyRecord[]): void => {
    writeFileSync(`${file}.new`, formatKeys(next))
    renameSync(`${file}.new`, file)
  }
  /** Twice, as it takes to see that a file lies still. */
  const look = (): void => {
    watch.check()
    watch.check()
  }
  return { file, watch, changes, write, look, messages: () => lines.map(({ msg }) => msg) }
}

test('a file that changed is handed on once, whole', async t => {
  const it = watch(t, [keyOf('k1')])
  it.look()
  t.strictSame(it.changes, [], 'nothing changed')
  it.write([keyOf('k1', { revoked: CREATED }), keyOf('k2')])
  it.look()
  it.look()
  t.match(it.changes, [
    { keys: [{ id: 'k1', revokedAt: Date.parse(CREATED) / 1000 }, { id: 'k2' }] },
  ])
  t.equal(it.changes.length, 1)
  t.strictSame(it.watch.set, it.changes[0], 'a worker that starts gets the same')
  t.strictSame(it.messages(), ['API keys replaced'])
})

test('a file written in place is seen too', async t => {
  const it = watch(t, [keyOf('k1')])
  writeFileSync(it.file, formatKeys([keyOf('k2')]))
  it.look()
  t.match(it.changes, [{ keys: [{ id: 'k2' }] }])
})

test('a file that is being written counts once it is whole', async t => {
  const it = watch(t, [keyOf('k1'), keyOf('k2'), keyOf('k3')])
  const text = formatKeys([keyOf('k1'), keyOf('k2'), keyOf('k3'), keyOf('k4')])
  // Half of it is a good list: that of the keys which stand in front.
  const half = text.indexOf('- id: k3')
  t.ok(half > 0)
  for (const part of ['', text.slice(0, half), text.slice(0, half + 20), text]) {
    writeFileSync(it.file, part)
    it.watch.check()
  }
  t.strictSame(it.changes, [], 'no part of it counted')
  it.watch.check()
  t.match(it.changes, [{ keys: [{ id: 'k1' }, { id: 'k2' }, { id: 'k3' }, { id: 'k4' }] }])
  t.strictSame(it.messages(), ['API keys replaced'], 'and none was complained of')
})

test('a file that cannot be used or is gone leaves the keys, and is told once', async t => {
  const it = watch(t, [keyOf('k1')])
  writeFileSync(it.file, 'keys: nonsense')
  it.look()
  it.look()
  rmSync(it.file)
  it.look()
  it.look()
  t.strictSame(it.changes, [])
  t.match(it.watch.set.keys, [{ id: 'k1' }])
  t.strictSame(it.messages(), [
    'API keys cannot be read, keeping the old ones',
    'API keys cannot be read, keeping the old ones',
  ])
  it.write([keyOf('k3')])
  it.look()
  t.match(it.changes, [{ keys: [{ id: 'k3' }] }])
})

test('what workers noted is written down, and outlives changes and starts', async t => {
  const it = watch(t, [keyOf('k1'), keyOf('k2')])
  const uses = `${it.file}.used`
  it.watch.save()
  t.strictSame(readUses(uses), new Map(), 'nothing was used')
  new KeyUsage(it.watch.set.usage).note(1, USED)
  it.watch.save()
  const used = new Map([['k2', '2026-06-01T00:00:00.000Z']])
  t.strictSame(readUses(uses), used)

  new KeyUsage(it.watch.set.usage).note(0, USED + 60)
  it.write([keyOf('k3'), keyOf('k2'), keyOf('k1')])
  it.look()
  new KeyUsage(it.watch.set.usage).note(0, USED + 120)
  it.watch.save()
  const all = new Map([
    ...used,
    ['k1', '2026-06-01T00:01:00.000Z'],
    ['k3', '2026-06-01T00:02:00.000Z'],
  ])
  t.same(readUses(uses), all)

  const { logger } = captureLog()
  const next = new ApiKeyWatch({ apiKeys: it.file, apiKeyUsage: '' }, logger, () => {})
  new KeyUsage(next.set.usage).note(0, USED + 180)
  next.save()
  t.same(readUses(uses), new Map([...all, ['k3', '2026-06-01T00:03:00.000Z']]))
})

test('a use that cannot be written is told once, and where it could be', async t => {
  const folder = join(t.testdirName, 'nowhere', 'used')
  const it = watch(t, [keyOf('k1')], folder)
  new KeyUsage(it.watch.set.usage).note(0, USED)
  it.watch.save()
  new KeyUsage(it.watch.set.usage).note(0, USED + 1)
  it.watch.save()
  t.strictSame(it.messages(), [
    'the last use of API keys cannot be written down; see --api-key-usage',
  ])
  mkdirSync(join(folder, '..'))
  new KeyUsage(it.watch.set.usage).note(0, USED + 2)
  it.watch.save()
  t.equal(readUses(folder).size, 1)
})

test('keys are counted by their state', async t => {
  const at = (seconds: number) => new Date((USED + seconds) * 1000).toISOString()
  const it = watch(t, [
    keyOf('k1'),
    keyOf('k2', { expires: at(15 * 86_400) }),
    keyOf('k3', { expires: at(13 * 86_400) }),
    keyOf('k4', { expires: at(0) }),
    keyOf('k5', { revoked: at(0), expires: at(86_400) }),
  ])
  t.strictSame(it.watch.states(USED), { valid: 2, expiring: 1, expired: 1, revoked: 1 })
})

test('a file that leads in a circle is told, and ends nothing', async t => {
  const it = watch(t, [keyOf('k1')])
  rmSync(it.file)
  symlinkSync(it.file, it.file)
  it.look()
  it.look()
  t.strictSame(it.messages(), ['API keys cannot be read, keeping the old ones'])
  t.strictSame(it.changes, [])
})
