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
export const USER_AGENT = 19
export const REFERER = 20
export const COOKIE = 21
export const STRICT_TRANSPORT_SECURITY = 22
export const ACCEPT = 23
export const AUTHORIZATION = 24
export const X_API_KEY = 25
export const DPOP = 26
/** Who weir found the client to be: from clients these are never believed, nor passed on. */
export const X_WEIR_SUBJECT = 27
export const X_WEIR_CLIENT = 28
export const X_WEIR_SCOPES = 29
export const X_WEIR_AUTH = 30
export const X_REAL_IP = 31
export const TRACEPARENT = 32
export const TRACESTATE = 33
/** Any other name that begins with `X-Forwarded-`. */
export const X_FORWARDED_OTHER = 34
/** Any other name that begins with `X-Weir-`. */
export const X_WEIR_OTHER = 35

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
  'user-agent',
  'referer',
  'cookie',
  'strict-transport-security',
  'accept',
  'authorization',
  'x-api-key',
  'dpop',
  'x-weir-subject',
  'x-weir-client',
  'x-weir-scopes',
  'x-weir-auth',
  'x-real-ip',
  'traceparent',
  'tracestate',
] as const
const X_FORWARDED = 'x-forwarded-'
const X_WEIR = 'x-weir-'
const X = 0x78

/** How many numbers there are; {@link OTHER} is one. */
export const FIELD_NUMBERS = names.length + 2

/** Names by a slot that their length and ends give; those of one slot are chained. */
const SLOTS = 64
const firstOf = new Uint8Array(SLOTS)
const nextOf = new Uint8Array(names.length)
for (let number = 1; number < names.length; number++) {
  const name = names[number]!
  const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1))
  nextOf[number] = firstOf[slot]!
  firstOf[slot] = number
}

/** Bytes of a token only; their case does not matter. */
function slotOf(length: number, first: number, last: number): number {
  return (length * 5 + (first | 0x20) * 3 + (last | 0x20)) & (SLOTS - 1)
}

/** The number of the field whose name, a token, lies in `bytes` from `start` to before `end`. */
export function fieldNumber(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  let number = firstOf[slotOf(length, bytes[start]!, bytes[end - 1]!)]!
  while (number !== OTHER) {
    const name = names[number]!
    if (name.length === length && beginsWith(bytes, start, name)) return number
    number = nextOf[number]!
  }
  if ((bytes[start]! | 0x20) !== X) return OTHER
  if (length >= X_FORWARDED.length && beginsWith(bytes, start, X_FORWARDED)) {
    return X_FORWARDED_OTHER
  }
  return length >= X_WEIR.length && beginsWith(bytes, start, X_WEIR) ? X_WEIR_OTHER : OTHER
}

function beginsWith(bytes: Uint8Array, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    // Token bytes differ from their lower case in this bit alone, or not at all.
    if ((bytes[start + i]! | 0x20) !== lower.charCodeAt(i)) return false
  }
  return true
}

/** The number of the field with that name, in latin1. */
export function numberOfField(name: string): number {
  return fieldNumber(Buffer.from(name, 'latin1'), 0, name.length)
}

/** Fields that are about one connection and go no further, RFC 9110 §7.6.1. */
const hopByHop = new Uint8Array(FIELD_NUMBERS)
for (const number of [
  CONTENT_LENGTH,
  TRANSFER_ENCODING,
  CONNECTION,
  KEEP_ALIVE,
  PROXY_CONNECTION,
  TE,
  TRAILER,
  UPGRADE,
  HTTP2_SETTINGS,
]) {
  hopByHop[number] = 1
}

/** Also Content-Length: framing is written anew for each hop. */
export function isHopByHop(number: number): boolean {
  return hopByHop[number] === 1
}

/** Whether clients say who they are in it. */
export function isCredential(number: number): boolean {
  return number >= AUTHORIZATION && number <= DPOP
}

/** Whether the field says who the client is, as only weir may tell a backend. */
export function isIdentity(number: number): boolean {
  return (number >= X_WEIR_SUBJECT && number <= X_WEIR_AUTH) || number === X_WEIR_OTHER
}

/**
 * Fields no `Connection` may name away: a client could make weir forget who it is (CVE-2024-45410,
 * CVE-2022-31813).
 */
const kept: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'dpop',
  'cookie',
  'forwarded',
  'x-request-id',
  'x-real-ip',
  'traceparent',
  'tracestate',
  'via',
  'expect',
])

/** @param name in lower case */
export function mayBeNamedAway(name: string): boolean {
  return !kept.has(name) && !name.startsWith(X_FORWARDED) && !name.startsWith(X_WEIR)
}
