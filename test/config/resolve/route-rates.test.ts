import { test } from 'tap'
import { bad, good } from '../../support/config.ts'

const POOL = '\npools: { web: { backends: [http://127.0.0.1:3] } }\n'
const file = (route: string, top = ''): string =>
  `${top}\nlisteners: [{ listen: "http://127.0.0.1:1", pool: web, routes: [${route}] }]${POOL}`

test('a route has rates and a cost of its own, else those of the top; a burst is two seconds', async t => {
  const { routes } = good(
    t,
    {},
    file(
      '{ path: /a, route-request-rate: 50, route-address-rate: 0.25, request-cost: 20 }, { path: /b, route-address-rate: 3, route-address-burst: 9, request-cost: 0 }',
      'route-request-rate: 500',
    ),
  )
  t.match(routes, [
    { routeRequestRate: 50, routeRequestBurst: 100, routeAddressRate: 0.25, routeAddressBurst: 1 },
    { routeRequestRate: 500, routeRequestBurst: 1000, routeAddressRate: 3, routeAddressBurst: 9 },
    { routeRequestRate: 500, routeAddressRate: 0, requestCost: 1 },
  ])
  t.strictSame(
    routes.map(({ requestCost }) => requestCost),
    [20, 0, 1],
  )
})

test('a cost that nobody could pay is told where it is written, and once', async t => {
  const message =
    'a request of 300 tokens is never let in, --request-burst is 200; lower it, or raise that'
  t.match(bad(t, {}, file('{ path: /a, request-cost: 300 }')), [
    new RegExp(`weir.yaml:\\d+:\\d+ .*request-cost: ${message}`),
  ])
  t.strictSame(bad(t, { 'request-cost': '300' }, file('{ path: /a }, { path: /b }')), [
    `--request-cost: ${message}`,
  ])
  t.strictSame(bad(t, { 'request-rate': '0' }, file('{ path: /a, request-cost: 300 }')), [])
})

test('a burst that takes over an hour to refill is told', async t => {
  const [problem, ...more] = bad(
    t,
    {},
    file('{ path: /a, route-address-rate: 0.01, route-address-burst: 37 }'),
  )
  t.match(
    problem,
    /route-address-burst: a burst of 37 at 0.01 per second takes over an hour to refill; lower it to 36/,
  )
  t.strictSame(more, [])
})
