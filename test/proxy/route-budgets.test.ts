import { test } from 'tap'
import { refusal } from '../../src/core/refusals.ts'
import { RouteRates } from '../../src/guard/route-rates.ts'
import { RateLimitFields } from '../../src/proxy/rate-limit-fields.ts'
import { RouteBudgets } from '../../src/proxy/route-budgets.ts'
import { NO_LIMITS } from '../support/limits.ts'
import { makeShared, numbered } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowOf } from '../support/shadow.ts'

test('a client is told which budget of the route is spent, and when to come back', async t => {
  const shared = makeShared()
  const limits = [
    { routeRequestRate: 0.5, routeRequestBurst: 2, routeAddressRate: 0.25, routeAddressBurst: 1 },
  ]
  const rates = new RouteRates(shared, limits, shadowOf(shared), penaltiesOf(shared))
  const fields = new RateLimitFields(shared.addresses, { ...NO_LIMITS, rateLimitFields: 'refused' })
  const budgets = new RouteBudgets(rates, limits, fields)
  const told: unknown[] = []
  const ask = (n: number): boolean =>
    budgets.refuses({
      route: { index: 0 },
      client: {
        requestSlot: shared.addresses.pin(numbered(n), 0),
        requestPrefixSlot: -1,
        requestLine: -1,
        holdsSlot: true,
        isDirect: true,
        retryAfter: 0,
      },
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
