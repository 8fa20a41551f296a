import { test } from 'tap'
import { ADMITTED, type RefusalName, refusal, refusals } from '../../src/core/refusals.ts'

test('every refusal has a name of its own, fit for a label, and a cause', async t => {
  const names = refusals.map(([name]) => name)
  t.equal(new Set(names).size, names.length)
  for (const [name, cause] of refusals) {
    t.match(name, /^[a-z]+(?:-[a-z]+)*$/)
    t.ok(cause.length > 10, name)
  }
})

test('a refusal is its place in the table, and 0 is none', async t => {
  t.equal(refusals[ADMITTED][0], 'admitted')
  for (const [index, [name]] of refusals.entries()) t.equal(refusal(name), index)
  t.equal(refusal('no such refusal' as RefusalName), -1)
})
