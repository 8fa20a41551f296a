/** Classes of bytes, RFC 9110 §5.5 and §5.6.2, RFC 3986 §2. Indexed by byte; 0 is "not of the class". */

export const CR = 0x0d
export const LF = 0x0a
export const SP = 0x20
export const HTAB = 0x09
export const COLON = 0x3a
export const COMMA = 0x2c
export const SEMICOLON = 0x3b
export const EQUALS = 0x3d
export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const SLASH = 0x2f
export const QUESTION = 0x3f

const DIGITS = '0123456789'
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** A byte of a token → itself in lower case. */
export const tokenLower = tableOf(`!#$%&'*+-.^_\`|~${DIGITS}${LETTERS}`, code =>
  code >= 0x41 && code <= 0x5a ? code + 32 : code,
)

/** Set in {@link nameByte} for bytes of names that only odd ones have: neither letter, digit nor hyphen. */
export const ODD = 2
/** A byte of a token → 1, and {@link ODD}. */
export const nameByte = tableOf(`!#$%&'*+-.^_\`|~${DIGITS}${LETTERS}`, code =>
  `-${DIGITS}${LETTERS}`.includes(String.fromCharCode(code)) ? 1 : 1 | ODD,
)

/** What a field value may hold: blanks, visible ASCII and bytes above it (obs-text). */
export const isValueByte = tableFrom(
  code => code === HTAB || (code >= SP && code !== 0x7f && code <= 0xff),
)

/** Set in {@link targetByte}: a path with such a byte is not in normal form, or may not be. */
export const LOOK = 2
/** It begins a segment. */
export const SEGMENT = 4
/** A path where it begins a segment may not be in normal form. */
export const LOOK_FIRST = 8
/** What a request target may hold: what browsers send in queries, more than RFC 3986 allows. */
export const targetByte = tableFrom(code => {
  const character = String.fromCharCode(code)
  if (code <= SP || code >= 0x7f || '"<>#'.includes(character)) return 0
  if (character === '/') return 1 | SEGMENT | LOOK_FIRST
  if ('.;'.includes(character)) return 1 | LOOK_FIRST
  return '%\\^`{|}'.includes(character) ? 1 | LOOK : 1
})

/** Unreserved, RFC 3986 §2.3: encoded or not, they mean the same. */
export const isUnreserved = tableOf(`-._~${DIGITS}${LETTERS}`, () => 1)

/** A hex digit → its value plus 1. */
export const hexValue = tableOf('0123456789abcdefABCDEF', code => {
  return Number.parseInt(String.fromCharCode(code), 16) + 1
})

function tableOf(characters: string, value: (code: number) => number): Uint8Array {
  const table = new Uint8Array(256)
  for (let i = 0; i < characters.length; i++) {
    table[characters.charCodeAt(i)] = value(characters.charCodeAt(i))
  }
  return table
}

function tableFrom(value: (code: number) => number | boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => Number(value(code)))
}
