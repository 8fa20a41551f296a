import { test } from 'tap'
import { refusal } from '../../src/core/refusals.ts'
import { BodyRate } from '../../src/guard/body-rate.ts'
import { RouteRates } from '../../src/guard/route-rates.ts'
import { RateLimitFields } from '../../src/proxy/rate-limit-fields.ts'
import { RouteBudgets } from '../../src/proxy/route-budgets.ts'
import { ticks } from '../../src/core/clock.ts'
import type { Shared } from '../../src/shared/layout.ts'
import { NO_LIMITS } from '../support/limits.ts'
import { makeShared, numbered } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowOf } from '../support/shadow.ts'
import { TRIED } from '../support/place.ts'

function fieldsOf(shared: Shared, bodyRate = 0): RateLimitFields {
  const options = { ...NO_LIMITS, bodyRate, bodyBurst: 2 * bodyRate }
  return new RateLimitFields(shared.addresses, { ...options, rateLimitFields: 'refused' })
}

/** Of address number `n`, on a route with limits; its body may take 10 s. */
function requestOf(shared: Shared, n: number, hasBody: boolean) {
  return {
    head: { hasBody },
    route: { index: 0, isLimited: true, config: { bodyTimeoutMs: 10_000 } },
    client: {
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
    },
  }
}

test('a client is told which budget of the route is spent, and when to come back', async t => {
  const shared = makeShared()
  const limits = [
    { routeRequestRate: 0.5, routeRequestBurst: 2, routeAddressRate: 0.25, routeAddressBurst: 1 },
  ]
  const rates = new RouteRates(shared, limits, shadowOf(shared), penaltiesOf(shared))
  const fields = fieldsOf(shared)
  const budgets = new RouteBudgets(rates, limits, fields, null)
  const told: unknown[] = []
  const ask = (n: number): boolean =>
    budgets.refuses({
      ...requestOf(shared, n, false),
      onRefused: (...how) => told.push(how),
    })
  t.notOk(ask(1))
  t.strictSame(told, [])
  t.ok(ask(1))
  t.notOk(ask(2))
  t.ok(ask(3))
  t.strictSame(told, [
    [
      refusal('route-address-rate'),
      429,
      'RateLimit-Policy: "route-address-rate";q=1;w=4\r\nRateLimit: "route-address-rate";r=0;t=4\r\n',
    ],
    [
      refusal('route-request-rate'),
      429,
      'RateLimit-Policy: "route-request-rate";q=2;w=4\r\nRateLimit: "route-request-rate";r=0;t=2\r\n',
    ],
  ])
})

test('a body is refused before it is sent if it would wait too long; a request without one is not', async t => {
  const shared = makeShared()
  const limits = [
    { routeRequestRate: 0, routeRequestBurst: 1, routeAddressRate: 0, routeAddressBurst: 1 },
  ]
  const [shadow, penalties] = [shadowOf(shared), penaltiesOf(shared)]
  const bytes = { bodyRate: 1000, bodyBurst: 2000 }
  const bodies = new BodyRate(shared.addresses, bytes, shadow, penalties)
  const rates = new RouteRates(shared, limits, shadow, penalties)
  const budgets = new RouteBudgets(rates, limits, fieldsOf(shared, 1000), bodies)
  const told: unknown[] = []
  const onRefused = (...how: unknown[]) => told.push(how)
  const ask = (hasBody: boolean): boolean =>
    budgets.refuses({ ...requestOf(shared, 1, hasBody), onRefused })
  const { requestSlot } = requestOf(shared, 1, true).client
  bodies.took(requestSlot, 11_000, ticks())
  t.notOk(ask(true), 'nine seconds')
  bodies.took(requestSlot, 60_000, ticks())
  t.ok(ask(true))
  t.strictSame(told, [[refusal('body-rate'), 429, '']])
  t.notOk(ask(false))
})
