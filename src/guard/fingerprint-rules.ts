/**
 * What is said of clients by the fingerprint of their TLS: `--deny-fingerprint`, and `--limit-fingerprint` with
 * `--fingerprint-rate`, one budget for each fingerprint on the whole host.
 *
 * The budgets live in the table of addresses, under words that no address has, as those of identities do.
 */
import { hash } from 'node:crypto'
import { NO_ADDRESS } from '../core/prefix-words.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import { type AddressTable, HANDSHAKE_BUCKET } from '../shared/address-table.ts'
import { TokenBuckets } from './token-buckets.ts'

const DENIED = refusal('fingerprint-denied')
const RATE = refusal('fingerprint-rate')

export interface FingerprintLimits {
  /** JA4, whole or the beginning of one with `*` behind it. */
  readonly fingerprintDeny: readonly string[]
  readonly fingerprintLimit: readonly string[]
  /** Handshakes per second of each limited fingerprint. */
  readonly fingerprintRate: number
  readonly fingerprintBurst: number
}

export class FingerprintRules {
  /** Where nothing is said of any, nobody needs to know one. */
  readonly isIdle: boolean
  readonly #deny: Patterns
  readonly #limit: Patterns
  readonly #addresses: AddressTable
  readonly #buckets: TokenBuckets

  constructor(addresses: AddressTable, limits: FingerprintLimits) {
    this.#deny = new Patterns(limits.fingerprintDeny)
    this.#limit = new Patterns(limits.fingerprintLimit)
    this.isIdle = limits.fingerprintDeny.length === 0 && limits.fingerprintLimit.length === 0
    this.#addresses = addresses
    this.#buckets = new TokenBuckets(addresses.words, {
      rate: limits.fingerprintRate,
      burst: limits.fingerprintBurst,
    })
  }

  /** Asks whether clients of this kind may start a handshake at all. @returns 0 or the refusal */
  checkDenied(ja4: string): number {
    return this.#deny.match(ja4) ? DENIED : ADMITTED
  }

  /**
   * Asks whether one may now, and takes a token of its kind if they are limited.
   *
   * @param now ticks
   * @returns 0 or the refusal
   */
  checkRate(ja4: string, now: number): number {
    if (!this.#limit.match(ja4)) return ADMITTED
    const addresses = this.#addresses
    const slot = addresses.pin(fingerprintWords(ja4), now)
    const wait = this.#buckets.take(addresses.bucket(slot, HANDSHAKE_BUCKET), now)
    addresses.unpin(slot)
    return wait === 0 ? ADMITTED : RATE
  }
}

/** Whole ones are looked up, beginnings are gone through. */
class Patterns {
  readonly #whole = new Set<string>()
  readonly #beginnings: string[] = []

  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      if (pattern.endsWith('*')) this.#beginnings.push(pattern.slice(0, -1))
      else this.#whole.add(pattern)
    }
  }

  match(ja4: string): boolean {
    if (this.#whole.has(ja4)) return true
    for (const beginning of this.#beginnings) if (ja4.startsWith(beginning)) return true
    return false
  }
}

/** Under what a fingerprint is counted. */
function fingerprintWords(ja4: string): Int32Array {
  const digest = hash('sha256', `fingerprint ${ja4}`, 'buffer')
  return Int32Array.of(
    NO_ADDRESS,
    digest.readInt32LE(0),
    digest.readInt32LE(4),
    digest.readInt32LE(8),
  )
}
