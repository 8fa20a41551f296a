import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import type { GuardName } from '../../src/core/governed.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import type { RequestPlace } from '../../src/guard/request-admission.ts'
import { type RouteLimits, RouteRates } from '../../src/guard/route-rates.ts'
import type { Shared } from '../../src/shared/layout.ts'
import { makeShared, numbered } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'
import { TRIED } from '../support/place.ts'

const OF_ALL = refusal('route-request-rate')
const OF_ADDRESS = refusal('route-address-rate')
const NONE: RouteLimits = {
  routeRequestRate: 0,
  routeRequestBurst: 1,
  routeAddressRate: 0,
  routeAddressBurst: 1,
}

function rates(
  routes: readonly Partial<RouteLimits>[],
  shared = makeShared(),
  shadow: readonly GuardName[] = [],
) {
  const limits = routes.map(each => ({ ...NONE, ...each }))
  const penalties = penaltiesOf(shared, { banThreshold: 100 })
  return {
    shared,
    penalties,
    it: new RouteRates(shared, limits, shadowOf(shared, shadow), penalties),
  }
}

/** The place of a request of address number `n`. */
function from(shared: Shared, n: number): RequestPlace {
  return {
    ...TRIED,
    requestSlot: shared.addresses.pin(numbered(n), 0),
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
}

test('a route has one budget for all its clients, over all workers, and each route its own', async t => {
  const limits = [{ routeRequestRate: 0.25, routeRequestBurst: 2 }, {}]
  const { shared, penalties, it } = rates(limits)
  const other = rates(limits, shared).it
  const [a, b] = [from(shared, 1), from(shared, 2)]
  t.equal(it.check(0, a, 0), ADMITTED)
  t.equal(other.check(0, b, 0), ADMITTED)
  t.equal(it.check(0, b, 0), OF_ALL)
  t.equal(b.retryAfter, 4)
  t.equal(penalties.score(b.requestSlot, 0), 0, 'it may have been the others')
  t.equal(it.check(1, b, 0), ADMITTED, 'a route without limits')
  t.equal(it.check(0, b, 4 * TICKS_PER_SECOND), ADMITTED)
})

test('each address has a budget on each route, and points for going over it', async t => {
  const limits = { routeAddressRate: 0.5, routeAddressBurst: 1 }
  const { shared, penalties, it } = rates([limits, limits])
  const other = rates([limits, limits], shared).it
  const [a, b] = [from(shared, 1), from(shared, 2)]
  t.equal(it.check(0, a, 0), ADMITTED)
  t.equal(other.check(0, a, 0), OF_ADDRESS, 'in another worker as well')
  t.equal(a.retryAfter, 2)
  t.equal(penalties.score(a.requestSlot, 0), 1)
  t.equal(it.check(1, a, 0), ADMITTED)
  t.equal(it.check(0, b, 0), ADMITTED)
  t.equal(it.check(0, a, 2 * TICKS_PER_SECOND), ADMITTED)
})

test('an address over its own limit takes nothing from the others', async t => {
  const { shared, it } = rates([
    { routeAddressRate: 1, routeAddressBurst: 1, routeRequestRate: 1, routeRequestBurst: 2 },
  ])
  const [a, b] = [from(shared, 1), from(shared, 2)]
  t.equal(it.check(0, a, 0), ADMITTED)
  for (let i = 0; i < 10; i++) t.equal(it.check(0, a, 0), OF_ADDRESS)
  t.equal(it.check(0, b, 0), ADMITTED)
})

test('in shadow both are counted, and let in', async t => {
  const limits = { routeAddressRate: 1, routeAddressBurst: 1, routeRequestRate: 1 }
  const tried = ['route-address-rate', 'route-request-rate'] as const
  const { shared, penalties, it } = rates([limits], makeShared(), tried)
  const a = from(shared, 1)
  for (let i = 0; i < 3; i++) t.equal(it.check(0, a, 0), ADMITTED)
  t.equal(shadowCount(shared, 'route-address-rate'), 2)
  t.equal(shadowCount(shared, 'route-request-rate'), 2)
  t.equal(penalties.score(a.requestSlot, 0), 0)
})

test('it holds nothing: what it counts under is free again at once', async t => {
  const { shared, it } = rates([{ routeAddressRate: 1000 }], makeShared({ addresses: 1 }))
  const a = from(shared, 1)
  it.check(0, a, 0)
  const later = 3600 * TICKS_PER_SECOND
  for (let n = 2; n < 9; n++) shared.addresses.acquire(numbered(n), later + n)
  t.equal(shared.addresses.overflows, 0, 'eight slots, all of them to be had')
})
