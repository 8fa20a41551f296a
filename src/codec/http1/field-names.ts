/** The fields weir itself reads, drops or writes, by number. Names are compared without case. */

export const OTHER = 0
export const HOST = 1
export const CONTENT_LENGTH = 2
export const TRANSFER_ENCODING = 3
export const CONNECTION = 4
export const KEEP_ALIVE = 5
export const PROXY_CONNECTION = 6
export const TE = 7
export const TRAILER = 8
export const UPGRADE = 9
export const EXPECT = 10
export const FORWARDED = 11
export const X_FORWARDED_FOR = 12
export const X_FORWARDED_PROTO = 13
export const X_FORWARDED_HOST = 14
export const VIA = 15
export const X_REQUEST_ID = 16
export const PROXY = 17
export const HTTP2_SETTINGS = 18

const names = [
  '',
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'via',
  'x-request-id',
  'proxy',
  'http2-settings',
] as const

/** Continues the hash of a name with one more byte, in lower case. */
export function hashNameByte(hash: number, lower: number): number {
  return (Math.imul(hash, 31) + lower) | 0
}

const numbers = new Map<number, number>()
for (let number = 1; number < names.length; number++) {
  let hash = 0
  for (const character of names[number]!) hash = hashNameByte(hash, character.charCodeAt(0))
  numbers.set(hash, number)
}

/**
 * The number of the field whose name lies in `text` from `start` to before `end`.
 *
 * @param hash of its bytes in lower case; only a hint, the name is compared
 */
export function fieldNumber(hash: number, text: string, start: number, end: number): number {
  const number = numbers.get(hash)
  if (number === undefined) return OTHER
  const name = names[number]!
  if (name.length !== end - start) return OTHER
  for (let i = 0; i < name.length; i++) {
    // Token bytes differ from their lower case in this bit alone, or not at all.
    if ((text.charCodeAt(start + i) | 0x20) !== name.charCodeAt(i)) return OTHER
  }
  return number
}

/** Fields that are about one connection and go no further, RFC 9110 §7.6.1. */
const hopByHop = new Set([
  CONTENT_LENGTH,
  TRANSFER_ENCODING,
  CONNECTION,
  KEEP_ALIVE,
  PROXY_CONNECTION,
  TE,
  TRAILER,
  UPGRADE,
  HTTP2_SETTINGS,
])

/** Also Content-Length: framing is written anew for each hop. */
export function isHopByHop(number: number): boolean {
  return hopByHop.has(number)
}

/**
 * Fields no `Connection` may name away: a client could make weir forget who it is (CVE-2024-45410,
 * CVE-2022-31813).
 */
const kept: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'cookie',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-request-id',
  'via',
  'expect',
])

/** @param name in lower case */
export function mayBeNamedAway(name: string): boolean {
  return !kept.has(name) && !name.startsWith('x-forwarded-')
}
