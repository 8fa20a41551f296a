import { test } from 'tap'
import { ending, endings } from '../../src/core/endings.ts'

test('every ending has a name of its own, fit for a label, and is its place in the table', async t => {
  t.equal(new Set(endings).size, endings.length)
  for (const [index, name] of endings.entries()) {
    t.match(name, /^[a-z]+(?:-[a-z]+)*$/)
    t.equal(ending(name), index)
  }
})
