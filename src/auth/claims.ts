/**
 * What a token says of itself (RFC 7519 §4.1), held against what is asked for; and whom it makes of the client.
 *
 * The same for a JWT and for the answer of an introspection server, which uses the same names.
 */
import { type JsonObject, member } from '../codec/strict-json.ts'
import type { SchemeName } from '../core/rejections.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { Confirmation, Identity } from './identity.ts'

const CLAIM = refusal('token-claim')
const EXPIRED = refusal('token-expired')
const EARLY = refusal('token-early')
const FROM_FUTURE = refusal('token-from-future')
const AUDIENCE = refusal('token-audience')
const BINDING = refusal('token-binding')

/** The claims that RFC 9068 §2.2 requires besides those that are required here anyway. */
const ACCESS_TOKEN_CLAIMS = ['sub', 'client_id', 'jti'] as const

/** `sub`, `client_id` and the like end up in headers and logs. */
const NAME_MAX = 512

/**
 * Whether the times of a token fit.
 *
 * @param leeway seconds by which clocks may differ
 * @param needsEnd a token that says no end is refused
 * @returns 0 or a rejection
 */
export function checkTimes(
  claims: JsonObject,
  nowSeconds: number,
  leeway: number,
  needsEnd: boolean,
): number {
  const exp = time(claims, 'exp')
  const nbf = time(claims, 'nbf')
  const iat = time(claims, 'iat')
  if (exp === null || nbf === null || iat === null) return CLAIM
  if (exp === undefined) {
    if (needsEnd) return CLAIM
  } else if (exp + leeway <= nowSeconds) return EXPIRED
  if (nbf !== undefined && nbf - leeway > nowSeconds) return EARLY
  if (iat !== undefined && iat - leeway > nowSeconds) return FROM_FUTURE
  return ADMITTED
}

/**
 * Whether a token is for us.
 *
 * @param audiences of ours; empty for whoever it is for
 * @returns 0 or a rejection
 */
export function checkAudience(claims: JsonObject, audiences: ReadonlySet<string>): number {
  const aud = member(claims, 'aud')
  if (aud !== undefined && typeof aud !== 'string' && !isTexts(aud)) return CLAIM
  if (audiences.size === 0) return ADMITTED
  if (aud === undefined) return AUDIENCE
  const ours = typeof aud === 'string' ? audiences.has(aud) : aud.some(each => audiences.has(each))
  return ours ? ADMITTED : AUDIENCE
}

/** Whether an access token says all it must, RFC 9068 §2.2. @returns 0 or a rejection */
export function checkAccessToken(claims: JsonObject): number {
  if (time(claims, 'iat') === undefined) return CLAIM
  for (const name of ACCESS_TOKEN_CLAIMS) {
    if (typeof member(claims, name) !== 'string') return CLAIM
  }
  return member(claims, 'aud') === undefined ? CLAIM : ADMITTED
}

/**
 * Who a client with these claims is.
 *
 * @param keyId kid of the token; '' for none
 * @returns a rejection if a claim it takes is of the wrong type
 */
export function identify(scheme: SchemeName, claims: JsonObject, keyId: string): Identity | number {
  const subject = name(claims, 'sub')
  // azp is what OpenID calls it where client_id is not given.
  const client = name(claims, member(claims, 'client_id') === undefined ? 'azp' : 'client_id')
  const scopes = scopesOf(claims)
  if (subject === null || client === null || scopes === null) return CLAIM
  const confirmation = confirmationOf(claims)
  if (typeof confirmation === 'number') return confirmation
  const expiresAt = time(claims, 'exp') ?? Number.POSITIVE_INFINITY
  const identity = { scheme, subject, client, scopes, claims, keyId, expiresAt }
  return confirmation === null ? identity : { ...identity, confirmation }
}

/** @returns undefined if there is none, null if it is no time */
function time(claims: JsonObject, name: string): number | undefined | null {
  const value = member(claims, name)
  if (value === undefined) return undefined
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** @returns '' if there is none, null if it is no text or too long */
function name(claims: JsonObject, claim: string): string | null {
  const value = member(claims, claim)
  if (value === undefined) return ''
  return isText(value) && value.length <= NAME_MAX ? value : null
}

/** Half of a surrogate pair has no UTF-8 (RFC 7493 §2.1): two names that differ in it alone would be told as one. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed()
}

/** `scope` as RFC 8693 §4.2 has it, or `scp`, as some issuers call it and as some make it a list. */
function scopesOf(claims: JsonObject): readonly string[] | null {
  const value = member(claims, 'scope') ?? member(claims, 'scp')
  if (value === undefined) return []
  if (isTexts(value)) return value
  return isText(value) ? value.split(' ').filter(each => each !== '') : null
}

/** A way of binding that weir does not know is one it cannot see kept: such a token is refused. */
function confirmationOf(claims: JsonObject): Confirmation | null | number {
  const cnf = member(claims, 'cnf')
  if (cnf === undefined) return null
  if (typeof cnf !== 'object' || cnf === null || Array.isArray(cnf)) return CLAIM
  const methods = cnf as JsonObject
  const names = Object.keys(methods)
  if (names.some(method => method !== 'x5t#S256' && method !== 'jkt')) return BINDING
  // Bound, and to nothing: nobody can have shown that.
  if (names.length === 0 || names.some(method => methods[method] === '')) return CLAIM
  const certificate = name(methods, 'x5t#S256')
  const key = name(methods, 'jkt')
  return certificate === null || key === null ? CLAIM : { certificate, key }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}
