import { test } from 'tap'
import { weightAfter } from '../../src/control/slow-start.ts'
import { WEIGHT_SCALE } from '../../src/shared/backend-table.ts'

test('it grows from a tenth to the whole weight, and is whole where it was never away', async t => {
  t.equal(weightAfter(10, null, 1000), 10 * WEIGHT_SCALE)
  t.equal(weightAfter(10, 0, 1000), WEIGHT_SCALE)
  t.equal(weightAfter(10, 500, 1000), 5.5 * WEIGHT_SCALE)
  t.equal(weightAfter(10, 1000, 1000), 10 * WEIGHT_SCALE)
  t.equal(weightAfter(10, 0, 0), 10 * WEIGHT_SCALE)
})

test('it only grows, and is never 0', async t => {
  let before = 0
  for (let ms = 0; ms <= 1100; ms += 10) {
    const weight = weightAfter(1, ms, 1000)
    t.ok(weight >= 1 && weight >= before)
    before = weight
  }
})
