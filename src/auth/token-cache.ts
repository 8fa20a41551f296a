/**
 * Tokens that were found good, by the SHA-256 of their text: never the token itself.
 *
 * Only good ones are kept, so that made-up ones neither fill nor flush it. It is bounded by count and by the
 * length of the tokens, which is about what their claims take. What was kept counts no longer than its
 * time, and no longer than the key that signed it stands in the set of its issuer.
 */
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Identity } from './identity.ts'

export interface KeptToken {
  readonly identity: Identity
  /** Seconds since 1970, leeway included. */
  readonly goodUntil: number
  /** What vouches for it: false once that is gone. */
  readonly issuedBy: { readonly isCurrent: boolean }
}

export interface TokenCacheLimits {
  readonly tokens: number
  /** Of all tokens together. */
  readonly characters: number
}

export class TokenCache {
  /** Tokens that were known. */
  hits = 0
  readonly #kept: LRUCache<string, KeptToken>

  constructor({ tokens, characters }: TokenCacheLimits) {
    this.#kept = new LRUCache({ max: tokens, maxSize: characters })
  }

  get size(): number {
    return this.#kept.size
  }

  /** Under what a token is kept. */
  static digest(token: string): string {
    // latin1: 32 characters, and the cheapest of the encodings.
    return hash('sha256', token, 'latin1')
  }

  /** @returns undefined for none that is good still */
  get(digest: string, nowSeconds: number): Identity | undefined {
    const kept = this.#kept.get(digest)
    if (kept === undefined) return undefined
    if (kept.goodUntil > nowSeconds && kept.issuedBy.isCurrent) {
      this.hits++
      return kept.identity
    }
    this.#kept.delete(digest)
    return undefined
  }

  /** @param length of the token */
  set(digest: string, token: KeptToken, length: number): void {
    this.#kept.set(digest, token, { size: Math.max(1, length) })
  }

  delete(digest: string): void {
    this.#kept.delete(digest)
  }

  clear(): void {
    this.#kept.clear()
  }
}
