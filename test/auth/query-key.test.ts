import { test } from 'tap'
import { findInQuery, withoutPair } from '../../src/auth/query-key.ts'

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
  ['?KEY=x', '', '?KEY=x'],
  ['?key=x&key=x', null, ''],
  ['?key=x&a=1&key=y&key=z', null, '?a=1'],
  ['?a=key=x', '', '?a=key=x'],
  ['?key=a%2Fb%2b+c%3D', 'a/b++c=', ''],
  ['?key=100%', '100%', ''],
]

for (const [query, found, rest] of cases) {
  test(`"${query}" has ${JSON.stringify(found)} and leaves "${rest}"`, async t => {
    t.equal(findInQuery(query, 'key'), found)
    t.equal(withoutPair(query, 'key'), rest)
  })
}
