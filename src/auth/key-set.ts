/**
 * The keys of one issuer: read from a JWK set (RFC 7517 §5), and chosen by what a token says.
 *
 * Only the choice is the token's: what a key is for was settled when it was read. A set is never changed; a
 * new one takes over the keys it has in common with the old, and what was verified with those stays valid.
 */
import { type JsonObject, member } from '../codec/strict-json.ts'
import { refusal } from '../core/refusals.ts'
import { type AlgorithmName, isAlgorithm, isOf, isSymmetric } from './algorithms.ts'
import { type JwkRules, readJwk } from './jwk.ts'
import type { VerifyKey } from './verify-key.ts'

/** Issuers publish two to ten; each costs its import in every worker. */
export const KEYS_MAX = 64

const KEY_UNKNOWN = refusal('token-key-unknown')
const NOT_ALLOWED = refusal('token-alg-not-allowed')
const NOT_OF_KEY = refusal('token-alg-not-of-key')
const SYMMETRIC = refusal('token-alg-symmetric')

/** The keys of one issuer as main hands them to the workers. */
export interface IssuerKeySet {
  /** A JWK set. */
  readonly text: string
  /** The operator named this very key: it may be a secret, and needs no kid. */
  readonly isNamed: boolean
}

/** A key that was left out, and why. */
export interface SkippedKey {
  /** Its kid, or where it stands: `#2`. */
  readonly key: string
  readonly reason: string
}

export class KeySet {
  readonly keys: readonly VerifyKey[]
  readonly #anyKid: boolean
  readonly #allowed: readonly AlgorithmName[]

  /**
   * @param anyKid  a key without kid will do for any token: it is the one the operator named
   * @param allowed what tokens may say; empty for all there are
   */
  constructor(keys: readonly VerifyKey[], anyKid = false, allowed: readonly AlgorithmName[] = []) {
    this.keys = keys
    this.#anyKid = anyKid
    this.#allowed = allowed
  }

  /**
   * The key a token claims to be of.
   *
   * @param kid null if it says none: then there must be one key alone of its algorithm
   * @returns the number of a rejection if there is none
   */
  find(kid: string | null, alg: string): VerifyKey | number {
    let found: VerifyKey | null = null
    let named = false
    for (const key of this.keys) {
      if (!this.#isMeant(key, kid)) continue
      named = true
      if (!key.takes(alg)) continue
      if (found !== null) return KEY_UNKNOWN
      found = key
    }
    if (found !== null) return found
    if (isSymmetric(alg) && !this.keys.some(key => key.isSecret)) return SYMMETRIC
    if (!this.#isAllowed(alg)) return NOT_ALLOWED
    return named ? NOT_OF_KEY : KEY_UNKNOWN
  }

  #isMeant(key: VerifyKey, kid: string | null): boolean {
    if (kid === null) return true
    // A key without kid is '' here, and an empty kid in a token must not name it.
    return key.kid === '' ? this.#anyKid : key.kid === kid
  }

  #isAllowed(alg: string): boolean {
    if (alg !== 'EdDSA' && !isAlgorithm(alg)) return false
    return this.#allowed.length === 0 || this.#allowed.some(name => isOf(alg, name))
  }

  /** Whether it holds just the keys of `other`. */
  equals(other: KeySet): boolean {
    if (this.keys.length !== other.keys.length) return false
    const prints = new Set(other.keys.map(key => key.print))
    return this.keys.every(key => prints.has(key.print))
  }

  /** The same set with the keys of `old` where they are the same; marks those that are gone. */
  succeed(old: KeySet): KeySet {
    const known = new Map(old.keys.map(key => [key.print, key]))
    const keys = this.keys.map(key => known.get(key.print) ?? key)
    for (const key of old.keys) key.isCurrent = keys.includes(key)
    return new KeySet(keys, this.#anyKid, this.#allowed)
  }
}

/** Makes a set of what main sent; it looked at it before. */
export function openKeySet(
  { text, isNamed }: IssuerKeySet,
  allowed: readonly AlgorithmName[] = [],
): KeySet {
  const read = readKeySet(text, { secrets: isNamed, algorithms: allowed })
  return new KeySet(typeof read === 'string' ? [] : read.keys, isNamed, allowed)
}

/**
 * Reads the text of a JWK set.
 *
 * @returns its keys and those left out, or why it is none
 */
export function readKeySet(
  text: string,
  rules: JwkRules,
): { readonly keys: readonly VerifyKey[]; readonly skipped: readonly SkippedKey[] } | string {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    return 'is no JSON'
  }
  const list = isObject(set) ? member(set, 'keys') : undefined
  if (!Array.isArray(list)) return 'is no JWK set: it has no list of keys'
  const keys: VerifyKey[] = []
  const skipped: SkippedKey[] = []
  for (const [i, jwk] of (list as unknown[]).entries()) {
    const key = readMember(jwk, keys, rules)
    if (typeof key === 'string') skipped.push({ key: nameOf(jwk, i), reason: key })
    else keys.push(key)
  }
  return { keys, skipped }
}

function readMember(
  jwk: unknown,
  before: readonly VerifyKey[],
  rules: JwkRules,
): VerifyKey | string {
  if (!isObject(jwk)) return 'it is no object'
  if (before.length === KEYS_MAX) return `it is one more than ${KEYS_MAX} keys`
  const key = readJwk(jwk, rules)
  if (typeof key === 'string') return key
  if (before.some(({ kid, name }) => kid !== '' && kid === key.kid && name === key.name)) {
    return 'another key has its kid and algorithm'
  }
  return key
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function nameOf(jwk: unknown, i: number): string {
  const kid = isObject(jwk) ? member(jwk, 'kid') : undefined
  return typeof kid === 'string' && kid !== '' ? kid.slice(0, 80) : `#${i}`
}
