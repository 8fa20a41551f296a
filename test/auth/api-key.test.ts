import { test } from 'tap'
import { ApiKeys, FOREIGN_KEY_MAX } from '../../src/auth/api-key.ts'
import { makeKey } from '../../src/auth/api-key-form.ts'
import { refusal, type RefusalName } from '../../src/core/refusals.ts'
import { KeyUsage } from '../../src/shared/key-usage.ts'
import { keySet, storedKey } from '../support/api-keys.ts'
import { requestHead } from '../support/head.ts'

const NOW = 1_800_000_000
const key = makeKey()
const damaged = `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`

function keysOf(...keys: Parameters<typeof storedKey>[]): ApiKeys {
  const scheme = new ApiKeys('')
  scheme.load(keySet(...keys.map(each => storedKey(...each))))
  return scheme
}

test('a key says who its holder is', async t => {
  const limits = { rate: 5, burst: 10, concurrency: 0 }
  const scheme = keysOf([key, { scopes: ['read', 'write'], limits, expiresAt: NOW + 1 }])
  t.strictSame(scheme.check(key, NOW), {
    scheme: 'api-key',
    subject: 'billing',
    client: 'billing',
    scopes: ['read', 'write'],
    claims: {},
    keyId: 'k1',
    expiresAt: NOW + 1,
    limits,
  })
})

const rejected: readonly (readonly [sent: string, stored: object, reason: RefusalName])[] = [
  ['anything', {}, 'key-malformed'],
  ['', {}, 'key-malformed'],
  [damaged, {}, 'key-checksum'],
  [`${key}x`, {}, 'key-checksum'],
  [makeKey(), {}, 'key-unknown'],
  ['anything', { imported: true }, 'key-unknown'],
  ['x'.repeat(FOREIGN_KEY_MAX + 1), { imported: true }, 'key-malformed'],
  [damaged, { imported: true }, 'key-checksum'],
  [key, { expiresAt: NOW }, 'key-expired'],
  [key, { expiresAt: NOW - 1000 }, 'key-expired'],
  [key, { revokedAt: NOW }, 'key-revoked'],
  [key, { revokedAt: NOW, expiresAt: NOW }, 'key-revoked'],
]

for (const [sent, stored, reason] of rejected) {
  test(`${reason}: ${sent.slice(0, 60)} of ${JSON.stringify(stored)}`, async t => {
    t.equal(keysOf([key, stored]).check(sent, NOW), refusal(reason))
  })
}

test('an imported key may have any form', async t => {
  const scheme = keysOf([key], ['made-elsewhere-0123456789', { id: 'k2', imported: true }])
  t.match(scheme.check('made-elsewhere-0123456789', NOW), { keyId: 'k2' })
  t.match(scheme.check(key, NOW), { keyId: 'k1' })
})

test('a new set takes the place of the old one, whole', async t => {
  const scheme = keysOf([key])
  const other = makeKey()
  scheme.load(keySet(storedKey(other)))
  t.equal(scheme.check(key, NOW), refusal('key-unknown'))
  t.match(scheme.check(other, NOW), { subject: 'billing' })
  t.equal(new ApiKeys('').check(key, NOW), refusal('key-unknown'), 'none before the first')
})

test('only a key that is let in counts as used', async t => {
  const set = keySet(storedKey(makeKey()), storedKey(key), storedKey(makeKey()))
  const usage = new KeyUsage(set.usage)
  const scheme = new ApiKeys('')
  scheme.load(set)
  scheme.check(makeKey(), NOW)
  t.strictSame([usage.last(0), usage.last(1), usage.last(2)], [0, 0, 0])
  scheme.check(key, NOW)
  t.strictSame([usage.last(0), usage.last(1), usage.last(2)], [0, NOW, 0])
})

test('a key is found in its field, or in Authorization', async t => {
  const find = (...fields: string[]) => new ApiKeys('').find(requestHead(fields))
  t.equal(find(), '')
  t.equal(find('X-API-Key: a'), 'a')
  t.equal(
    find('x-api-key: a', 'Authorization: Bearer b'),
    'a',
    'Authorization may be for the backend',
  )
  t.equal(find('Authorization: Bearer b'), 'b')
  t.equal(find('Authorization: apikey b'), 'b')
  t.equal(find('Authorization: Basic b'), '')
  t.equal(find('X-API-Key: a', 'X-API-Key: a'), refusal('credential-ambiguous'))
  t.equal(
    find('Authorization: Bearer a', 'Authorization: Bearer a'),
    refusal('credential-ambiguous'),
  )
})

test('the query counts only if it was asked for', async t => {
  const find = (scheme: ApiKeys, target: string, ...fields: string[]) =>
    scheme.find(requestHead(fields, `GET ${target} HTTP/1.1`))
  t.equal(find(new ApiKeys(''), '/?key=a'), '')
  const scheme = new ApiKeys('key')
  t.equal(find(scheme, '/?key=a'), 'a')
  t.equal(find(scheme, '/?key=a', 'X-API-Key: a'), 'a')
  t.equal(find(scheme, '/', 'X-API-Key: b'), 'b')
  t.equal(find(scheme, '/?key=a', 'X-API-Key: b'), refusal('credential-ambiguous'))
  t.equal(find(scheme, '/?key=a&key=b'), refusal('credential-ambiguous'))
})

test('only its prefix makes a key certain to be one', async t => {
  const scheme = new ApiKeys('')
  t.ok(scheme.recognises(damaged))
  t.notOk(scheme.recognises('eyJhbGciOiJub25lIn0.e30.'))
})

test('two keys that differ are refused, wherever they stand; what is for the backend is not', async t => {
  const scheme = keysOf([key])
  const found = (...fields: string[]) => scheme.find(requestHead([`X-API-Key: ${key}`, ...fields]))
  const ambiguous = refusal('credential-ambiguous')
  t.equal(found(`Authorization: Bearer ${makeKey()}`), ambiguous)
  t.equal(found('Authorization: apikey other'), ambiguous)
  t.equal(found('Authorization: Basic a', 'Authorization: Basic b'), ambiguous)
  t.equal(found(`Authorization: Bearer ${key}`), key)
  t.equal(found(`Authorization: ApiKey ${key}`), key)
  t.equal(found('Authorization: Bearer of-the-backend'), key)
  t.equal(found('Authorization: Basic abc'), key)
})
