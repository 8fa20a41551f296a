import { test } from 'tap'
import { FreeLines } from '../../src/guard/free-lines.ts'

test('every line is given out once, from 0 on, until there are none', async t => {
  const free = new FreeLines(4)
  t.strictSame([free.take(), free.take(), free.take()], [0, 1, 2])
  t.equal(free.isEmpty, false)
  t.equal(free.take(), 3)
  t.equal(free.isEmpty, true)
})

test('the line given back last is taken first: its memory is warm', async t => {
  const free = new FreeLines(3)
  const lines = [free.take(), free.take(), free.take()]
  free.give(lines[1]!)
  free.give(lines[0]!)
  t.equal(free.isEmpty, false)
  t.strictSame([free.take(), free.take()], [0, 1])
  t.equal(free.isEmpty, true)
})

test('of none there is none', async t => {
  t.equal(new FreeLines(0).isEmpty, true)
})
