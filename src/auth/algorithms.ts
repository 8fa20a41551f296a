/**
 * THE TABLE of signature algorithms (RFC 7518 §3, RFC 8037, RFC 9864), and how Node is told to verify each.
 *
 * A key is for one of them, which is settled when it is loaded. What is not in the table does not exist:
 * `none` for one, and ES256K, which nobody here asked for.
 */
import { constants } from 'node:crypto'

export type KeyType = 'rsa' | 'ec' | 'ed25519' | 'ed448' | 'secret'

export interface Algorithm {
  readonly keyType: KeyType
  /** OpenSSL's name of the curve; '' for none. */
  readonly curve: string
  /** null where the algorithm has its own. */
  readonly hash: 'sha256' | 'sha384' | 'sha512' | null
  /** Bytes of the hash: a secret is to be as long (RFC 7518 §3.2), and the salt of PSS is. */
  readonly hashBytes: number
  /** Of RSA alone; 0 for the others. */
  readonly padding: number
  /** Bytes of a signature; 0 where the key decides. */
  readonly signatureBytes: number
}

const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants

export const algorithms = {
  RS256: rsa('sha256', 32, RSA_PKCS1_PADDING),
  RS384: rsa('sha384', 48, RSA_PKCS1_PADDING),
  RS512: rsa('sha512', 64, RSA_PKCS1_PADDING),
  PS256: rsa('sha256', 32, RSA_PKCS1_PSS_PADDING),
  PS384: rsa('sha384', 48, RSA_PKCS1_PSS_PADDING),
  PS512: rsa('sha512', 64, RSA_PKCS1_PSS_PADDING),
  ES256: ec('prime256v1', 'sha256', 32, 64),
  ES384: ec('secp384r1', 'sha384', 48, 96),
  ES512: ec('secp521r1', 'sha512', 64, 132),
  Ed25519: edwards('ed25519', 64),
  Ed448: edwards('ed448', 114),
  HS256: secret('sha256', 32),
  HS384: secret('sha384', 48),
  HS512: secret('sha512', 64),
} as const satisfies Record<string, Algorithm>

export type AlgorithmName = keyof typeof algorithms

/** The one that a key of this type is for if it does not say: what RFC 7518 and OpenID make the default. */
export const defaultAlgorithms: Readonly<Record<string, AlgorithmName>> = {
  rsa: 'RS256',
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
  ed25519: 'Ed25519',
  ed448: 'Ed448',
}

export function isAlgorithm(name: string): name is AlgorithmName {
  return Object.hasOwn(algorithms, name)
}

/** Whether a token that says `alg` may be of a key for `name`. */
export function isOf(alg: string, name: AlgorithmName): boolean {
  // The older name of both (RFC 8037 §3.1): the key says which of them it is.
  return alg === name || (alg === 'EdDSA' && (name === 'Ed25519' || name === 'Ed448'))
}

/** What a proof of a client's own key may be signed with (RFC 9449 §7.1): all but secrets. */
export const proofAlgorithms: readonly string[] = [
  ...(Object.keys(algorithms) as AlgorithmName[]).filter(name => !isSymmetric(name)),
  'EdDSA',
]

export function isSymmetric(alg: string): boolean {
  return alg === 'HS256' || alg === 'HS384' || alg === 'HS512'
}

function rsa(hash: NonNullable<Algorithm['hash']>, hashBytes: number, padding: number): Algorithm {
  return { keyType: 'rsa', curve: '', hash, hashBytes, padding, signatureBytes: 0 }
}

function ec(
  curve: string,
  hash: NonNullable<Algorithm['hash']>,
  hashBytes: number,
  signatureBytes: number,
): Algorithm {
  return { keyType: 'ec', curve, hash, hashBytes, padding: 0, signatureBytes }
}

function edwards(keyType: 'ed25519' | 'ed448', signatureBytes: number): Algorithm {
  return { keyType, curve: '', hash: null, hashBytes: 0, padding: 0, signatureBytes }
}

function secret(hash: NonNullable<Algorithm['hash']>, hashBytes: number): Algorithm {
  return { keyType: 'secret', curve: '', hash, hashBytes, padding: 0, signatureBytes: hashBytes }
}
