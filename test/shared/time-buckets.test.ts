import * as fc from 'fast-check'
import { test } from 'tap'
import { bucketMiddle, bucketOf, TIME_BUCKETS } from '../../src/shared/time-buckets.ts'

test('the middle of its bucket is within a sixteenth of a time', async t => {
  const times = fc.integer({ min: 16, max: 2 ** 27 - 1 })
  fc.assert(
    fc.property(times, us => Math.abs(bucketMiddle(bucketOf(us)) - us) <= Math.ceil(us / 16)),
  )
  t.pass()
})

test('longer times never stand in an earlier bucket, and every time has one', async t => {
  const times = fc.integer({ min: 0, max: 2 ** 31 - 1 })
  fc.assert(
    fc.property(times, times, (a, b) => {
      const [first, last] = [bucketOf(Math.min(a, b)), bucketOf(Math.max(a, b))]
      return first >= 0 && first <= last && last < TIME_BUCKETS
    }),
  )
  t.equal(bucketOf(0), 0)
  t.equal(bucketOf(15), 0)
  t.equal(bucketOf(2 ** 27 - 1), TIME_BUCKETS - 1)
  t.equal(bucketOf(2 ** 31 - 1), TIME_BUCKETS - 1)
})

test('buckets that follow each other have middles that do', async t => {
  for (let i = 1; i < TIME_BUCKETS; i++) t.ok(bucketMiddle(i) > bucketMiddle(i - 1), String(i))
})
