/** Files with keys for tokens: PEM, a JWK or a JWK set; brought to the one form that workers take. */
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AlgorithmName } from '../auth/algorithms.ts'
import { type IssuerKeySet, readKeySet, type SkippedKey } from '../auth/key-set.ts'
import { explainRead } from './read-error.ts'

const SIZE_MAX = 262_144

/**
 * Reads a file of `--jwks` or, with `isNamed`, of `--jwt-key`.
 *
 * @returns its keys, or why it will not do, as the rest of a sentence that begins with its path
 */
export function readKeyFile(
  path: string,
  isNamed: boolean,
  algorithms: readonly AlgorithmName[] = [],
): IssuerKeySet | string {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    return explainRead(error)
  }
  if (content.length > SIZE_MAX) return `holds more than ${SIZE_MAX} bytes`
  const text = content.includes('-----BEGIN ') ? pemToSet(content) : jsonToSet(content)
  if ('problem' in text) return text.problem
  const set = { text: text.set, isNamed }
  const usable = checkKeySet(set, algorithms)
  return typeof usable === 'string' ? usable : set
}

/** @returns what is left out of a set, or why there is nothing to use in it */
export function checkKeySet(
  { text, isNamed }: IssuerKeySet,
  algorithms: readonly AlgorithmName[],
): readonly SkippedKey[] | string {
  const read = readKeySet(text, { secrets: isNamed, algorithms })
  if (typeof read === 'string') return read
  if (read.keys.length > 0) return read.skipped
  const [first] = read.skipped
  if (first === undefined) return 'holds no key'
  return `holds no key that can be used: of ${first.key}, ${first.reason}`
}

type Converted = { readonly set: string } | { readonly problem: string }

function pemToSet(pem: string): Converted {
  if (pem.includes('PRIVATE KEY-----')) {
    return {
      problem: 'holds a private key; make the public one of it with openssl pkey -pubout',
    }
  }
  try {
    return { set: JSON.stringify({ keys: [createPublicKey(pem).export({ format: 'jwk' })] }) }
  } catch (error) {
    return { problem: `cannot be read as PEM: ${(error as Error).message}` }
  }
}

function jsonToSet(text: string): Converted {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return {
      problem:
        'is no PEM public key, JWK or JWK set; a secret is a JWK: {"kty":"oct","alg":"HS256","k":"…"}',
    }
  }
  const isSingle = typeof value === 'object' && value !== null && 'kty' in value
  return { set: isSingle ? JSON.stringify({ keys: [value] }) : text }
}
