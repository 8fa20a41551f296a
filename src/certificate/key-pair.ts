/** Key pairs and the signatures made with them. Only what today's clients all accept: no SHA-1. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type Der, identifier, nothing, sequence } from './der.ts'

/** `ec` is P-256, an order of magnitude cheaper for the server than `rsa`, which is 2048 bits. */
export const keyTypes = ['ec', 'rsa'] as const

export type KeyType = (typeof keyTypes)[number]

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const RSA_BITS = 2048

/** RFC 5758 §3.2: ECDSA has no parameters. RFC 4055 §5: RSA has a NULL. */
const signatures = {
  ec: sequence(identifier('1.2.840.10045.4.3.2')),
  rsa: sequence(identifier('1.2.840.113549.1.1.11'), nothing()),
} as const satisfies Record<KeyType, Der>

export function createKeyPair(keyType: KeyType): KeyPair {
  return keyType === 'ec'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
}

/** PKCS#8, not encrypted: write it to files only their owner can read. */
export function writeKeyPem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' })
}

/** @throws RangeError if the key is neither RSA nor ECDSA */
export function readSigningKey(keyPem: string): KeyObject {
  const key = createPrivateKey(keyPem)
  signatureAlgorithm(key)
  return key
}

/** The AlgorithmIdentifier of {@link signBytes} with this key. */
export function signatureAlgorithm(privateKey: KeyObject): Der {
  const type = privateKey.asymmetricKeyType
  if (type === 'ec' || type === 'rsa') return signatures[type]
  throw new RangeError(`cannot sign with a key of type ${type}: use an ec or rsa key`)
}

/** SHA-256 with ECDSA (as DER, RFC 3279 §2.2.3) or with RSA PKCS#1 v1.5. */
export function signBytes(bytes: Uint8Array, privateKey: KeyObject): Buffer {
  return sign('sha256', bytes, privateKey)
}
