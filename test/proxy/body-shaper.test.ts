import { test } from 'tap'
import { TICKS_PER_SECOND, ticks } from '../../src/core/clock.ts'
import { ADMITTED } from '../../src/core/refusals.ts'
import type { GuardName } from '../../src/core/governed.ts'
import { BodyRate } from '../../src/guard/body-rate.ts'
import { BodyShaper } from '../../src/proxy/body-shaper.ts'
import { Deadlines } from '../../src/transport/deadlines.ts'
import { makeShared, numbered } from '../support/memory.ts'
import { requestPlace } from '../support/place.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'

/** A minute for what is over the burst, so that no time of the test's own matters. */
function shaper(shadow: readonly GuardName[] = []) {
  const shared = makeShared()
  const limits = { bodyRate: 1000, bodyBurst: 1000 }
  const rate = new BodyRate(shared.addresses, limits, shadowOf(shared, shadow), penaltiesOf(shared))
  const deadlines = new Deadlines(() => {})
  const slice = shared.counters.slice(0)
  const { at } = shared.counters
  let freed = 0
  const slot = shared.addresses.pin(numbered(1), ticks())
  const place = requestPlace(slot)
  const it = new BodyShaper({ rate, deadlines, slice, at, onFree: () => freed++, place })

  return {
    ...{ shared, it, slot, deadlines, rate, place },
    freed: () => freed,
    pauses: () => slice[at.bodyPauses],
  }
}

test('a client over the rate is held until its address is out of debt, and counted once', async t => {
  const { it, slot, deadlines, freed, pauses } = shaper()
  it.begin()
  t.notOk(it.holds(slot))
  it.took(slot, 61_000)
  t.ok(it.holds(slot))
  t.ok(it.holds(slot), 'its backend takes more meanwhile')
  t.equal(pauses(), 1)
  deadlines.advance(58_000)
  t.equal(freed(), 0)
  deadlines.advance(61_000)
  t.equal(freed(), 1)
  t.ok(it.holds(slot), 'others of the address came first')
  t.equal(pauses(), 2)
})

test('a connection that is over, or at its next body, is told no more', async t => {
  const { it, slot, deadlines, freed } = shaper()
  it.took(slot, 11_000)
  t.ok(it.holds(slot))
  it.begin()
  deadlines.advance(20_000)
  t.ok(it.holds(slot))
  it.stop()
  deadlines.advance(60_000)
  t.equal(freed(), 0)
})

test('a request that is over is charged nothing', async t => {
  const { it, slot, rate } = shaper()
  it.took(-1, 61_000)
  t.equal(rate.wait(slot, ticks()), 0)
})

test('in shadow nobody is held, and each body is told once', async t => {
  const { shared, it, slot, pauses, rate, place } = shaper(['body-rate'])
  for (let body = 0; body < 2; body++) {
    t.equal(rate.check(place, body === 0 ? 0 : 1000, ticks()), ADMITTED)
    it.begin()
    for (let i = 0; i < 5; i++) {
      it.took(slot, 31_000)
      t.notOk(it.holds(slot))
    }
  }
  t.ok(rate.wait(slot, ticks()) <= 30 * TICKS_PER_SECOND)
  t.equal(shadowCount(shared, 'body-rate'), 2)
  t.equal(pauses(), 0)
})
