/** What is asked of a request once its route is known, and how a client is told that the route has no more of it now. */
import { ticks } from '../core/clock.ts'
import { ADMITTED, refusal, refusals } from '../core/refusals.ts'
import type { BodyRate } from '../guard/body-rate.ts'
import type { RequestPlace } from '../guard/request-admission.ts'
import type { RouteLimits, RouteRates } from '../guard/route-rates.ts'
import type { RateLimitFields } from './rate-limit-fields.ts'

const OF_ADDRESS = refusal('route-address-rate')
const STATUS = 429

/** The exchange, as far as this step needs to know it. */
export interface Routed {
  readonly head: { readonly hasBody: boolean }
  readonly route: {
    readonly index: number
    readonly isLimited: boolean
    readonly config: { readonly bodyTimeoutMs: number }
  }
  readonly client: RequestPlace
  onRefused(refused: number, status: number, lines: string): void
}

export class RouteBudgets {
  readonly #rates: RouteRates
  readonly #limits: readonly RouteLimits[]
  readonly #fields: RateLimitFields
  readonly #bodyRate: BodyRate | null

  /** @param limits by number of the route. @param bodyRate null for no limit */
  constructor(
    rates: RouteRates,
    limits: readonly RouteLimits[],
    fields: RateLimitFields,
    bodyRate: BodyRate | null,
  ) {
    this.#bodyRate = bodyRate
    this.#rates = rates
    this.#limits = limits
    this.#fields = fields
  }

  /** @returns whether it was refused; the exchange has been told */
  refuses(exchange: Routed): boolean {
    const { route, head } = exchange
    if (route.isLimited && this.#refusesRate(exchange)) return true
    return this.#bodyRate !== null && head.hasBody && this.#refusesBody(exchange, this.#bodyRate)
  }

  #refusesBody(exchange: Routed, bodyRate: BodyRate): boolean {
    const { route, client } = exchange
    const refused = bodyRate.check(client, route.config.bodyTimeoutMs, ticks())
    if (refused !== ADMITTED) exchange.onRefused(refused, STATUS, '')
    return refused !== ADMITTED
  }

  #refusesRate(exchange: Routed): boolean {
    const { route, client } = exchange
    const refused = this.#rates.check(route.index, client, ticks())
    if (refused === ADMITTED) return false
    const limits = this.#limits[route.index]!
    const rate = refused === OF_ADDRESS ? limits.routeAddressRate : limits.routeRequestRate
    const burst = refused === OF_ADDRESS ? limits.routeAddressBurst : limits.routeRequestBurst
    const name = refusals[refused]![0]
    const lines = this.#fields.refusedRate(name, rate, burst, client.retryAfter)
    exchange.onRefused(refused, STATUS, lines)
    return true
  }
}
