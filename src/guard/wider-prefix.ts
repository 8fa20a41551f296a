/**
 * The network of an address, which has `--prefix-multiple` times its limits: many addresses of one network, or a client
 * that has all of a /48, get no more than that together.
 */
import { ADDRESS_WORDS, type CountedPrefixes, isIpv4 } from '../core/address.ts'
import { toPrefixWords } from '../core/prefix-words.ts'
import type { GuardLimits } from './guards.ts'

/** What a bucket can count, see guard/token-buckets.ts. */
const RATE_MAX = 65_536
const REFILL_SECONDS_MAX = 3600

type Counted = { -readonly [Name in keyof GuardLimits]: number }

export interface PrefixLimits {
  /** 0 counts no networks. */
  readonly prefixMultiple: number
  /** Bits of the network; one that is no wider than what is one client anyway is not counted. */
  readonly prefixIpv4: number
  readonly prefixIpv6: number
}

export class WiderPrefix {
  /** 0 for none. */
  readonly #ipv4Bits: number
  readonly #ipv6Bits: number
  readonly #words = new Int32Array(ADDRESS_WORDS)

  constructor(limits: PrefixLimits & CountedPrefixes) {
    const { prefixMultiple, prefixIpv4, prefixIpv6, ipv4Prefix, ipv6Prefix } = limits
    this.#ipv4Bits = prefixMultiple !== 0 && prefixIpv4 < ipv4Prefix ? prefixIpv4 : 0
    this.#ipv6Bits = prefixMultiple !== 0 && prefixIpv6 < ipv6Prefix ? prefixIpv6 : 0
  }

  /** @returns the words of the network, which hold until the next call; null if it is not counted */
  of(address: Int32Array): Int32Array | null {
    const bits = isIpv4(address) ? this.#ipv4Bits : this.#ipv6Bits
    if (bits === 0) return null
    const words = this.#words
    for (let i = 0; i < ADDRESS_WORDS; i++) words[i] = address[i]!
    toPrefixWords(words, bits)
    return words
  }
}

/** The limits of a network: those of an address, so many times. What is off stays off. */
export function prefixLimits<T extends Partial<Counted>>(limits: T, multiple: number): T {
  const all = { ...limits }
  for (const kind of ['connection', 'handshake', 'request', 'error', 'authFailure'] as const) {
    const rate = limits[`${kind}Rate`]
    const burst = limits[`${kind}Burst`]
    if (rate === undefined || burst === undefined) continue
    all[`${kind}Rate`] = Math.min(RATE_MAX, rate * multiple)
    all[`${kind}Burst`] = Math.min(burst * multiple, RATE_MAX * REFILL_SECONDS_MAX)
  }
  for (const kind of ['connections', 'requests'] as const) {
    const max = limits[`${kind}PerAddress`]
    if (max !== undefined) all[`${kind}PerAddress`] = max * multiple
  }
  return all
}
