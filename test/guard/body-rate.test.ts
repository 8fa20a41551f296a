import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import type { GuardName } from '../../src/core/governed.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { BodyRate } from '../../src/guard/body-rate.ts'
import { makeShared, numbered } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'
import { TRIED } from '../support/place.ts'

const LIMITS = { bodyRate: 1000, bodyBurst: 2000 }

function rate(shadow: readonly GuardName[] = [], shared = makeShared(), limits = LIMITS) {
  const penalties = penaltiesOf(shared, { banThreshold: 100 })
  const it = new BodyRate(shared.addresses, limits, shadowOf(shared, shadow), penalties)
  const place = {
    ...TRIED,
    requestSlot: shared.addresses.pin(numbered(1), 0),
    requestPrefixSlot: -1,
    requestLine: -1,
    holdsSlot: true,
    isDirect: true,
    retryAfter: 0,
    delayTicks: 0,
    delayedBy: 0,
    banCounted: false,
    bodyCounted: false,
  }
  return { shared, penalties, it, place, slot: place.requestSlot }
}

test('an address has its burst at once, then waits; another one does not', async t => {
  const { shared, it, slot } = rate()
  it.took(slot, 2000, 0)
  t.equal(it.wait(slot, 0), 0)
  it.took(slot, 500, 0)
  t.equal(it.wait(slot, 0), TICKS_PER_SECOND / 2)
  t.equal(rate([], shared).it.wait(slot, 0), TICKS_PER_SECOND / 2, 'in another worker as well')
  t.equal(it.wait(shared.addresses.pin(numbered(2), 0), 0), 0)
})

test('a request is refused if its body would wait too long, and told when it would not', async t => {
  const { it, place, slot, penalties } = rate()
  it.took(slot, 12_000, 0)
  t.equal(it.check(place, 10_000, 0), ADMITTED)
  it.took(slot, 1500, 0)
  t.equal(it.check(place, 10_000, 0), refusal('body-rate'))
  t.equal(place.retryAfter, 12)
  t.equal(penalties.score(slot, 0), 1)
  t.equal(it.check(place, 10_000, 2 * TICKS_PER_SECOND), ADMITTED)
})

test('a turn is a quarter of a second of the rate, what is left, or 16 KiB', async t => {
  const { it, slot } = rate()
  t.equal(it.turn(slot, 0), 16_384)
  const fast = rate([], makeShared(), { bodyRate: 1_000_000, bodyBurst: 2_000_000 })
  t.equal(fast.it.turn(fast.slot, 0), 2_000_000)
  fast.it.took(fast.slot, 2_000_000, 0)
  t.equal(fast.it.turn(fast.slot, 0), 250_000)
  t.equal(fast.it.worth(250_000), TICKS_PER_SECOND / 4)
})

test('in shadow nobody is refused, and nobody goes into debt', async t => {
  const { shared, it, place, slot } = rate(['body-rate'])
  t.ok(it.isTried)
  t.ok(it.turn(slot, 0) > 1e9, 'it is read as without it')
  for (let i = 0; i < 1000; i++) it.took(slot, 20_000, 0)
  t.equal(it.wait(slot, 0), 18 * TICKS_PER_SECOND, 'of one read')
  t.equal(it.check(place, 10_000, 0), ADMITTED)
  it.note(place)
  t.equal(shadowCount(shared, 'body-rate'), 1, 'as that has been counted')
  t.equal(it.check(place, 20_000, 0), ADMITTED)
  it.note(place)
  it.note(place)
  t.equal(shadowCount(shared, 'body-rate'), 2, 'a next one')
})
