/**
 * JSON Web Tokens, signed (RFC 7519, RFC 8725; RFC 9068 where it is asked for).
 *
 *   known? → form → issuer → type → claims → key → signature → known
 *
 * The cheap questions come first: a token that is over, or for somebody else, costs no cryptography. Nothing
 * of a token counts before its signature does. What was found good is known from then on, and told at once.
 */
import type { RequestHead } from '../codec/http1/request-head.ts'
import { member } from '../codec/strict-json.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import { readToken } from './authorization.ts'
import { checkAccessToken, checkAudience, checkTimes, identify } from './claims.ts'
import type { Identity } from './identity.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { type Jws, readJws } from './jws.ts'
import type { Scheme, Verdict } from './scheme.ts'
import { TokenCache, type TokenCacheLimits } from './token-cache.ts'
import type { VerifyKey } from './verify-key.ts'

export interface JwtRules {
  /** What `aud` must hold one of; empty for whoever a token is for. */
  readonly audiences: readonly string[]
  /** any: no `typ`, `JWT` or `at+jwt`; at+jwt: an access token as RFC 9068 has it. */
  readonly type: 'any' | 'at+jwt'
  readonly leewaySeconds: number
  /** Characters of a token. */
  readonly lengthMax: number
  readonly cache: TokenCacheLimits
}

/** Signatures that are being checked in one worker, or wait for the thread pool. */
export const VERIFYING_MAX = 256

const ISSUER = refusal('token-issuer')
const TYPE = refusal('token-type')
const KEY_UNKNOWN = refusal('token-key-unknown')
const SIGNATURE = refusal('token-signature')
const UNAVAILABLE = refusal('keys-unavailable')
const BUSY = refusal('auth-busy')

export class Jwt implements Scheme {
  readonly name = 'jwt'
  readonly cache: TokenCache
  /** By `iss`. */
  readonly #issuers: ReadonlyMap<string, IssuerKeys>
  readonly #audiences: ReadonlySet<string>
  readonly #rules: JwtRules
  /** Verdicts under way, by digest: a token that comes again meanwhile is checked once. */
  readonly #underway = new Map<string, Promise<Verdict>>()
  #verifying = 0

  constructor(issuers: ReadonlyMap<string, IssuerKeys>, rules: JwtRules) {
    this.#issuers = issuers
    this.#rules = rules
    this.#audiences = new Set(rules.audiences)
    this.cache = new TokenCache(rules.cache)
  }

  find(head: RequestHead): string | number {
    return readToken(head)
  }

  /** A header that is an object in base64url begins so, and no key of weir's does. */
  recognises(credential: string): boolean {
    return credential.startsWith('ey') && credential.includes('.')
  }

  stands(identity: Identity, nowSeconds: number): boolean {
    return this.cache.stands(identity, nowSeconds)
  }

  check(token: string, nowSeconds: number): Verdict | Promise<Verdict> {
    // Longer ones are not even hashed.
    const { lengthMax } = this.#rules
    const digest = token.length > lengthMax ? '' : TokenCache.digest(token)
    const known = this.cache.get(digest, nowSeconds)
    if (known !== undefined) return known
    const underway = this.#underway.get(digest)
    if (underway !== undefined) return underway

    const jws = readJws(token, lengthMax)
    if (typeof jws === 'number') return jws
    const keys = this.#issuerOf(jws)
    if (keys === null) return ISSUER
    const refused = this.#judge(jws, nowSeconds)
    if (refused !== ADMITTED) return refused
    const key = keys.set?.find(jws.kid, jws.alg) ?? KEY_UNKNOWN
    if (typeof key === 'number' && key !== KEY_UNKNOWN) return key

    let verdict: Verdict | Promise<Verdict>
    if (typeof key === 'number') {
      const looked = keys.look()
      if (looked === null) return keys.set === null ? UNAVAILABLE : KEY_UNKNOWN
      if (typeof looked === 'number') return looked
      verdict = looked.then(async () => await this.#checkAfterLook(jws, keys, digest, token.length))
    } else verdict = this.#verify(jws, key, digest, token.length)
    if (typeof verdict === 'number') return verdict
    this.#remember(digest, verdict)
    return verdict
  }

  #issuerOf({ claims }: Jws): IssuerKeys | null {
    const iss = member(claims, 'iss')
    return typeof iss === 'string' ? (this.#issuers.get(iss) ?? null) : null
  }

  /** All but the signature. @returns 0 or a rejection */
  #judge({ typ, claims }: Jws, nowSeconds: number): number {
    const { type, leewaySeconds } = this.#rules
    const isAccessToken = typ === 'at+jwt'
    if (!isAccessToken && (type === 'at+jwt' || (typ !== '' && typ !== 'jwt'))) return TYPE
    if (type === 'at+jwt') {
      const incomplete = checkAccessToken(claims)
      if (incomplete !== ADMITTED) return incomplete
    }
    const times = checkTimes(claims, nowSeconds, leewaySeconds, true)
    return times === ADMITTED ? checkAudience(claims, this.#audiences) : times
  }

  #checkAfterLook(
    jws: Jws,
    keys: IssuerKeys,
    digest: string,
    length: number,
  ): Verdict | Promise<Verdict> {
    if (keys.set === null) return UNAVAILABLE
    const key = keys.set.find(jws.kid, jws.alg)
    return typeof key === 'number' ? key : this.#verify(jws, key, digest, length)
  }

  #verify(jws: Jws, key: VerifyKey, digest: string, length: number): number | Promise<Verdict> {
    // Before the signature, as its claims are what is of the wrong type, and the cheaper thing to see.
    const identity = identify('jwt', jws.claims, key.kid)
    if (typeof identity === 'number') return identity
    if (this.#verifying >= VERIFYING_MAX) return BUSY
    this.#verifying++
    const { promise, resolve } = Promise.withResolvers<Verdict>()
    key.verify(jws, good => {
      this.#verifying--
      if (!good) return resolve(SIGNATURE)
      const goodUntil = identity.expiresAt + this.#rules.leewaySeconds
      this.cache.set(digest, { identity, goodUntil, issuedBy: key }, length)
      resolve(identity)
    })
    return promise
  }

  #remember(digest: string, verdict: Promise<Verdict>): void {
    this.#underway.set(digest, verdict)
    void verdict.then(() => this.#underway.delete(digest))
  }
}
