/** The budgets that an address shares with others, as they stand now: its network's, those of routes, the host's. */
import type { Config } from '../config/config.ts'
import { ADDRESS_WORDS } from '../core/address.ts'
import { hashAddress } from '../core/hash.ts'
import { formatCounted, setRouteWords } from '../core/prefix-words.ts'
import { Delays } from '../guard/delays.ts'
import { handshakesKept } from '../guard/host-handshake-rate.ts'
import { prefixLimits, WiderPrefix } from '../guard/wider-prefix.ts'
import { refusal, type RefusalName } from '../core/refusals.ts'
import {
  AUTH_BUCKET,
  CONNECTION_BUCKET,
  ERROR_BUCKET,
  HANDSHAKE_BUCKET,
  REQUEST_BUCKET,
  STATE_BUCKETS,
  STATE_CONNECTIONS,
  STATE_REQUESTS,
  STATE_WORDS,
} from '../shared/address-table.ts'
import { HOST_HANDSHAKES, type Shared } from '../shared/layout.ts'
import { type Budget, type ToldBucket, tellBudget } from './told-budget.ts'

/** The network of an address against its limits: those of an address, `--prefix-multiple` times. */
export interface ToldNetwork {
  readonly cidr: string
  readonly multiple: number
  readonly is_known: boolean
  readonly connections: number
  readonly connections_max: number
  readonly requests: number
  readonly requests_max: number
  readonly buckets: readonly ToldBucket[]
}

export interface ToldRoute {
  readonly route: string
  /** Of all its clients, and of this address there. */
  readonly buckets: readonly ToldBucket[]
}

export interface ToldHost extends ToldBucket {
  /** Of what is left: for addresses without a good record. */
  readonly left_for_strangers: number
}

/** What is not counted is absent, or empty. */
export interface ToldWider {
  readonly network?: ToldNetwork
  readonly routes?: readonly ToldRoute[]
  readonly host?: readonly ToldHost[]
}

type Parts = Pick<Shared, 'addresses' | 'hostBuckets' | 'routeBuckets' | 'options'>

export class WiderStates {
  readonly #config: Config
  readonly #shared: Parts
  readonly #prefix: WiderPrefix
  readonly #delays: Delays
  readonly #limits: Config['guards']
  readonly #networkBudgets: readonly (readonly [place: number, budget: Budget])[]

  constructor(config: Config, shared: Parts) {
    const { guards } = config
    this.#config = config
    this.#shared = shared
    this.#prefix = new WiderPrefix(guards)
    this.#delays = new Delays(guards, 0, () => {})
    const limits = prefixLimits(guards, guards.prefixMultiple)
    this.#limits = limits
    const { connectionRate, connectionBurst, handshakeRate, handshakeBurst } = limits
    const { requestRate, requestBurst, errorRate, errorBurst } = limits
    const { authFailureRate, authFailureBurst } = limits
    const lent = requestRate === 0 ? 0 : this.#lent('prefix-request-rate', requestRate)
    const rows: readonly (readonly [number, Budget])[] = [
      [CONNECTION_BUCKET, budget('connection-rate', connectionRate, connectionBurst)],
      [HANDSHAKE_BUCKET, budget('handshake-rate', handshakeRate, handshakeBurst)],
      [REQUEST_BUCKET, budget('request-rate', requestRate, requestBurst, lent)],
      [ERROR_BUCKET, budget('error-rate', errorRate, errorBurst)],
      [AUTH_BUCKET, budget('auth-failure-rate', authFailureRate, authFailureBurst)],
    ]
    this.#networkBudgets = rows.filter(([, { rate }]) => rate !== 0)
  }

  /** All of them. @param counted the address without what does not count; @param now ticks */
  of(
    address: Int32Array,
    counted: Int32Array,
    now: number,
  ): Required<Omit<ToldWider, 'network'>> & ToldWider {
    const network = this.network(address, now)
    return {
      ...(network === null ? {} : { network }),
      routes: this.#config.routes.flatMap((_, i) => this.route(i, counted, now) ?? []),
      host: this.host(now),
    }
  }

  /** @returns null where networks are not counted */
  network(address: Int32Array, now: number): ToldNetwork | null {
    const words = this.#prefix.of(address)
    if (words === null) return null
    const state = this.#stateOf(words)
    const known = state ?? new Int32Array(STATE_WORDS).fill(now)
    return {
      cidr: formatCounted(words),
      multiple: this.#config.guards.prefixMultiple,
      is_known: state !== null,
      connections: state?.[STATE_CONNECTIONS] ?? 0,
      connections_max: this.#limits.connectionsPerAddress,
      requests: state?.[STATE_REQUESTS] ?? 0,
      requests_max: this.#limits.requestsPerAddress,
      buckets: this.#networkBudgets.map(([place, each]) =>
        tellBudget(each, known, STATE_BUCKETS + place, now),
      ),
    }
  }

  /** @param route its number; @returns null where it limits nobody */
  route(route: number, counted: Int32Array, now: number): ToldRoute | null {
    const limits = this.#config.routes[route]
    if (limits === undefined) return null
    const { routeRequestRate, routeRequestBurst, routeAddressRate, routeAddressBurst } = limits
    const buckets: ToldBucket[] = []
    if (routeRequestRate !== 0) {
      const lent = this.#lent('route-request-rate', routeRequestRate)
      const all = budget('route-request-rate', routeRequestRate, routeRequestBurst, lent)
      buckets.push(tellBudget(all, this.#shared.routeBuckets, route, now))
    }
    if (routeAddressRate !== 0) {
      const lent = this.#lent('route-address-rate', routeAddressRate)
      const own = budget('route-address-rate', routeAddressRate, routeAddressBurst, lent)
      const hash = new Int32Array(2)
      const words = new Int32Array(ADDRESS_WORDS)
      hashAddress(counted, this.#shared.options.hashKey, hash)
      setRouteWords(words, route, hash)
      const state = this.#stateOf(words) ?? new Int32Array(STATE_WORDS).fill(now)
      buckets.push(tellBudget(own, state, STATE_BUCKETS + REQUEST_BUCKET, now))
    }
    return buckets.length === 0 ? null : { route: limits.name, buckets }
  }

  host(now: number): readonly ToldHost[] {
    const { hostHandshakeRate: rate, hostHandshakeBurst: burst } = this.#config.guards
    if (rate === 0) return []
    const all = budget('host-handshake-rate', rate, burst)
    const told = tellBudget(all, this.#shared.hostBuckets, HOST_HANDSHAKES, now)
    return [{ ...told, left_for_strangers: Math.max(0, told.left - handshakesKept(burst)) }]
  }

  #lent(guard: RefusalName, rate: number): number {
    return this.#delays.lent(refusal(guard), rate)
  }

  /** @returns null if nothing is known of it: then all is full */
  #stateOf(words: Int32Array): Int32Array | null {
    const { addresses } = this.#shared
    const slot = addresses.pinKnown(words)
    if (slot === -1) return null
    const state = new Int32Array(STATE_WORDS)
    addresses.copyState(slot, state)
    addresses.unpin(slot)
    return state
  }
}

function budget(limit: string, rate: number, burst: number, lent = 0): Budget {
  return { limit, rate, burst, lent }
}
