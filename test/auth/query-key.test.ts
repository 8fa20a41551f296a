import { test } from 'tap'
import { findInQuery, isInUrl, withoutPair } from '../../src/auth/query-key.ts'

const cases: readonly (readonly [query: string, found: string | null, rest: string])[] = [
  ['', '', ''],
  ['?', '', '?'],
  ['?a=1', '', '?a=1'],
  ['?key=x', 'x', ''],
  ['?key=', '', ''],
  ['?key', '', '?key'],
  ['?key=x&a=1', 'x', '?a=1'],
  ['?a=1&key=x', 'x', '?a=1'],
  ['?a=1&key=x&b=2', 'x', '?a=1&b=2'],
  ['?a=1&key=x&', 'x', '?a=1&'],
  ['?&key=x', 'x', ''],
  ['?key=a=b', 'a=b', ''],
  ['?mykey=x&keys=y', '', '?mykey=x&keys=y'],
  ['?KEY=x', 'x', ''],
  ['?key=x&Key=y&a=1', null, '?a=1'],
  ['?key=x&key=x', null, ''],
  ['?key=x&a=1&key=y&key=z', null, '?a=1'],
  ['?a=key=x', '', '?a=key=x'],
  ['?key=a%2Fb%2b+c%3D', 'a/b++c=', ''],
  ['?key=100%', '100%', ''],
  ['?k%65y=x', 'x', ''],
  ['?%6B%65%79=x&a=1', 'x', '?a=1'],
  ['?%4bey=x', 'x', ''],
  ['?k%2565y=x', '', '?k%2565y=x'],
  ['?k%zzy=x&k%65%=y', '', '?k%zzy=x&k%65%=y'],
  ['?key=x&k%65y=x', null, ''],
  ['?a=1;key=x;b=2', 'x', '?a=1;b=2'],
  ['?a=1;key=x', 'x', '?a=1'],
  ['?key=x;key=y', null, ''],
  ['?key=;key=x', null, ''],
  ['?key%3Dx', '', '?key%3Dx'],
  ['?key&key=x', 'x', '?key'],
]

for (const [query, found, rest] of cases) {
  test(`"${query}" has ${JSON.stringify(found)} and leaves "${rest}"`, async t => {
    t.equal(findInQuery(query, 'key'), found)
    t.equal(withoutPair(query, 'key'), rest)
  })
}

test('a URL has it in its query alone', async t => {
  t.ok(isInUrl('http://a/b?x=1&k%65y=x#c', 'key'))
  t.notOk(isInUrl('http://a/key=x', 'key'))
  t.notOk(isInUrl('http://a/?x=key', 'key'))
  t.notOk(isInUrl('', 'key'))
})
