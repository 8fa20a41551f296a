import { test } from 'tap'
import { StandingDelay } from '../../src/guard/standing-delay.ts'

/** Steps with these delays, as late as they say. @returns the last thing told, and the most */
function run(delays: readonly number[]): { last: number; most: number } {
  const standing = new StandingDelay()
  let now = 0
  let last = 0
  let most = 0
  for (const delay of delays) {
    now += 50 + delay
    last = standing.add(delay, now)
    most = Math.max(most, last)
  }
  return { last, most }
}

test('one that is late all the time is told as that, within a second', async t => {
  t.equal(run(Array.from({ length: 5 }, () => 300)).last, 300)
  t.equal(run([310, 300, 320, 300, 305, 330]).last, 300, 'the least')
})

test('one that was late once is not, however late', async t => {
  t.equal(run([0, 0, 0, 5000, 0, 0, 0]).most, 0)
  t.equal(run([5000, 0, 0, 0]).most, 0, 'nor at its very begin')
})

test('one that catches up now and then is not late all the time', async t => {
  t.ok(run(Array.from({ length: 50 }, (_, i) => (i % 4 === 0 ? 10 : 400))).last <= 10)
})

test('it is over a second after the loop has caught up', async t => {
  const late = Array.from({ length: 10 }, () => 400)
  t.equal(run([...late, ...Array.from({ length: 2 }, () => 0)]).last, 0)
})
