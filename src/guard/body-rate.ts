/**
 * Bytes of request bodies per second and address, `--body-rate` and `--body-burst`.
 *
 * Who sends more is not refused but not read for a while (proxy/body-shaper.ts), until its bucket is out of debt: TCP
 * tells the client. Only one that would have to wait longer than a body may take its time gets 429, if it can be before it
 * sends it.
 */
import { msToTicks, TICKS_PER_SECOND } from '../core/clock.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import { type AddressTable, BODY_BUCKET } from '../shared/address-table.ts'
import { ByteBuckets } from './byte-buckets.ts'
import type { Penalties } from './penalties.ts'
import type { RequestPlace } from './request-admission.ts'
import type { Shadow } from './shadow.ts'

const REFUSAL = refusal('body-rate')
/** Of the rate, a body gets at least as much at a time: more would keep others of its address waiting. */
const TURN_SECONDS = 0.25
/** Less would be work for nothing. */
const TURN_BYTES_MIN = 16_384

export interface BodyLimits {
  /** Bytes per second; 0 is no limit. */
  readonly bodyRate: number
  readonly bodyBurst: number
}

export class BodyRate {
  /** What would wait is told, and goes on. */
  readonly isTried: boolean
  readonly #addresses: AddressTable
  readonly #buckets: ByteBuckets
  readonly #rate: number
  readonly #turnBytes: number
  readonly #shadow: Shadow
  readonly #penalties: Penalties

  /** @param addresses made with more buckets. @param limits with a rate above 0 */
  constructor(
    addresses: AddressTable,
    { bodyRate, bodyBurst }: BodyLimits,
    shadow: Shadow,
    penalties: Penalties,
  ) {
    this.#addresses = addresses
    this.#buckets = new ByteBuckets(addresses.words, { rate: bodyRate, burst: bodyBurst })
    this.#rate = bodyRate
    this.#turnBytes = Math.max(TURN_BYTES_MIN, bodyRate * TURN_SECONDS)
    this.#shadow = shadow
    this.#penalties = penalties
    this.isTried = shadow.isTried(REFUSAL)
  }

  /**
   * Asks whether a request with a body may be made now.
   *
   * @param place  of the request, which was let in
   * @param waitMs as long as it may have to wait
   * @returns 0 or the refusal; then `place.retryAfter` is set
   */
  check(place: RequestPlace, waitMs: number, now: number): number {
    const { requestSlot: slot } = place
    const wait = this.wait(slot, now)
    place.bodyCounted = false
    if (wait <= msToTicks(waitMs)) return ADMITTED
    if (this.isTried) {
      this.note(place)
      return ADMITTED
    }
    return this.refuse(place, wait, now)
  }

  /** @param wait ticks, too many. @returns the refusal; `place.retryAfter` is set */
  refuse(place: RequestPlace, wait: number, now: number): number {
    this.#penalties.add(place.requestSlot, REFUSAL, now, place.isDirect)
    place.retryAfter = Math.ceil(wait / TICKS_PER_SECOND)
    return REFUSAL
  }

  /** Ticks until more of a body of the address is to be read. @param slot held by the caller */
  wait(slot: number, now: number): number {
    return this.#buckets.wait(this.#addresses.bucket(slot, BODY_BUCKET), now)
  }

  /** Bytes that may be read at once of a body that need not wait. */
  turn(slot: number, now: number): number {
    if (this.isTried) return Number.MAX_SAFE_INTEGER
    return Math.max(
      this.#turnBytes,
      this.#buckets.left(this.#addresses.bucket(slot, BODY_BUCKET), now),
    )
  }

  /** Ticks in which as many bytes are paid for. */
  worth(bytes: number): number {
    return Math.ceil((bytes / this.#rate) * TICKS_PER_SECOND)
  }

  /** What was read. In shadow nobody goes into debt: who is not held up would get ever deeper into it. */
  took(slot: number, bytes: number, now: number): void {
    if (this.isTried && this.wait(slot, now) > 0) return
    this.#buckets.take(this.#addresses.bucket(slot, BODY_BUCKET), bytes, now)
  }

  /** Counts a body that would wait, or be refused, in shadow: each once. */
  note(place: RequestPlace): void {
    if (!place.bodyCounted) this.#shadow.passes(REFUSAL, place)
    place.bodyCounted = true
  }
}
