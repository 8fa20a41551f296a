import { join } from 'node:path'
import { type Test, test } from 'tap'
import { isValid, type KeyRecord } from '../../src/auth/api-key-file.ts'
import { formOf, hashKey, makeKey, WHOLE } from '../../src/auth/api-key-form.ts'
import { readKeys } from '../../src/auth/api-key-store.ts'
import {
  createCommand,
  importCommand,
  listCommand,
  revokeCommand,
  rotateCommand,
} from '../../src/auth/command.ts'

const NOW = new Date('2026-06-01T12:00:00.500Z')
const DAY_MS = 86_400_000
const TERMS = { scopes: ['read'], rate: 5, expiresMs: 0 }

class Said {
  readonly printed: string[] = []
  readonly noted: string[] = []
  readonly print = (line: string): void => void this.printed.push(line)
  readonly note = (line: string): void => void this.noted.push(line)
}

function later(ms: number): Date {
  return new Date(NOW.getTime() + ms)
}

function fileOf(t: Test): string {
  return join(t.testdir(), 'keys.yaml')
}

async function create(file: string, name: string, now = NOW): Promise<string> {
  const said = new Said()
  if ((await createCommand(file, name, TERMS, said, now)) !== 0) throw new Error(said.noted.join())
  return said.printed[0]!
}

function validOf(file: string, now: Date): KeyRecord[] {
  return readKeys(file).filter(key => isValid(key, now.getTime() / 1000))
}

test('create prints the key alone and stores its hash', async t => {
  const file = fileOf(t)
  const said = new Said()
  const terms = { scopes: ['read', 'write'], rate: 5, burst: 9, concurrency: 2, expiresMs: DAY_MS }
  t.equal(await createCommand(file, 'billing', terms, said, NOW), 0)
  t.equal(said.printed.length, 1)
  const [key] = said.printed as [string]
  t.equal(formOf(key), WHOLE)
  t.match(readKeys(file), [
    {
      id: /^k[0-9a-f]{12}$/,
      name: 'billing',
      hash: hashKey(key),
      scopes: ['read', 'write'],
      rate: 5,
      burst: 9,
      concurrency: 2,
      created: '2026-06-01T12:00:00Z',
      expires: '2026-06-02T12:00:00Z',
    },
  ])
  t.notMatch(JSON.stringify(readKeys(file)), key)
  t.notMatch(said.noted.join('\n'), key)
})

test('a name has two valid keys at most', async t => {
  const file = fileOf(t)
  const said = new Said()
  await create(file, 'billing')
  await create(file, 'billing')
  await create(file, 'web')
  t.equal(await createCommand(file, 'billing', TERMS, said, NOW), 2)
  t.strictSame(said.printed, [], 'a key that is not stored is not told')
  t.match(said.noted, ['billing has 2 valid keys, more there cannot be; revoke one, or rotate'])
  t.equal(readKeys(file).length, 3)
})

test('rotate gives a new key on the terms of the newest, which goes on for a while', async t => {
  const file = fileOf(t)
  const first = await create(file, 'billing')
  const second = await create(file, 'billing', later(1000))
  const said = new Said()
  const spans = { overlapMs: DAY_MS, expiresMs: 0 }
  t.equal(await rotateCommand(file, 'billing', spans, said, later(2000)), 0)
  const third = said.printed[0]!
  t.strictSame(
    validOf(file, later(3000)).map(({ hash }) => hash),
    [second, third].map(hashKey),
    'the oldest ends at once',
  )
  t.strictSame(
    validOf(file, later(2 * DAY_MS)).map(({ hash }) => hash),
    [hashKey(third)],
  )
  t.match(readKeys(file)[2], { scopes: ['read'], rate: 5 })
  t.not(hashKey(first), hashKey(third))
})

test('rotate does not let a key live longer than it would have', async t => {
  const file = fileOf(t)
  await createCommand(file, 'web', { scopes: [], expiresMs: 60_000 }, new Said(), NOW)
  await rotateCommand(file, 'web', { overlapMs: DAY_MS, expiresMs: 0 }, new Said(), NOW)
  t.equal(readKeys(file)[0]?.expires, '2026-06-01T12:01:00Z')
  t.equal(readKeys(file)[1]?.expires, '2026-06-01T12:01:00Z', 'the new one as long as the old')
  const longer = { overlapMs: 0, expiresMs: DAY_MS }
  await rotateCommand(file, 'web', longer, new Said(), later(1000))
  t.equal(readKeys(file)[2]?.expires, '2026-06-02T12:00:01Z', 'or as long as is said')
})

test('list of a file that is not there says so', async t => {
  const said = new Said()
  t.equal(listCommand('/nowhere/keys.yaml', 'nowhere', false, said, NOW), 2)
  t.match(said.noted, [/^\/nowhere\/keys\.yaml is not there; weir keys create makes it/])
})

test('rotate of a name without a valid key says what to do', async t => {
  const file = fileOf(t)
  const said = new Said()
  t.equal(await rotateCommand(file, 'web', { overlapMs: 0, expiresMs: 0 }, said, NOW), 2)
  t.match(said.noted, [/has no valid key of the name web; use weir keys create$/])
})

test('revoke ends one key by id, or all of a name', async t => {
  const file = fileOf(t)
  await create(file, 'billing')
  await create(file, 'billing')
  await create(file, 'web')
  const [one, two, other] = readKeys(file) as [KeyRecord, KeyRecord, KeyRecord]
  const said = new Said()
  t.equal(await revokeCommand(file, one.id, said, NOW), 0)
  t.strictSame(said.noted, [`revoked ${one.id} of billing`])
  t.strictSame(
    validOf(file, later(1)).map(({ id }) => id),
    [two.id, other.id],
  )
  t.equal(await revokeCommand(file, 'billing', said, later(60_000)), 0)
  t.strictSame(
    validOf(file, later(60_001)).map(({ id }) => id),
    [other.id],
  )
  t.equal(readKeys(file)[0]?.revoked, '2026-06-01T12:00:00Z', 'the first time counts')
  t.equal(await revokeCommand(file, 'nobody', said, NOW), 2)
  t.match(said.noted.at(-1), /has no key of the id or name nobody$/)
})

test('import takes keys of any form, as they are or as hash', async t => {
  const file = fileOf(t)
  const said = new Said()
  const foreign = 'sk_live_0123456789abcdef'
  const hash = hashKey('something else').toUpperCase()
  const own = makeKey()
  for (const secret of [
    { text: foreign, isHash: false },
    { text: hash, isHash: true },
  ]) {
    t.equal(await importCommand(file, 'old', secret, TERMS, said, NOW), 0)
  }
  t.equal(await importCommand(file, 'own', { text: own, isHash: false }, TERMS, said, NOW), 0)
  t.match(readKeys(file), [
    { hash: hashKey(foreign), imported: true },
    { hash: hash.toLowerCase(), imported: true },
    { hash: hashKey(own), imported: false },
  ])
  t.strictSame(said.printed, [])
})

test('import refuses what could be guessed, is damaged, or is there already', async t => {
  const file = fileOf(t)
  const own = await create(file, 'web')
  const cases: readonly (readonly [text: string, isHash: boolean, note: RegExp])[] = [
    ['short', false, /^the key has 5 characters, at least 20 are needed/],
    ['', false, /^the key is empty/],
    ['with blanks in between them', false, /some that no header can hold$/],
    [`${own}x`, false, /its checksum is wrong/],
    ['abc', true, /^that is no SHA-256/],
    [own, false, /^that key is there already: k[0-9a-f]{12} of web$/],
  ]
  for (const [text, isHash, note] of cases) {
    const said = new Said()
    t.equal(await importCommand(file, 'old', { text, isHash }, TERMS, said, NOW), 2, text)
    t.match(said.noted, [note])
  }
  t.equal(readKeys(file).length, 1)
})

test('list tells all but the keys', async t => {
  const file = fileOf(t)
  const key = await create(file, 'billing')
  await createCommand(file, 'web', { scopes: [], expiresMs: DAY_MS }, new Said(), NOW)
  await create(file, 'old')
  await revokeCommand(file, 'old', new Said(), NOW)
  const table = new Said()
  t.equal(listCommand(file, 'nowhere', false, table, later(2 * DAY_MS)), 0)
  t.match(table.printed, [
    /^id +name +state +scopes +limits +created +expires +last used$/,
    /^k[0-9a-f]{12}  billing  valid    read    5\/s     2026-06-01  never       -$/,
    /^k[0-9a-f]{12}  web      expired  -       -       2026-06-01  2026-06-02  -$/,
    /^k[0-9a-f]{12}  old      revoked  read    5\/s     2026-06-01  never       -$/,
  ])
  const json = new Said()
  t.equal(listCommand(file, 'nowhere', true, json, NOW), 0)
  t.match(JSON.parse(json.printed.join('\n')), [{ name: 'billing', state: 'valid' }, {}, {}])
  for (const { printed } of [table, json]) {
    t.notMatch(printed.join('\n'), key)
    t.notMatch(printed.join('\n'), hashKey(key))
  }
})
