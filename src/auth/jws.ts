/**
 * Takes a token apart: a JWS in compact form (RFC 7515 §3.1), its header and its claims, none of it believed.
 *
 * What is wrong with the form is said here, before any cryptography. A header says which key and algorithm
 * the token claims; what of that counts is up to the key (jwt.ts). Keys in the header are never used, and
 * a token that brings one is refused outright: nobody sends it without hoping that it is (RFC 8725 §2.6).
 */
import { decodeBase64url } from '../codec/base64url.ts'
import {
  DUPLICATE_MEMBER,
  type JsonObject,
  type JsonProblem,
  member,
  NOT_JSON,
  readJsonObject,
  TOO_COMPLEX,
  TRAILING,
} from '../codec/strict-json.ts'
import { refusal } from '../core/refusals.ts'

export interface Jws {
  readonly alg: string
  /** null for none; an empty one is one, and names no key. */
  readonly kid: string | null
  /** In lower case, without `application/`; '' for none. */
  readonly typ: string
  readonly claims: JsonObject
  /** What the signature is of. */
  readonly signed: Buffer
  readonly signature: Buffer
}

/** A kid is whatever an issuer likes; this is far more than any needs. */
const KID_MAX = 256
const ALG_MAX = 32

const DOT = 0x2e

const MALFORMED = refusal('token-malformed')
const ENCODING = refusal('token-encoding')
const OVERSIZED = refusal('token-oversized')
const ENCRYPTED = refusal('token-encrypted')
const DETACHED = refusal('token-detached')
const BEHIND = refusal('token-trailing')
const NO_ALGORITHM = refusal('token-alg-none')
const KEY_EMBEDDED = refusal('token-key-embedded')
const CRITICAL = refusal('token-crit')

const jsonRejections: Readonly<Record<JsonProblem, number>> = {
  [NOT_JSON]: refusal('token-not-json'),
  [DUPLICATE_MEMBER]: refusal('token-duplicate'),
  [TOO_COMPLEX]: refusal('token-nesting'),
  [TRAILING]: BEHIND,
}

/** Parameters that bring a key or say where to get one: RFC 7515 §4.1.2, §4.1.3, §4.1.5, §4.1.6. */
const KEY_PARAMETERS = ['jwk', 'jku', 'x5c', 'x5u'] as const

/** @returns its parts, or the number of a rejection */
export function readJws(token: string, lengthMax: number): Jws | number {
  if (token.length > lengthMax) return OVERSIZED
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first <= 0 || second === -1) return MALFORMED
  const dots = countDots(token, second + 1) + 2
  if (dots === 4) return ENCRYPTED
  if (dots !== 2) return BEHIND
  if (second === first + 1) return DETACHED

  const header = decodePart(token, 0, first)
  if (typeof header === 'number') return header
  const parameters = readHeader(header)
  if (typeof parameters === 'number') return parameters
  // With alg none there is no signature, and that is not what is wrong with it: so it comes after.
  if (second === token.length - 1) return MALFORMED
  const claims = decodePart(token, first + 1, second)
  if (typeof claims === 'number') return claims
  const signature = decodeBase64url(token.slice(second + 1))
  if (signature === null) return ENCODING
  const signed = Buffer.from(token.slice(0, second), 'latin1')
  return { ...parameters, claims, signed, signature }
}

function countDots(text: string, from: number): number {
  let dots = 0
  for (let i = from; i < text.length; i++) if (text.charCodeAt(i) === DOT) dots++
  return dots
}

function decodePart(token: string, start: number, end: number): JsonObject | number {
  const bytes = decodeBase64url(token.slice(start, end))
  if (bytes === null) return ENCODING
  const object = readJsonObject(bytes)
  return typeof object === 'number' ? jsonRejections[object] : object
}

function readHeader(header: JsonObject): Pick<Jws, 'alg' | 'kid' | 'typ'> | number {
  const alg = text(header, 'alg', ALG_MAX)
  const kid = text(header, 'kid', KID_MAX)
  const typ = text(header, 'typ', KID_MAX)
  if (alg === null || alg === '' || kid === null || typ === null) return MALFORMED
  // Names of algorithms know case (RFC 7515 §4.1.1); that of this one is a trick and nothing else.
  if (alg.toLowerCase() === 'none') return NO_ALGORITHM
  if (member(header, 'enc') !== undefined || member(header, 'zip') !== undefined) return ENCRYPTED
  if (KEY_PARAMETERS.some(name => member(header, name) !== undefined)) return KEY_EMBEDDED
  // b64 (RFC 7797) is one of those that must be listed, and weir knows none.
  if (member(header, 'crit') !== undefined) return CRITICAL
  if (member(header, 'b64') !== undefined) return DETACHED
  const media = typ.toLowerCase()
  return {
    alg,
    kid: member(header, 'kid') === undefined ? null : kid,
    typ: media.startsWith('application/') ? media.slice(12) : media,
  }
}

/** @returns '' if there is none, null if it is no text or too long */
function text(header: JsonObject, name: string, lengthMax: number): string | null {
  const value = member(header, name)
  if (value === undefined) return ''
  return typeof value === 'string' && value.length <= lengthMax ? value : null
}
