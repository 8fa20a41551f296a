/** Classes of bytes, RFC 9110 §5.5 and §5.6.2, RFC 3986 §2. Indexed by byte; 0 is "not of the class". */

export const CR = 0x0d
export const LF = 0x0a
export const SP = 0x20
export const HTAB = 0x09
export const COLON = 0x3a
export const SEMICOLON = 0x3b

/** A byte of a token → itself in lower case. */
export const tokenLower = tableOf(
  "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
  code => (code >= 0x41 && code <= 0x5a ? code + 32 : code),
)

/** What a field value may hold: blanks, visible ASCII and bytes above it (obs-text). */
export const isValueByte = tableFrom(
  code => code === HTAB || (code >= SP && code !== 0x7f && code <= 0xff),
)

/** What a request target may hold: what browsers send in queries, more than RFC 3986 allows. */
export const isTargetByte = tableFrom(
  code => code > SP && code < 0x7f && !'"<>#'.includes(String.fromCharCode(code)),
)

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

function tableFrom(isIn: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (isIn(code) ? 1 : 0))
}
