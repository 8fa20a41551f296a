import { test } from 'tap'
import { Held } from '../../src/transport/held.ts'

test('the total is of all four, and nothing is left behind', async t => {
  const held = new Held()
  held.fromClient = 1
  held.toClient = 20
  held.fromBackend = 300
  held.toBackend = 4000
  t.equal(held.total, 4321)
  held.clear()
  t.equal(held.total, 0)
})
