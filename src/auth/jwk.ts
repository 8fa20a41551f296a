/**
 * Makes a key of a JWK (RFC 7517), if it is one that tokens may be verified with.
 *
 * `use`, `key_ops` and `alg` are respected; sizes are held to RFC 7518 §3.2 and §3.3. What is wrong is said in a
 * sentence for the log: sets hold keys for other purposes, and one bad key must not cost the others.
 */
import { createHash, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { decodeBase64url } from '../codec/base64url.ts'
import { type JsonObject, member } from '../codec/strict-json.ts'
import {
  type Algorithm,
  type AlgorithmName,
  algorithms,
  defaultAlgorithms,
  isAlgorithm,
  isSymmetric,
} from './algorithms.ts'
import { VerifyKey } from './verify-key.ts'

const RSA_BITS_MIN = 2048
/** More would make each check of a forged token dear. */
const RSA_BITS_MAX = 8192
const EXPONENT_MAX = 1n << 32n
const KID_MAX = 256
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth']

export interface JwkRules {
  /** Whether a secret (`oct`) will do: only where the operator wrote it down himself. */
  readonly secrets: boolean
  /** What a key may be for; empty for all there are. */
  readonly algorithms: readonly AlgorithmName[]
}

/** @returns the key, or why it is left out */
export function readJwk(jwk: JsonObject, { secrets, algorithms }: JwkRules): VerifyKey | string {
  const kid = member(jwk, 'kid') ?? ''
  if (typeof kid !== 'string' || kid.length > KID_MAX) return `its kid is no text of ${KID_MAX}`
  const unfit = whyUnfit(jwk)
  if (unfit !== null) return unfit
  const kty = member(jwk, 'kty')
  if (kty === 'oct') {
    return secrets ? readSecret(jwk, kid, algorithms) : 'it is a secret (kty oct)'
  }
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') return `its kty is ${JSON.stringify(kty)}`
  let key: KeyObject
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' })
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`
  }
  return makeKey(key, kid, member(jwk, 'alg'), algorithms)
}

/**
 * What stands beside the members that are the key, and which its thumbprint does not cover.
 *
 * @returns why nothing may be verified with it; null if it may
 */
export function whyUnfit(jwk: JsonObject): string | null {
  const use = member(jwk, 'use')
  if (use !== undefined && use !== 'sig') return `its use is ${JSON.stringify(use)}, not "sig"`
  const operations = member(jwk, 'key_ops')
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'its key_ops do not allow to verify'
  }
  return PRIVATE_MEMBERS.some(name => member(jwk, name) !== undefined)
    ? 'it is a private key'
    : null
}

/** @param alg as its owner wrote it; undefined for none */
function makeKey(
  key: KeyObject,
  kid: string,
  alg: unknown,
  allowed: readonly AlgorithmName[],
): VerifyKey | string {
  const { asymmetricKeyType: type = '', asymmetricKeyDetails: details } = key
  const curve = details?.namedCurve ?? ''
  const bits = details?.modulusLength ?? 0
  if (type === 'rsa') {
    if (bits < RSA_BITS_MIN) return `its ${bits} bits of RSA are fewer than ${RSA_BITS_MIN}`
    if (bits > RSA_BITS_MAX) return `its ${bits} bits of RSA are more than ${RSA_BITS_MAX}`
    const exponent = details?.publicExponent ?? 0n
    if (exponent < 3n || exponent > EXPONENT_MAX || exponent % 2n === 0n) {
      return `its public exponent ${exponent} is no odd number from 3 to 2^32`
    }
  }
  const name = algorithmOf(alg, type, curve, allowed)
  if (name === null) {
    const kind = `${type} ${curve}`.trim()
    return alg === undefined
      ? `${kind} is for no algorithm weir knows`
      : `its alg is ${JSON.stringify(alg)}, which ${kind} is not for, or weir does not know`
  }
  return whyNotAllowed(name, allowed) ?? new VerifyKey(kid, name, key, thumbprint(key))
}

function whyNotAllowed(name: AlgorithmName, allowed: readonly AlgorithmName[]): string | null {
  if (allowed.length === 0 || allowed.includes(name)) return null
  return `it is for ${name}, and allowed is ${allowed.join(', ')}`
}

function algorithmOf(
  alg: unknown,
  type: string,
  curve: string,
  allowed: readonly AlgorithmName[],
): AlgorithmName | null {
  const own = defaultAlgorithms[type === 'ec' ? curve : type]
  // An RSA key may be for six of them: the first that the operator named, if it does not say.
  const wanted = allowed.find(name => type === 'rsa' && algorithms[name].keyType === 'rsa')
  if (alg === undefined) return wanted ?? own ?? null
  if (alg === 'EdDSA') return own === 'Ed25519' || own === 'Ed448' ? own : null
  if (typeof alg !== 'string' || !isAlgorithm(alg)) return null
  const algorithm: Algorithm = algorithms[alg]
  return algorithm.keyType === type && algorithm.curve === curve ? alg : null
}

function readSecret(
  jwk: JsonObject,
  kid: string,
  allowed: readonly AlgorithmName[],
): VerifyKey | string {
  const alg = member(jwk, 'alg')
  if (typeof alg !== 'string' || !isSymmetric(alg) || !isAlgorithm(alg)) {
    return 'a secret needs an alg of HS256, HS384 or HS512'
  }
  const k = member(jwk, 'k')
  const bytes = typeof k === 'string' ? decodeBase64url(k) : null
  if (bytes === null) return 'its k is no base64url'
  const { hashBytes } = algorithms[alg]
  if (bytes.length < hashBytes) {
    return `its secret has ${bytes.length} bytes, ${alg} needs at least ${hashBytes}`
  }
  // Not a thumbprint: RFC 7638 §7 warns of those of secrets, and it is compared within the process only.
  const key = new VerifyKey(kid, alg, createSecretKey(bytes), digest(bytes))
  return whyNotAllowed(alg, allowed) ?? key
}

/** Of the members that are the key, in the order of their names (RFC 7638 §3.3). */
function thumbprint(key: KeyObject): string {
  const { crv, e, kty, n, x, y } = key.export({ format: 'jwk' })
  return digest(JSON.stringify({ crv, e, kty, n, x, y }))
}

function digest(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('base64url')
}
