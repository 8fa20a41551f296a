/** The certificate extensions weir writes (RFC 5280 §4.2), in certificates and in requests. */
import assert from 'node:assert/strict'
import { createHash, type KeyObject } from 'node:crypto'
import {
  bits,
  children,
  contents,
  type Der,
  decode,
  encode,
  identifier,
  octets,
  sequence,
  smallInteger,
  taggedBytes,
  yes,
} from './der.ts'
import { generalNames } from './subject.ts'

/** The bits of `KeyUsage`, counted from the left (RFC 5280 §4.2.1.3). */
const keyUsageBits = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const

export type KeyUsage = keyof typeof keyUsageBits

const purposes = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const

export type Purpose = keyof typeof purposes

const CRITICAL = true

/** @param pathLength how many authorities may stand between this one and a leaf; absent for a leaf */
export function basicConstraints(pathLength?: number): Der {
  const value = pathLength === undefined ? sequence() : sequence(yes(), smallInteger(pathLength))
  return extension('2.5.29.19', value, CRITICAL)
}

export function keyUsage(...usages: readonly KeyUsage[]): Der {
  let byte = 0
  let last = 0
  for (const usage of usages) {
    byte |= 0x80 >> keyUsageBits[usage]
    last = Math.max(last, keyUsageBits[usage])
  }
  return extension('2.5.29.15', bits(Uint8Array.of(byte), 7 - last), CRITICAL)
}

export function extendedKeyUsage(...uses: readonly Purpose[]): Der {
  return extension('2.5.29.37', sequence(...uses.map(use => identifier(purposes[use]))))
}

/** @param isOnlyName whether the subject is empty; the names must be understood then (§4.2.1.6) */
export function subjectAltName(names: readonly string[], isOnlyName = false): Der {
  return extension('2.5.29.17', generalNames(names), isOnlyName)
}

export function subjectKeyIdentifier(identifierBytes: Uint8Array): Der {
  return extension('2.5.29.14', octets(identifierBytes))
}

export function authorityKeyIdentifier(identifierBytes: Uint8Array): Der {
  return extension('2.5.29.35', sequence(taggedBytes(0, identifierBytes)))
}

/** RFC 5280 §4.2.1.2, method 1: SHA-1 as a short name for the key, not as protection. */
export function keyIdentifier(publicKey: KeyObject): Buffer {
  const [, key] = children(decode(publicKey.export({ type: 'spki', format: 'der' })))
  assert(key !== undefined, 'a SubjectPublicKeyInfo has two parts')
  // The first byte of a bit string counts its unused bits and is not part of the key.
  return createHash('sha1').update(contents(key).subarray(1)).digest()
}

function extension(oid: string, value: Der, isCritical = false): Der {
  const wrapped = octets(encode(value))
  return isCritical ? sequence(identifier(oid), yes(), wrapped) : sequence(identifier(oid), wrapped)
}
