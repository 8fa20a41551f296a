import t from 'tap'
import { Hearers } from '../../src/transport/hearers.ts'

const heard: string[] = []
const first = { end: () => heard.push('first'), close: () => heard.push('first closes') }
const second = { end: () => heard.push('second') }

t.test('those who listen hear in the order they began to', async t => {
  const both = Hearers.none.with(first).with(second)
  heard.length = 0
  for (const hearer of both.end) hearer()
  t.strictSame(heard, ['first', 'second'])
  t.equal(both.close.length, 1)
  t.equal(both.error.length, 0)
})

t.test('sets of the same are one', async t => {
  const both = Hearers.none.with(first).with(second)
  t.equal(Hearers.none.with(first).with(second), both)
  t.equal(both.without(second), Hearers.none.with(first))
  t.equal(both.without(first), Hearers.none.with(second))
  t.equal(both.without(first).without(second), Hearers.none)
})

t.test('one that does not listen may stop to', async t => {
  const only = Hearers.none.with(first)
  t.equal(only.without(second), only)
  t.equal(Hearers.none.without(second), Hearers.none)
})

t.test('one that listens twice hears twice, and stops once', async t => {
  const twice = Hearers.none.with(first).with(first)
  t.equal(twice.end.length, 2)
  t.equal(twice.without(first), Hearers.none.with(first))
})
