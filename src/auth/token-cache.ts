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
  /** For connections that say the same again: they hold the identity, and nothing of the token. */
  readonly #byIdentity = new WeakMap<Identity, KeptToken>()

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
    if (isGood(kept, nowSeconds)) {
      this.hits++
      return kept.identity
    }
    this.#kept.delete(digest)
    return undefined
  }

  /** @param length of the token */
  set(digest: string, token: KeptToken, length: number): void {
    this.#byIdentity.set(token.identity, token)
    this.#kept.set(digest, token, { size: Math.max(1, length) })
  }

  /** Whether the token that stood for `identity` would be found good now. */
  stands(identity: Identity, nowSeconds: number): boolean {
    const kept = this.#byIdentity.get(identity)
    if (kept === undefined || !isGood(kept, nowSeconds)) return false
    this.hits++
    return true
  }

  delete(digest: string): void {
    this.#kept.delete(digest)
  }

  clear(): void {
    this.#kept.clear()
  }
}

function isGood({ goodUntil, issuedBy }: KeptToken, nowSeconds: number): boolean {
  return goodUntil > nowSeconds && issuedBy.isCurrent
}
