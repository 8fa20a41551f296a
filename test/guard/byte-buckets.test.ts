import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { ByteBuckets, type ByteLimits } from '../../src/guard/byte-buckets.ts'

function bucket(limits: ByteLimits, due = new Int32Array(new SharedArrayBuffer(4))): ByteBuckets {
  return new ByteBuckets(due, limits)
}

test('a bucket goes into debt for what is beyond its burst, and pays it off at its rate', async t => {
  const it = bucket({ rate: 1000, burst: 5000 })
  t.equal(it.left(0, 0), 5000)
  it.take(0, 5000, 0)
  t.equal(it.wait(0, 0), 0)
  it.take(0, 3000, 0)
  t.equal(it.wait(0, 0), 3 * TICKS_PER_SECOND)
  t.equal(it.left(0, 0), 0)
  t.equal(it.wait(0, 3 * TICKS_PER_SECOND), 0)
  t.equal(it.untilFull(0, 3 * TICKS_PER_SECOND), 5 * TICKS_PER_SECOND)
  t.equal(it.left(0, 4 * TICKS_PER_SECOND), 1000)
  t.equal(it.left(0, 100 * TICKS_PER_SECOND), 5000, 'and no more')
})

test('bytes that are worth less than a tick add up', async t => {
  const it = bucket({ rate: 1_000_000_000, burst: 1000 })
  for (let i = 0; i < 1_000_000; i++) it.take(0, 1000, 0)
  t.ok(Math.abs(it.untilFull(0, 0) - TICKS_PER_SECOND) <= 1, `${it.untilFull(0, 0)} ticks`)
})

test('workers share a bucket, and it survives the wrap of the tick counter', async t => {
  const due = new Int32Array(new SharedArrayBuffer(4))
  const limits = { rate: 1000, burst: 1000 }
  const justBefore = 0x7fff_ffff
  bucket(limits, due).take(0, 3000, justBefore)
  const other = bucket(limits, due)
  t.equal(other.wait(0, justBefore), 2 * TICKS_PER_SECOND)
  t.equal(other.wait(0, (justBefore + TICKS_PER_SECOND) | 0), TICKS_PER_SECOND)
})

test('nobody waits longer than an hour, however much it was', async t => {
  const it = bucket({ rate: 1000, burst: 1000 })
  for (let i = 0; i < 10; i++) it.take(0, 1_000_000_000, 0)
  t.equal(it.untilFull(0, 0), 3600 * TICKS_PER_SECOND)
  t.equal(it.left(0, 3600 * TICKS_PER_SECOND), 1000)
})
