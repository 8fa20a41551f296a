/**
 * The host name of a TLS server_name extension (RFC 6066 §3), lower-cased and checked.
 *
 * The name picks certificates, pools and log fields, so only what every later reader reads the
 * same way gets through: a NUL ends a string in C, a Unicode full stop is a dot to some resolvers,
 * case and a trailing dot make two keys of one host.
 */
import { isIP } from 'node:net'

/** RFC 1035 §2.3.4: 255 bytes on the wire are 253 characters of text. */
const NAME_BYTES_MAX = 253
const LABEL_BYTES_MAX = 63

/** An IPv6 address with an IPv4 tail. */
const ADDRESS_BYTES_MAX = 45

const DOT = 0x2e
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39

/** Per byte: the lower-case byte that stands for it, 0 for a byte no host name has. */
const lowerCased = nameBytes()
/** Reused: a name is lower-cased into it, then made a string. */
const scratch = Buffer.alloc(NAME_BYTES_MAX)

/**
 * Reads the host name in `bytes` from `start` up to `end`.
 *
 * Letters, digits, hyphens, underscores and dots; labels of 1 to 63 bytes. A hyphen may stand at
 * either end of a label, as it does in names that are in use. A last label of digits only makes
 * the name an address (RFC 1123 §2.1), which RFC 6066 forbids here. Clients that are told to go to an
 * address send it all the same (wrk, older Java): a whole one counts as no name, which is what it is.
 *
 * @returns the name in lower case, '' for an address, or null if it is refused
 */
export function readServerName(bytes: Uint8Array, start: number, end: number): string | null {
  const name = readName(bytes, start, end)
  if (name !== null) return name
  if (end - start > ADDRESS_BYTES_MAX) return null
  return isIP(Buffer.from(bytes.subarray(start, end)).toString('latin1')) === 0 ? null : ''
}

function readName(bytes: Uint8Array, start: number, end: number): string | null {
  const length = end - start
  if (length > NAME_BYTES_MAX) return null

  let labelBytes = 0
  let labelDigits = 0
  for (let i = 0; i < length; i++) {
    const byte = lowerCased[bytes[start + i]!]!
    if (byte === 0) return null
    scratch[i] = byte
    if (byte === DOT) {
      if (labelBytes === 0) return null
      labelBytes = 0
      labelDigits = 0
      continue
    }
    labelBytes++
    if (labelBytes > LABEL_BYTES_MAX) return null
    if (byte >= DIGIT_0 && byte <= DIGIT_9) labelDigits++
  }
  // An empty name, a trailing dot, or an address: in all three no letter is left in the last label.
  if (labelBytes === labelDigits) return null
  return scratch.toString('latin1', 0, length)
}

function nameBytes(): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of 'abcdefghijklmnopqrstuvwxyz0123456789-_.') {
    table[character.charCodeAt(0)] = character.charCodeAt(0)
    table[character.toUpperCase().charCodeAt(0)] = character.charCodeAt(0)
  }
  return table
}
