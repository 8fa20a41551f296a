import { test } from 'tap'
import {
  formatKeys,
  isValid,
  type KeyRecord,
  parseKeys,
  toApiKey,
} from '../../src/auth/api-key-file.ts'
import { hashKey } from '../../src/auth/api-key-form.ts'

const record: KeyRecord = {
  id: 'k1',
  name: 'billing',
  hash: hashKey('secret'),
  scopes: ['read', 'write'],
  rate: 2.5,
  burst: 7,
  concurrency: 3,
  created: '2026-01-01T00:00:00Z',
  expires: '2027-01-01T00:00:00Z',
  revoked: '2026-06-01T00:00:00Z',
  imported: true,
}
const plain: KeyRecord = {
  id: 'k2',
  name: 'web',
  hash: hashKey('other'),
  scopes: [],
  created: '2026-01-01T00:00:00Z',
  imported: false,
}

test('what is written is read back', async t => {
  t.strictSame(parseKeys(formatKeys([record, plain])), { keys: [record, plain] })
  t.strictSame(parseKeys(formatKeys([])), { keys: [] })
  t.strictSame(parseKeys(''), { keys: [] }, 'an empty file has no keys')
})

test('JSON is read as well', async t => {
  t.strictSame(parseKeys(JSON.stringify({ keys: [record] })), { keys: [record] })
})

test('workers get seconds, and a burst where none was said', async t => {
  t.strictSame(toApiKey(record), {
    id: 'k1',
    name: 'billing',
    hash: record.hash,
    scopes: ['read', 'write'],
    limits: { rate: 2.5, burst: 7, concurrency: 3 },
    expiresAt: Date.UTC(2027, 0, 1) / 1000,
    revokedAt: Date.UTC(2026, 5, 1) / 1000,
    imported: true,
  })
  t.match(toApiKey(plain), { limits: null, expiresAt: Infinity, revokedAt: Infinity })
  t.match(toApiKey({ ...plain, rate: 2.5 }).limits, { rate: 2.5, burst: 5, concurrency: 0 })
  t.match(toApiKey({ ...plain, concurrency: 4 }).limits, { rate: 0, burst: 1, concurrency: 4 })
})

test('a key is valid until it expires or is revoked', async t => {
  const at = (text: string) => Date.parse(text) / 1000
  t.ok(isValid(plain, at('2126-01-01T00:00:00Z')))
  t.ok(isValid(record, at('2026-05-31T23:59:59Z')))
  t.notOk(isValid(record, at('2026-06-01T00:00:00Z')))
  const { revoked: _, ...expiring } = record
  t.ok(isValid(expiring, at('2026-12-31T23:59:59Z')))
  t.notOk(isValid(expiring, at('2027-01-01T00:00:00Z')))
})

const wrong: readonly (readonly [text: string, error: RegExp])[] = [
  ['keys: [', /^is no YAML: /],
  ['- a', /^holds no list of keys/],
  ['keys: &a [*a]', /^has aliases: /],
  ['key: []', /^Unrecognized key: "key"/],
  ['keys: [{}]', /^keys\.0\.id: /],
  [formatKeys([{ ...plain, hash: 'secret' }]), /^keys\.0\.hash: is no SHA-256/],
  [formatKeys([{ ...plain, name: 'a b' }]), /^keys\.0\.name: is no name/],
  [formatKeys([{ ...plain, scopes: ['a b'] }]), /^keys\.0\.scopes\.0: is no scope/],
  [formatKeys([{ ...plain, rate: 0 }]), /^keys\.0\.rate: /],
  [formatKeys([{ ...plain, expires: 'tomorrow' }]), /^keys\.0\.expires: /],
  [formatKeys([plain, { ...plain, hash: record.hash }]), /^has two keys of the same id, k2$/],
  [formatKeys([plain, { ...plain, id: 'k3' }]), /^has two keys of the same hash, /],
]

for (const [text, error] of wrong) {
  test(`refused: ${String(error)}`, async t => {
    const read = parseKeys(text)
    t.match('error' in read ? read.error : '(none)', error)
  })
}
