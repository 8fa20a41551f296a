import { test } from 'tap'
import { actions } from '../../src/core/actions.ts'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { refusal } from '../../src/core/refusals.ts'
import { type DelayOptions, Delays, LendingBuckets } from '../../src/guard/delays.ts'

const RATE = refusal('request-rate')
const options: DelayOptions = {
  actions: [
    { guard: 'request-rate', action: 'delay' },
    { guard: 'route-request-rate', action: 'delay' },
    { guard: 'prefix-request-rate', action: 'close' },
  ],
  shadow: ['route-request-rate'],
  delayTimeMs: 500,
}

test('who delays lends what comes back within the time, and who is on trial does not', async t => {
  const delays = new Delays(options, 1, () => {})
  t.equal(delays.lent(RATE, 10), 5)
  t.equal(delays.lent(RATE, 1), 0, 'a token takes longer than anybody is held')
  t.equal(delays.lent(refusal('route-request-rate'), 10), 0)
  t.equal(delays.lent(refusal('prefix-request-rate'), 10), 0)
})

test('lent tokens are due one after the other, at the rate', async t => {
  const buckets = new LendingBuckets(new Int32Array(1), 10, 3, 5)
  const waits: number[] = []
  for (let i = 0; i < 10; i++) {
    const request = { delayTicks: 0, delayedBy: -1 }
    const refused = buckets.take(0, 1000, 1, RATE, request) !== 0
    waits.push(refused ? -1 : Math.round((request.delayTicks * 10) / TICKS_PER_SECOND))
    t.equal(request.delayedBy, request.delayTicks > 0 ? RATE : -1)
  }
  t.strictSame(waits, [0, 0, 0, 1, 2, 3, 4, 5, -1, -1], 'in tenths of a second')
  const later = { delayTicks: 0, delayedBy: -1 }
  t.equal(buckets.take(0, 1000 + TICKS_PER_SECOND, 1, RATE, later), 0)
  t.equal(later.delayTicks, 0, 'a second later there are tokens again')
})

test('a longer wait for tokens of somebody else stands', async t => {
  const buckets = new LendingBuckets(new Int32Array(1), 10, 1, 5)
  const request = { delayTicks: TICKS_PER_SECOND, delayedBy: 7 }
  buckets.take(0, 0, 1, RATE, request)
  buckets.take(0, 0, 1, RATE, request)
  t.strictSame(request, { delayTicks: TICKS_PER_SECOND, delayedBy: 7 })
})

test('so many are held at once, and the next is refused', async t => {
  const taken: number[] = []
  const delays = new Delays(options, 1, (_, action) => taken.push(action))
  const seen: unknown[] = []
  const exchange = () => ({
    client: {
      delayTicks: TICKS_PER_SECOND / 4,
      delayedBy: RATE,
      retryAfter: 0,
      beginHold: (_: Delays, ms: number) => void seen.push(['held', ms]),
    },
    waitFor: (ms: number) => void seen.push(['waits', ms]),
    onRefused: (...how: unknown[]) => void seen.push(how),
  })
  delays.hold(exchange())
  const second = exchange()
  delays.hold(second)
  t.strictSame(seen.splice(0), [
    ['held', 250],
    ['waits', 250],
    [RATE, 429, ''],
  ])
  t.equal(second.client.retryAfter, 1)
  t.equal(delays.size, 1)
  delays.leave()
  delays.hold(exchange())
  t.equal(seen.length, 2)
  t.strictSame(taken, [actions.indexOf('delay'), actions.indexOf('delay')])
})
