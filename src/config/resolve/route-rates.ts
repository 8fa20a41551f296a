/** Rates of routes, and what their requests cost, by the flags of scope `route`. */
import type { RouteConfig } from '../config.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'

const BURST_SECONDS = 2
const REFILL_SECONDS_MAX = 3600
const BURST_MAX = { request: 1_000_000, address: 100_000 }

type Rates = Pick<
  RouteConfig,
  | 'routeRequestRate'
  | 'routeRequestBurst'
  | 'routeAddressRate'
  | 'routeAddressBurst'
  | 'requestCost'
>

/**
 * @param where how to call the place of a key
 * @param all   what is set for all routes: what is wrong with that is told there, and once
 */
export function resolveRouteRates(
  settings: Settings,
  where: (key: string) => string,
  problems: Problem[],
  all?: Settings,
): Rates {
  const cost = settings['request-cost']!
  const tokens = settings['request-burst']!
  if (settings['request-rate'] !== 0 && cost > tokens && cost !== all?.['request-cost']) {
    problems.push({
      where: where('request-cost'),
      message: `a request of ${cost} tokens is never let in, --request-burst is ${tokens}; lower it, or raise that`,
    })
  }
  return {
    routeRequestRate: settings['route-request-rate']!,
    routeRequestBurst: burst('request'),
    routeAddressRate: settings['route-address-rate']!,
    routeAddressBurst: burst('address'),
    requestCost: cost,
  }

  function burst(kind: 'request' | 'address'): number {
    const rate = settings[`route-${kind}-rate`]!
    const wanted = Math.min(BURST_MAX[kind], Math.max(1, Math.round(rate * BURST_SECONDS)))
    const given = settings[`route-${kind}-burst`] ?? wanted
    const isOwn =
      rate !== all?.[`route-${kind}-rate`] ||
      settings[`route-${kind}-burst`] !== all?.[`route-${kind}-burst`]
    if (rate !== 0 && given / rate > REFILL_SECONDS_MAX && isOwn) {
      problems.push({
        where: where(`route-${kind}-burst`),
        message: `a burst of ${given} at ${rate} per second takes over an hour to refill; lower it to ${Math.max(1, Math.floor(rate * REFILL_SECONDS_MAX))}`,
      })
    }
    return given
  }
}
