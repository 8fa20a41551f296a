/**
 * Requests per second of a route: `--route-request-rate` of all its clients together, `--route-address-rate` of each.
 *
 * An address on a route is counted in the table of addresses, under words of its own. As the many that one address can
 * have are forgotten before the address itself (shared/address-table.ts), nobody gets rid of a limit by asking everywhere.
 */
import { ADDRESS_WORDS } from '../core/address.ts'
import { TICKS_PER_SECOND } from '../core/clock.ts'
import { hashAddress } from '../core/hash.ts'
import { setRouteWords } from '../core/prefix-words.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import { REQUEST_BUCKET } from '../shared/address-table.ts'
import type { Shared } from '../shared/layout.ts'
import { type Delays, LendingBuckets } from './delays.ts'
import type { Penalties } from './penalties.ts'
import type { RequestPlace } from './request-admission.ts'
import type { Shadow } from './shadow.ts'

const OF_ALL = refusal('route-request-rate')
const OF_ADDRESS = refusal('route-address-rate')

/** 0 is no limit. */
export interface RouteLimits {
  readonly routeRequestRate: number
  readonly routeRequestBurst: number
  readonly routeAddressRate: number
  readonly routeAddressBurst: number
}

export class RouteRates {
  readonly #shared: Shared
  readonly #shadow: Shadow
  readonly #penalties: Penalties
  /** By route; null for no limit. */
  readonly #ofAll: readonly (LendingBuckets | null)[]
  readonly #ofAddress: readonly (LendingBuckets | null)[]
  readonly #words = new Int32Array(ADDRESS_WORDS)
  readonly #hash = new Int32Array(2)

  /** @param routes in the order of their numbers */
  constructor(
    shared: Shared,
    routes: readonly RouteLimits[],
    shadow: Shadow,
    penalties: Penalties,
    delays: Delays | null = null,
  ) {
    const buckets = (words: Int32Array, rate: number, burst: number, refused: number) => {
      const lent = delays === null ? 0 : delays.lent(refused, rate)
      return rate === 0 ? null : new LendingBuckets(words, rate, burst, lent)
    }
    this.#shared = shared
    this.#shadow = shadow
    this.#penalties = penalties
    this.#ofAll = routes.map(({ routeRequestRate: rate, routeRequestBurst: burst }) =>
      buckets(shared.routeBuckets, rate, burst, OF_ALL),
    )
    this.#ofAddress = routes.map(({ routeAddressRate: rate, routeAddressBurst: burst }) =>
      buckets(shared.addresses.words, rate, burst, OF_ADDRESS),
    )
  }

  /**
   * Asks whether a request of a route may be made now. The address comes first: who is over its own limit takes nothing
   * from the others.
   *
   * @param place of the request, which was let in
   * @param now   ticks
   * @returns 0 or the refusal; then `place.retryAfter` is set
   */
  check(route: number, place: RequestPlace, now: number): number {
    const ofAddress = this.#ofAddress[route]!
    if (ofAddress !== null) {
      const wait = this.#takeOfAddress(ofAddress, route, place, now)
      if (wait > 0 && this.#refuses(OF_ADDRESS, place, wait, now)) return OF_ADDRESS
    }
    const ofAll = this.#ofAll[route]!
    if (ofAll === null) return ADMITTED
    const wait = ofAll.take(route, now, 1, OF_ALL, place)
    return wait > 0 && this.#refuses(OF_ALL, place, wait, now) ? OF_ALL : ADMITTED
  }

  #takeOfAddress(buckets: LendingBuckets, route: number, place: RequestPlace, now: number): number {
    const { addresses, options } = this.#shared
    const words = this.#words
    // Those who found no room of their own share one here as well.
    if (!addresses.copyAddress(place.requestSlot, words)) words.fill(0)
    hashAddress(words, options.hashKey, this.#hash)
    setRouteWords(words, route, this.#hash)
    const slot = addresses.pin(words, now)
    const wait = buckets.take(addresses.bucket(slot, REQUEST_BUCKET), now, 1, OF_ADDRESS, place)
    addresses.unpin(slot)
    return wait
  }

  #refuses(refused: number, place: RequestPlace, waitTicks: number, now: number): boolean {
    if (this.#shadow.passes(refused, place)) return false
    this.#penalties.add(place.requestSlot, refused, now, place.isDirect)
    place.retryAfter = Math.max(1, Math.ceil(waitTicks / TICKS_PER_SECOND))
    return true
  }
}
