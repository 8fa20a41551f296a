import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { type BucketOptions, TokenBuckets } from '../../src/guard/token-buckets.ts'
import { hammer } from '../support/hammer.ts'

const interval = TICKS_PER_SECOND / 8

function bucket(options: BucketOptions) {
  return new TokenBuckets(new Int32Array(new SharedArrayBuffer(4)), options)
}

test('a full bucket gives its whole burst at once, then one token per interval', async t => {
  const b = bucket({ rate: 8, burst: 3 })
  t.equal(b.take(0, 0), 0)
  t.equal(b.take(0, 0), 0)
  t.equal(b.take(0, 0), 0)
  t.equal(b.take(0, 0), interval, 'the fourth waits a whole interval')
  t.equal(b.take(0, interval), 0)
  t.equal(b.take(0, interval), interval)
})

test('an idle bucket never holds more than its burst', async t => {
  const b = bucket({ rate: 8, burst: 2 })
  const later = 3600 * TICKS_PER_SECOND
  t.equal(b.take(0, later), 0)
  t.equal(b.take(0, later), 0)
  t.equal(b.take(0, later), interval)
})

test('several tokens are taken together, or none', async t => {
  const b = bucket({ rate: 8, burst: 10 })
  t.equal(b.take(0, 0, 0, 4), 0)
  t.equal(b.take(0, 0, 0, 4), 0)
  t.equal(b.left(0, 0), 2)
  t.equal(b.take(0, 0, 0, 4), 2 * interval)
  t.equal(b.left(0, 0), 2)
  t.equal(b.take(0, 2 * interval, 0, 4), 0)
  t.equal(b.take(0, 100 * interval, 0, 10), 0, 'the whole burst')
})

test('a bucket survives the wrap of the tick counter', async t => {
  const b = bucket({ rate: 8, burst: 1 })
  const justBefore = 0x7fff_ffff
  t.equal(b.take(0, justBefore), 0)
  t.equal(b.take(0, (justBefore + 1) | 0), interval - 1)
  t.equal(b.take(0, (justBefore + interval) | 0), 0)
})

test('a rate below one per second waits its seconds', async t => {
  const b = bucket({ rate: 0.5, burst: 1 })
  t.equal(b.take(0, 0), 0)
  t.equal(b.take(0, 0), 2 * TICKS_PER_SECOND)
})

test('a worker that looked at the clock too early does not find a full bucket', async t => {
  const b = bucket({ rate: 8, burst: 2 })
  const now = 10 * TICKS_PER_SECOND
  t.equal(b.take(0, now), 0)
  t.equal(b.take(0, now), 0)
  t.ok(b.take(0, now - TICKS_PER_SECOND) > 0, 'a second late')
})

test('N threads that hammer one bucket are admitted what one would be', async t => {
  for (const options of [
    { rate: 1000, burst: 50 },
    { rate: 8, burst: 3 },
  ]) {
    // A busy machine may leave all threads without a processor, and tokens untaken; it never makes
    // more of them. So no round may admit too many, and one of them has to admit enough.
    let missing = Number.POSITIVE_INFINITY
    for (let round = 0; round < 20 && missing > 1; round++) {
      const { admitted, elapsedTicks } = await hammer({ threads: 4, ms: 1000, ...options })
      const intervalTicks = Math.round(TICKS_PER_SECOND / options.rate)
      const expected = options.burst + Math.floor(elapsedTicks / intervalTicks)
      t.ok(admitted <= expected, `${admitted} of at most ${expected}`)
      missing = expected - admitted
    }
    t.ok(missing <= 1, `${missing} too few`)
  }
})

test('what is left and when it is full again are told without taking anything', async t => {
  const words = new Int32Array(new SharedArrayBuffer(4))
  const buckets = new TokenBuckets(words, { rate: 1, burst: 3 })
  t.strictSame([buckets.left(0, 0), buckets.untilFull(0, 0)], [3, 0])
  for (let left = 2; left >= 0; left--) {
    t.equal(buckets.take(0, 0), 0)
    t.equal(buckets.left(0, 0), left)
    t.equal(buckets.untilFull(0, 0), (3 - left) * TICKS_PER_SECOND)
  }
  t.equal(buckets.left(0, TICKS_PER_SECOND), 1)
})

test('of a reserve nobody takes who is not to, and it fills up first', async t => {
  const b = bucket({ rate: 8, burst: 4 })
  t.strictSame([b.take(0, 0, 2), b.take(0, 0, 2)], [0, 0])
  t.equal(b.take(0, 0, 2), interval, 'the last two are not for it')
  t.equal(b.wait(0, 0, 2), interval)
  t.equal(b.wait(0, 0), 0)
  t.strictSame([b.take(0, 0), b.take(0, 0), b.take(0, 0)], [0, 0, interval])
  t.equal(b.take(0, 0, 2), 3 * interval)
  t.equal(b.take(0, 2 * interval, 2), interval, 'the reserve is whole')
  t.equal(b.take(0, 3 * interval, 2), 0)
})

test('what is given back is there again, and a full bucket holds no more', async t => {
  const b = bucket({ rate: 8, burst: 2 })
  t.strictSame([b.take(0, 0), b.take(0, 0)], [0, 0])
  b.giveBack(0, 0)
  t.strictSame([b.take(0, 0), b.take(0, 0)], [0, interval])
  for (let i = 0; i < 5; i++) b.giveBack(0, 0)
  t.strictSame([b.take(0, 0), b.take(0, 0), b.take(0, 0)], [0, 0, interval])
})

test('N threads of which some leave a reserve are admitted what one would be', async t => {
  const options = { threads: 4, ms: 500, rate: 1000, burst: 400, reserves: [200, 0, 200, 200] }
  let missing = Number.POSITIVE_INFINITY
  for (let round = 0; round < 20 && missing > 1; round++) {
    const { admitted, byThread, elapsedTicks } = await hammer(options)
    const refilled = Math.floor(elapsedTicks / Math.round(TICKS_PER_SECOND / options.rate))
    const others = admitted - byThread[1]!
    t.ok(others <= 200 + refilled, `${others} without the reserve, of at most ${200 + refilled}`)
    t.ok(byThread[1]! >= 200, `${byThread[1]!} of the reserve`)
    t.ok(admitted <= 400 + refilled, `${admitted} of at most ${400 + refilled}`)
    missing = 400 + refilled - admitted
  }
  t.ok(missing <= 1, `${missing} too few`)
})
