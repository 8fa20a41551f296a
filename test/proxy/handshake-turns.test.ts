import { test } from 'tap'
import { HandshakeTurns } from '../../src/proxy/handshake-turns.ts'

const nextTurn = () => new Promise(resolve => setImmediate(resolve))

/** @returns what has begun so far */
function setUp() {
  const turns = new HandshakeTurns()
  const begun: string[] = []
  const take = (name: string, isKnown = false): void =>
    turns.take(isKnown, () => begun.push(name) > 0)
  return { turns, begun, take }
}

test('whoever comes alone begins at once', async t => {
  const { begun, take } = setUp()
  take('a')
  t.strictSame(begun, ['a'])
  await nextTurn()
  take('b', true)
  t.strictSame(begun, ['a', 'b'])
})

test('two begin in a turn, the others in later ones, in the order in which they came', async t => {
  const { begun, take } = setUp()
  for (const name of 'abcde') take(name)
  t.equal(begun.join(''), 'ab')
  await nextTurn()
  t.equal(begun.join(''), 'abcd')
  await nextTurn()
  t.equal(begun.join(''), 'abcde')
  await nextTurn()
  take('f')
  take('g')
  t.equal(begun.join(''), 'abcdefg')
})

test('who is known passes those who are not, and does not keep them out', async t => {
  const { begun, take } = setUp()
  for (const name of 'abcdef') take(name)
  for (const name of 'XYZ') take(name, true)
  await nextTurn()
  await nextTurn()
  t.equal(begun.join(''), 'abXcYd')
  await nextTurn()
  await nextTurn()
  t.equal(begun.join(''), 'abXcYdZef')
})

test('a turn that is nobody else’s is all theirs', async t => {
  const { begun, take } = setUp()
  for (const name of 'WXYZ') take(name, true)
  t.equal(begun.join(''), 'WX')
  await nextTurn()
  t.equal(begun.join(''), 'WXYZ')
})

test('one that comes while another begins has its turn like all', async t => {
  const { turns, begun, take } = setUp()
  turns.take(false, () => {
    begun.push('a')
    take('b')
    take('c')
    return true
  })
  t.equal(begun.join(''), 'ab')
  await nextTurn()
  t.equal(begun.join(''), 'abc')
})

test('one that has gone takes nobody’s turn', async t => {
  const { turns, begun, take } = setUp()
  for (const name of 'ab') take(name)
  for (let n = 0; n < 5; n++) turns.take(n % 2 === 0, () => false)
  for (const name of 'cd') take(name)
  await nextTurn()
  t.equal(begun.join(''), 'abcd')
})
