/**
 * What one identity may do on the whole host: requests per second, and under way at the same time.
 *
 * Identities are counted in the table of addresses, under words that no address has: it is shared, of fixed size,
 * and keyed against those who would choose their neighbours, which is all that is needed here too.
 */
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { Shared } from '../shared/layout.ts'
import { REQUEST_BUCKET } from '../shared/address-table.ts'
import { FreeLines } from './free-lines.ts'
import type { Shadow, Tried } from './shadow.ts'
import { TokenBuckets } from './token-buckets.ts'

const RATE = refusal('identity-rate')
const CONCURRENCY = refusal('identity-concurrency')

export interface Limits {
  /** Requests per second; 0 for no limit. */
  readonly rate: number
  /** At least 1. */
  readonly burst: number
  /** 0 for no limit. */
  readonly concurrency: number
}

/** Where a request under way is counted that has an identity. */
export interface IdentityPlace {
  /** Who shows the identity. */
  readonly client: Tried
  /** -1 while it is not counted. */
  identitySlot: number
  /** Its line in the identity ledger of this worker. */
  identityLine: number
}

export class IdentityLimits {
  /** Of the last one refused: ticks until it may pass; 0 if nobody can know. */
  waitTicks = 0
  readonly #shared: Shared
  readonly #worker: number
  readonly #free: FreeLines
  readonly #shadow: Shadow
  /** Buckets by what they are of; identities with the same limits share one view. */
  readonly #buckets = new WeakMap<Limits, TokenBuckets>()

  constructor(shared: Shared, worker: number, shadow: Shadow) {
    this.#shared = shared
    this.#shadow = shadow
    this.#worker = worker
    this.#free = new FreeLines(shared.options.requestsPerWorker)
  }

  /**
   * Asks whether a request may be made now, and counts it if so.
   *
   * @param words  four, of the identity, as `identityWords()` makes them
   * @param limits the same object for the same limits
   * @param now    ticks
   * @param place  of no request that was let in and has not left
   * @returns 0 or the refusal
   */
  enter(words: Int32Array, limits: Limits, now: number, place: IdentityPlace): number {
    const { rate, concurrency } = limits
    this.waitTicks = 0
    if (rate === 0 && concurrency === 0) return ADMITTED
    if (concurrency !== 0 && this.#free.isEmpty) return CONCURRENCY
    const { addresses, identityLedger } = this.#shared
    const slot = addresses.pin(words, now)
    const { client } = place
    let refused = ADMITTED
    if (concurrency !== 0 && !this.#isCounted(slot, concurrency, client)) refused = CONCURRENCY
    else if (rate !== 0 && !this.#takes(slot, limits, now) && !this.#shadow.passes(RATE, client)) {
      refused = RATE
      if (concurrency !== 0) addresses.leaveRequest(slot)
    }
    if (refused !== ADMITTED || concurrency === 0) {
      addresses.unpin(slot)
      return refused
    }
    place.identitySlot = slot
    place.identityLine = this.#free.take()
    identityLedger.write(this.#worker, place.identityLine, slot, true, true)
    return ADMITTED
  }

  /** Gives back what {@link enter} counted; more than once does no harm. */
  leave(place: IdentityPlace): void {
    const { identitySlot: slot, identityLine: line } = place
    if (slot === -1) return
    place.identitySlot = -1
    place.identityLine = -1
    const { addresses, identityLedger } = this.#shared
    identityLedger.erase(this.#worker, line)
    this.#free.give(line)
    addresses.leaveRequest(slot)
    addresses.unpin(slot)
  }

  #isCounted(slot: number, concurrency: number, client: Tried): boolean {
    const { addresses } = this.#shared
    if (addresses.enterRequest(slot, concurrency)) return true
    return this.#shadow.passes(CONCURRENCY, client) && addresses.enterRequest(slot, Infinity)
  }

  #takes(slot: number, limits: Limits, now: number): boolean {
    let buckets = this.#buckets.get(limits)
    if (buckets === undefined) {
      buckets = new TokenBuckets(this.#shared.addresses.words, limits)
      this.#buckets.set(limits, buckets)
    }
    this.waitTicks = buckets.take(this.#shared.addresses.bucket(slot, REQUEST_BUCKET), now)
    return this.waitTicks === 0
  }
}
