import { test } from 'tap'
import { connectionOptions, readTokens } from '../../../src/codec/http1/connection.ts'

test('whether it is kept, by version and options', async t => {
  const cases: [string, number, boolean][] = [
    ['', 1, true],
    ['', 0, false],
    ['keep-alive', 0, true],
    ['Keep-Alive', 0, true],
    ['close', 1, false],
    ['keep-alive, close', 1, false],
    ['CLOSE,x', 1, false],
    ['x', 1, true],
    ['x', 0, false],
  ]
  for (const [value, minor, keepAlive] of cases) {
    t.equal(connectionOptions(value, minor)!.keepAlive, keepAlive, `${value}, 1.${minor}`)
  }
})

test('it names fields, but none that say who asks', async t => {
  const options = connectionOptions(
    'Upgrade, X-Mine,\tAuthorization, X-Forwarded-Anything, Host, Via',
    1,
  )
  t.match(options, { upgrade: true, named: ['upgrade', 'x-mine'] })
})

test('what is no list of tokens, or a long one, is refused', async t => {
  for (const value of ['"close"', 'close; x', 'a b', 'close\xa0', 'x\x0b', 'a,'.repeat(33)]) {
    t.equal(connectionOptions(value, 1), null, JSON.stringify(value))
  }
  t.ok(connectionOptions('a,'.repeat(32), 1))
})

test('empty elements and blanks are passed over', async t => {
  t.strictSame(readTokens(' , A ,\t,b,, ', 9), ['a', 'b'])
  t.strictSame(readTokens('', 9), [])
})
