/**
 * RateLimit-Policy and RateLimit, with which clients can keep below a limit instead of running into it
 * (draft-ietf-httpapi-ratelimit-headers-10, structured fields; a policy has the name of its refusal).
 *
 * The quota of a bucket is its burst, and its window the time in which an empty one fills up.
 */
import { TICKS_PER_SECOND, ticks } from '../core/clock.ts'
import type { RefusalName } from '../core/refusals.ts'
import { prefixLimits } from '../guard/wider-prefix.ts'
import type { Limits } from '../guard/identity-limits.ts'
import { TokenBuckets } from '../guard/token-buckets.ts'
import { type AddressTable, REQUEST_BUCKET } from '../shared/address-table.ts'

export interface RateLimitOptions {
  /** Which responses have the fields. */
  readonly rateLimitFields: 'off' | 'refused' | 'all'
  readonly requestRate: number
  readonly requestBurst: number
  readonly requestsPerAddress: number
  readonly bodyRate: number
  readonly bodyBurst: number
  /** Of networks; 0 for none. */
  readonly prefixMultiple: number
}

export class RateLimitFields {
  readonly #addresses: AddressTable
  readonly #isOff: boolean
  /** Of refusals that have nothing to do with who the client is. */
  readonly #policies = new Map<string, string>()
  // What the last refusal was told: in a flood all are told the same.
  #lastReason = ''
  #lastWait = 0
  #lastLines = ''
  /** null unless responses of backends have the fields as well. */
  readonly #told: TokenBuckets | null

  constructor(addresses: AddressTable, options: RateLimitOptions) {
    const { rateLimitFields, requestRate, requestBurst, requestsPerAddress } = options
    this.#addresses = addresses
    this.#isOff = rateLimitFields === 'off'
    if (requestRate !== 0)
      this.#policies.set('request-rate', bucketPolicy(requestRate, requestBurst))
    if (requestsPerAddress !== 0) {
      this.#policies.set('requests-per-address', atOncePolicy(requestsPerAddress))
    }
    const { bodyRate, bodyBurst } = options
    if (bodyRate !== 0) {
      this.#policies.set('body-rate', `${bucketPolicy(bodyRate, bodyBurst)};qu="content-bytes"`)
    }
    if (options.prefixMultiple !== 0) this.#addPrefix(options)
    this.#told =
      rateLimitFields === 'all' && requestRate !== 0
        ? new TokenBuckets(addresses.words, { rate: requestRate, burst: requestBurst })
        : null
  }

  #addPrefix(options: RateLimitOptions): void {
    const limits = prefixLimits(options, options.prefixMultiple)
    const { requestRate, requestBurst, requestsPerAddress } = limits
    if (requestRate !== 0)
      this.#policies.set('prefix-request-rate', bucketPolicy(requestRate, requestBurst))
    if (requestsPerAddress !== 0)
      this.#policies.set('prefix-requests', atOncePolicy(requestsPerAddress))
  }

  /**
   * Of an answer to a refused request.
   *
   * @param wait seconds, as Retry-After says
   * @returns whole lines; '' if the reason is no budget of an address
   */
  refused(reason: string, wait: number): string {
    if (reason === this.#lastReason && wait === this.#lastWait) return this.#lastLines
    const policy = this.#isOff ? undefined : this.#policies.get(reason)
    this.#lastReason = reason
    this.#lastWait = wait
    this.#lastLines = policy === undefined ? '' : lines(reason, policy, 0, wait)
    return this.#lastLines
  }

  /** As {@link refused}, of a bucket that is not the same for all. */
  refusedRate(reason: RefusalName, rate: number, burst: number, wait: number): string {
    return this.#isOff ? '' : lines(reason, bucketPolicy(rate, burst), 0, wait)
  }

  /** As {@link refused}, of an identity with limits of its own. */
  refusedIdentity(reason: RefusalName, limits: Limits, wait: number): string {
    if (this.#isOff) return ''
    const isRate = reason === 'identity-rate'
    const policy = isRate
      ? bucketPolicy(limits.rate, limits.burst)
      : atOncePolicy(limits.concurrency)
    return lines(reason, policy, 0, wait)
  }

  /**
   * Adds what is left to the address.
   *
   * @param head of a response, whole
   * @param slot of the address, held by the request
   */
  add(head: string, slot: number): string {
    const told = this.#told
    if (told === null || slot === -1) return head
    const at = this.#addresses.bucket(slot, REQUEST_BUCKET)
    const now = ticks()
    const full = Math.ceil(told.untilFull(at, now) / TICKS_PER_SECOND)
    const policy = this.#policies.get('request-rate')!
    return `${head.slice(0, -2)}${lines('request-rate', policy, told.left(at, now), full)}\r\n`
  }
}

function bucketPolicy(rate: number, burst: number): string {
  return `;q=${burst};w=${Math.max(1, Math.ceil(burst / rate))}`
}

function atOncePolicy(max: number): string {
  return `;q=${max};qu="concurrent-requests"`
}

/** @param left quota units; @param seconds until there are more */
function lines(name: string, policy: string, left: number, seconds: number): string {
  return `RateLimit-Policy: "${name}"${policy}\r\nRateLimit: "${name}";r=${left};t=${seconds}\r\n`
}
