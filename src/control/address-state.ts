/** What the words say that are kept of an address: tokens, score, ban, what it holds. As of now, or of when they were copied. */
import type { Config } from '../config/config.ts'
import { banExempt } from '../config/exempt.ts'
import { refusal } from '../core/refusals.ts'
import { Delays } from '../guard/delays.ts'
import { Penalties } from '../guard/penalties.ts'
import {
  AUTH_BUCKET,
  BODY_BUCKET,
  banEnd,
  CONNECTION_BUCKET,
  ERROR_BUCKET,
  HANDSHAKE_BUCKET,
  REQUEST_BUCKET,
  STATE_BUCKETS,
  STATE_CONNECTIONS,
  STATE_REQUESTS,
  STATE_SCORE,
  STATE_WORDS,
} from '../shared/address-table.ts'
import type { Shared } from '../shared/layout.ts'
import { type Budget, type ToldBucket, tellBudget } from './told-budget.ts'

/** What one address holds against its limits; a limit of 0 is none. */
export interface ToldState {
  readonly connections: number
  readonly connections_max: number
  readonly requests: number
  readonly requests_max: number
  /** Points, as of `--ban-threshold`. */
  readonly score: number
  readonly score_max: number
  /** Seconds that a ban still had, or has; 0 for none. */
  readonly banned_for_s: number
  readonly buckets: readonly ToldBucket[]
}

export class AddressStates {
  readonly #config: Config
  readonly #penalties: Penalties
  readonly #budgets: readonly (Budget & { readonly at: number })[]

  constructor(config: Config, shared: Pick<Shared, 'addresses' | 'goodRecords'>) {
    this.#config = config
    const rules = { ...config.guards, banExempt: banExempt(config) }
    this.#penalties = new Penalties(shared, rules, () => {})
    const { guards } = config
    this.#budgets = [
      budget('connection-rate', CONNECTION_BUCKET, guards.connectionRate, guards.connectionBurst),
      budget('handshake-rate', HANDSHAKE_BUCKET, guards.handshakeRate, guards.handshakeBurst),
      {
        ...budget('request-rate', REQUEST_BUCKET, guards.requestRate, guards.requestBurst),
        lent: new Delays(guards, 0, () => {}).lent(refusal('request-rate'), guards.requestRate),
      },
      budget('error-rate', ERROR_BUCKET, guards.errorRate, guards.errorBurst),
      {
        ...budget('body-rate', BODY_BUCKET, guards.bodyRate, guards.bodyBurst),
        isOfBytes: true,
      },
      budget('auth-failure-rate', AUTH_BUCKET, guards.authFailureRate, guards.authFailureBurst),
    ].filter(({ rate }) => rate !== 0)
  }

  isExempt(address: Int32Array): boolean {
    return this.#penalties.isExempt(address)
  }

  /** Of an address of which nothing is known: all its budgets are full. @param now ticks */
  unknown(now: number): ToldState {
    return this.tell(new Int32Array(STATE_WORDS).fill(now & ~1), now, 0, true)
  }

  /**
   * @param state   as `AddressTable.copyState` gives it
   * @param now     ticks, of when it was copied
   * @param nowSeconds the same in seconds since the process started
   */
  tell(state: Int32Array, now: number, nowSeconds: number, isEmpty = false): ToldState {
    const { guards } = this.#config
    const word = state[STATE_SCORE]!
    return {
      connections: isEmpty ? 0 : state[STATE_CONNECTIONS]!,
      connections_max: guards.connectionsPerAddress,
      requests: isEmpty ? 0 : state[STATE_REQUESTS]!,
      requests_max: guards.requestsPerAddress,
      score: this.#penalties.points(word, now),
      score_max: guards.banThreshold,
      banned_for_s: Math.max(0, banEnd(word) - nowSeconds),
      buckets: this.#budgets.map(each => tellBudget(each, state, each.at, now)),
    }
  }
}

function budget(limit: string, bucket: number, rate: number, burst: number) {
  return { limit, at: STATE_BUCKETS + bucket, rate, burst, isOfBytes: false }
}
