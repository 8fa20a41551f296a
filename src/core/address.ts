/**
 * IP addresses as four 32-bit words, so that they can be hashed, masked and compared without strings.
 *
 * IPv4 is held as IPv4-mapped IPv6 (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2): a dual-stack socket reports
 * it so, and one client must not be two.
 */

export const ADDRESS_WORDS = 4

const MAPPED = 0xffff
const DOT = 0x2e
const COLON = 0x3a
const ZERO = 0x30
const PERCENT = 0x25

/**
 * Reads an IPv4 or IPv6 address into `words[0..3]`, most significant first.
 *
 * A zone (`%eth0`) is ignored: it names an interface of this host, not the client.
 *
 * @returns false if `text` is no address; `words` is undefined then
 */
export function parseAddress(text: string, words: Int32Array): boolean {
  const zone = text.indexOf('%')
  const end = zone === -1 ? text.length : zone
  if (text.indexOf(':') === -1) {
    const address = parseIpv4(text, 0, end)
    if (address === -1 || zone !== -1) return false
    setIpv4(words, address)
    return true
  }
  return parseIpv6(text, end, words)
}

/** Makes `words` the IPv4-mapped form of `address`, a number of 32 bits. */
function setIpv4(words: Int32Array, address: number): void {
  words[0] = 0
  words[1] = 0
  words[2] = MAPPED
  words[3] = address | 0
}

/** @returns the address as a number from 0 to 2^32-1, or -1 */
function parseIpv4(text: string, start: number, end: number): number {
  let address = 0
  let parts = 0
  let part = -1
  for (let i = start; i <= end; i++) {
    const digit = i < end ? text.charCodeAt(i) - ZERO : -2
    if (digit >= 0 && digit <= 9) {
      // No leading zeros: some readers take them for octal.
      if (part === 0) return -1
      part = part === -1 ? digit : part * 10 + digit
      if (part > 255) return -1
    } else {
      if (part === -1 || parts === 4 || (i < end && text.charCodeAt(i) !== DOT)) return -1
      address = address * 256 + part
      parts++
      part = -1
    }
  }
  return parts === 4 ? address : -1
}

function parseIpv6(text: string, end: number, words: Int32Array): boolean {
  words.fill(0, 0, ADDRESS_WORDS)
  // Groups after `::` are written from the left first and moved to the right end below.
  let groups = 0
  let gap = -1
  let i = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gap = 0
    i = 2
  }
  while (i < end) {
    if (groups === 8) return false
    let value = 0
    const start = i
    while (i < end && i - start < 5) {
      const digit = hexDigit(text.charCodeAt(i))
      if (digit === -1) break
      value = value * 16 + digit
      i++
    }
    if (i - start === 0 || i - start > 4) return false
    if (i < end && text.charCodeAt(i) === DOT) {
      const ipv4 = parseIpv4(text, start, end)
      if (ipv4 === -1 || groups > 6) return false
      setGroup(words, groups++, ipv4 >>> 16)
      setGroup(words, groups++, ipv4 & 0xffff)
      break
    }
    setGroup(words, groups++, value)
    if (i === end) break
    if (text.charCodeAt(i) !== COLON) return false
    i++
    if (i < end && text.charCodeAt(i) === COLON) {
      if (gap !== -1) return false
      gap = groups
      i++
    } else if (i === end) {
      return false
    }
  }
  if (gap === -1) return groups === 8
  if (groups === 8) return false
  for (let n = groups - 1, to = 7; n >= gap; n--, to--) {
    const value = group(words, n)
    setGroup(words, n, 0)
    setGroup(words, to, value)
  }
  return true
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= 0x39) return code - ZERO
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 && code !== PERCENT ? letter - 0x57 : -1
}

function group(words: Int32Array, index: number): number {
  const word = words[index >> 1]!
  return index % 2 === 0 ? word >>> 16 : word & 0xffff
}

function setGroup(words: Int32Array, index: number, value: number): void {
  const word = words[index >> 1]!
  words[index >> 1] =
    index % 2 === 0 ? (value << 16) | (word & 0xffff) : (word & ~0xffff) | (value & 0xffff)
}

export function isIpv4(words: Int32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === MAPPED
}

/** How much of an address is one client: `--ipv4-prefix`, `--ipv6-prefix`. */
export interface CountedPrefixes {
  readonly ipv4Prefix: number
  readonly ipv6Prefix: number
}

/** Bits of 128 of an address that are counted as one client. */
export function addressBits(
  address: Int32Array,
  { ipv4Prefix, ipv6Prefix }: CountedPrefixes,
): number {
  return isIpv4(address) ? 96 + ipv4Prefix : ipv6Prefix
}

/** Keeps the first `bits` of 128 and zeroes the rest, in place. */
export function maskAddress(words: Int32Array, bits: number): void {
  for (let i = 0; i < ADDRESS_WORDS; i++) {
    const kept = bits - i * 32
    if (kept >= 32) continue
    words[i] = kept <= 0 ? 0 : words[i]! & (-1 << (32 - kept))
  }
}

/** The canonical text (RFC 5952 §4 for IPv6). For logs and answers: it allocates. */
export function formatAddress(words: Int32Array): string {
  if (isIpv4(words)) {
    const w = words[3]!
    return `${w >>> 24}.${(w >>> 16) & 255}.${(w >>> 8) & 255}.${w & 255}`
  }
  // The longest run of two or more zero groups becomes `::`; the first of equals.
  let best = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && group(words, i + length) === 0) length++
    if (length > bestLength) {
      best = i
      bestLength = length
    }
    i += length
  }
  let text = ''
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      text += '::'
      i += bestLength - 1
    } else {
      if (text !== '' && !text.endsWith(':')) text += ':'
      text += group(words, i).toString(16)
    }
  }
  return text
}
