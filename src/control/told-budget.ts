/** What the word of a bucket says, told as a budget. */
import { TICKS_PER_SECOND } from '../core/clock.ts'
import { ByteBuckets } from '../guard/byte-buckets.ts'
import { TokenBuckets } from '../guard/token-buckets.ts'

/** One budget: of an address, of its network, of a route or of the host. */
export interface ToldBucket {
  /** The flag of its rate. */
  readonly limit: string
  /** Tokens, or bytes; 0 to the burst. */
  readonly left: number
  readonly burst: number
  readonly per_s: number
  /** Seconds, if nobody takes one. */
  readonly full_in_s: number
}

export interface Budget {
  readonly limit: string
  readonly rate: number
  readonly burst: number
  /** Tokens beyond the burst, where requests wait for theirs (guard/delays.ts). */
  readonly lent?: number
  readonly isOfBytes?: boolean
}

/** @param at its word in `words`; @param now ticks, of when they were so */
export function tellBudget(budget: Budget, words: Int32Array, at: number, now: number): ToldBucket {
  const { limit, rate, burst, lent = 0, isOfBytes = false } = budget
  const limits = { rate, burst: burst + lent }
  const bucket = isOfBytes ? new ByteBuckets(words, limits) : new TokenBuckets(words, limits)
  return {
    limit,
    left: Math.max(0, bucket.left(at, now) - lent),
    burst,
    per_s: rate,
    full_in_s: Math.ceil(bucket.untilFull(at, now) / TICKS_PER_SECOND),
  }
}
