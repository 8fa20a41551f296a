import { test } from 'tap'
import { tellBudget } from '../../src/control/told-budget.ts'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { ByteBuckets } from '../../src/guard/byte-buckets.ts'
import { TokenBuckets } from '../../src/guard/token-buckets.ts'

test('what is left of a budget, and when it is full again', async t => {
  const words = new Int32Array(2)
  const limits = { rate: 2, burst: 5 }
  const buckets = new TokenBuckets(words, limits)
  for (let i = 0; i < 3; i++) buckets.take(1, 0)
  t.strictSame(tellBudget({ limit: 'x-rate', ...limits }, words, 1, 0), {
    ...{ limit: 'x-rate', left: 2, burst: 5, per_s: 2, full_in_s: 2 },
  })
  t.match(tellBudget({ limit: 'x-rate', ...limits }, words, 0, 0), { left: 5, full_in_s: 0 })
  t.match(tellBudget({ limit: 'x-rate', ...limits }, words, 1, 2 * TICKS_PER_SECOND), { left: 5 })
})

test('bytes are told as bytes, and debt as nothing left', async t => {
  const words = new Int32Array(1)
  const limits = { rate: 100, burst: 1000 }
  new ByteBuckets(words, limits).take(0, 1500, 0)
  const told = tellBudget({ limit: 'body-rate', ...limits, isOfBytes: true }, words, 0, 0)
  t.match(told, { left: 0, full_in_s: 15 })
})

test('tokens that are lent are not left, and do not make a bucket in debt a full one', async t => {
  const words = new Int32Array(1)
  const buckets = new TokenBuckets(words, { rate: 1, burst: 2 + 10 })
  const told = () => tellBudget({ limit: 'x-rate', rate: 1, burst: 2, lent: 10 }, words, 0, 0)
  t.match(told(), { left: 2, burst: 2 })
  buckets.take(0, 0)
  t.match(told(), { left: 1 })
  for (let i = 0; i < 9; i++) buckets.take(0, 0)
  t.match(told(), { left: 0, full_in_s: 10 })
})
