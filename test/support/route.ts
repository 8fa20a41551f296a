/** Routes for unit tests, without pools behind them. */
import type { RouteConfig } from '../../src/config/config.ts'
import { Route } from '../../src/proxy/route.ts'

const PLAIN: RouteConfig = {
  name: 'last',
  shared: false,
  host: '',
  path: '/',
  exact: false,
  pool: -1,
  stripPrefix: false,
  rewriteHost: '',
  requestFields: { remove: [], set: [], add: [] },
  responseFields: { remove: [], set: [], add: [] },
  bodyTimeoutMs: 1000,
  responseTimeoutMs: 1000,
  exchangeTimeoutMs: 0,
  bodyMax: 0,
  requestBuffer: 0,
  requestBufferSilenceMs: 0,
  routeRequestRate: 0,
  routeRequestBurst: 1,
  routeAddressRate: 0,
  routeAddressBurst: 1,
  requestCost: 1,
  auth: {
    policy: null,
    methods: [],
    passesPreflights: false,
    removesCredential: false,
    resourceMetadata: '',
  },
}

export function testRoute(config: Partial<RouteConfig> = {}): Route {
  return new Route(0, { ...PLAIN, ...config }, null)
}
