import { test } from 'tap'
import { TICKS_PER_SECOND, ticks } from '../../src/core/clock.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import type { GuardName } from '../../src/core/governed.ts'
import { BodyRate } from '../../src/guard/body-rate.ts'
import { BodyShaper, FREE, HELD, LATE } from '../../src/proxy/body-shaper.ts'
import { Deadlines } from '../../src/transport/deadlines.ts'
import { makeShared, numbered } from '../support/memory.ts'
import { requestPlace } from '../support/place.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'

/** As long as a body waits for others of its address. */
const OTHERS_MS = 10_000

/** Seconds for what is over the burst, so that no time of the test's own matters. */
function shaper(shadow: readonly GuardName[] = []) {
  const shared = makeShared()
  const limits = { bodyRate: 1000, bodyBurst: 1000 }
  const rate = new BodyRate(shared.addresses, limits, shadowOf(shared, shadow), penaltiesOf(shared))
  const deadlines = new Deadlines(() => {})
  const slice = shared.counters.slice(0)
  const { at } = shared.counters
  let freed = 0
  const refused: number[] = []
  const slot = shared.addresses.pin(numbered(1), ticks())
  const place = requestPlace(slot)
  const onRefused = (code: number): void => void refused.push(code)
  const parts = { rate, deadlines, slice, at, onFree: () => freed++, onRefused, place }
  const it = new BodyShaper(parts)

  return {
    ...{ shared, it, slot, deadlines, rate, place, refused, parts },
    hold: () => it.hold(slot, OTHERS_MS),
    freed: () => freed,
    pauses: () => slice[at.bodyPauses],
  }
}

test('a client over the rate is held until its address is out of debt, and counted once', async t => {
  const { it, slot, hold, deadlines, freed, pauses } = shaper()
  it.begin()
  t.equal(hold(), FREE)
  it.took(slot, 9000)
  t.equal(hold(), HELD)
  t.equal(hold(), HELD, 'its backend takes more meanwhile')
  t.equal(pauses(), 1)
  deadlines.advance(6000)
  t.equal(freed(), 0)
  deadlines.advance(9000)
  t.equal(freed(), 1)
  t.equal(hold(), HELD, 'others of the address came first')
  t.equal(pauses(), 2)
})

test('a connection that is over, or at its next body, is told no more', async t => {
  const { it, slot, hold, rate, deadlines, freed } = shaper()
  rate.took(slot, 10_500, ticks())
  t.equal(hold(), HELD)
  it.begin()
  deadlines.advance(20_000)
  t.equal(hold(), HELD)
  it.stop()
  deadlines.advance(60_000)
  t.equal(freed(), 0)
})

test('a request that is over is charged nothing', async t => {
  const { it, slot, rate } = shaper()
  it.took(-1, 61_000)
  t.equal(rate.wait(slot, ticks()), 0)
})

test('a body waits for what others of its address owe, and no longer than a body may be silent', async t => {
  const { slot, hold, rate, refused, freed, deadlines, place, pauses } = shaper()
  rate.took(slot, 10_500, ticks())
  t.equal(hold(), HELD)
  rate.took(slot, 2000, ticks())
  t.equal(hold(), LATE, 'known at once')
  t.strictSame(refused, [refusal('body-rate')])
  t.ok(place.retryAfter > 10)
  deadlines.advance(60_000)
  t.equal(freed(), 0)
  t.equal(pauses(), 1)
})

test('others that come first again and again keep nobody for longer than that', async t => {
  const { slot, hold, rate, deadlines, refused } = shaper()
  rate.took(slot, 6000, ticks())
  t.equal(hold(), HELD)
  deadlines.advance(4000)
  t.equal(hold(), HELD)
  deadlines.advance(7000)
  t.equal(hold(), LATE)
  t.strictSame(refused, [refusal('body-rate')])
})

test('who has waited longer wakes sooner than who begins to wait', async t => {
  const { slot, rate, deadlines, parts } = shaper()
  const woken: string[] = []
  const begins = new BodyShaper({ ...parts, onFree: () => woken.push('begins') })
  const waits = new BodyShaper({ ...parts, onFree: () => woken.push('waits') })
  rate.took(slot, 4000, ticks())
  t.equal(waits.hold(slot, OTHERS_MS), HELD)
  deadlines.advance(1000)
  t.equal(begins.hold(slot, OTHERS_MS), HELD)
  t.equal(waits.hold(slot, OTHERS_MS), HELD)
  deadlines.advance(5000)
  t.strictSame(woken, ['waits', 'begins'])
})

test('what it sent itself a body waits for as long as that takes', async t => {
  const { it, slot, hold, rate } = shaper()
  it.took(slot, 61_000)
  t.equal(hold(), HELD)
  rate.took(slot, 9000, ticks())
  t.equal(hold(), HELD)
  rate.took(slot, 4000, ticks())
  t.equal(hold(), LATE)
  it.begin()
  t.equal(hold(), LATE, 'the next body has sent nothing')
})

test('in shadow nobody is held, and each body is told once', async t => {
  const { shared, it, slot, hold, pauses, rate, place } = shaper(['body-rate'])
  for (let body = 0; body < 2; body++) {
    t.equal(rate.check(place, body === 0 ? 0 : 1000, ticks()), ADMITTED)
    it.begin()
    for (let i = 0; i < 5; i++) {
      it.took(slot, 31_000)
      t.equal(hold(), FREE)
    }
  }
  t.ok(rate.wait(slot, ticks()) <= 30 * TICKS_PER_SECOND)
  t.equal(shadowCount(shared, 'body-rate'), 2)
  t.equal(pauses(), 0)
})
