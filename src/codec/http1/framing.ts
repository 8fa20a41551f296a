/** How long a body is: decided here, for requests and responses, and nowhere else. RFC 9112 §6. */
import { readTokens } from './connection.ts'
import { CONTENT_LENGTH, TRANSFER_ENCODING } from './field-names.ts'
import { BAD, type Head } from './head.ts'

/** Instead of a length. */
export const CHUNKED = -1
/** To the end of the connection; of responses only. */
export const TO_THE_END = -2
/** Faults: the status, negative. */
export const BAD_FRAMING = -BAD
export const UNKNOWN_CODING = -501

/** 15 digits stay exact in a number. */
const LENGTH_DIGITS_MAX = 15
const CODINGS_MAX = 8
const CRLF_BYTES = 2
const SPACE = 0x20
const TAB = 0x09
const codings: ReadonlySet<string> = new Set([
  'chunked',
  'gzip',
  'x-gzip',
  'deflate',
  'compress',
  'x-compress',
  'identity',
])

/**
 * The body a request has.
 *
 * @param minor of the HTTP version
 * @returns bytes, CHUNKED, BAD_FRAMING or UNKNOWN_CODING
 */
export function requestBody(head: Head, minor: number): number {
  const body = declaredBody(head, minor)
  return body === TO_THE_END ? 0 : body
}

/**
 * The body a response has.
 *
 * @param toHead whether HEAD was asked
 * @returns bytes, CHUNKED, TO_THE_END, BAD_FRAMING or UNKNOWN_CODING
 */
export function responseBody(head: Head, minor: number, status: number, toHead: boolean): number {
  const body = declaredBody(head, minor)
  if (body < TO_THE_END) return body
  // RFC 9112 §6.1, RFC 9110 §8.6: to some a body would follow, to others the next response.
  if ((status < 200 || status === 204) && (body > 0 || body === CHUNKED)) return BAD_FRAMING
  return hasNoBody(status, toHead) ? 0 : body
}

/** RFC 9110 §6.4.1: whatever the fields say. */
export function hasNoBody(status: number, toHead: boolean): boolean {
  return toHead || status < 200 || status === 204 || status === 304
}

function declaredBody(head: Head, minor: number): number {
  const length = head.only(CONTENT_LENGTH)
  const coding = head.only(TRANSFER_ENCODING)
  // Twice is refused even if both say the same: the next reader may take the other.
  if (length === -2 || coding === -2) return BAD_FRAMING
  if (coding !== -1) {
    // Both is how requests are smuggled; an HTTP/1.0 peer does not know chunks (RFC 9112 §6.1).
    if (length !== -1 || minor === 0 || endsWithTab(head, head.end(coding))) return BAD_FRAMING
    return readCoding(head.value(coding))
  }
  return length === -1 ? TO_THE_END : readLength(head.value(length))
}

/**
 * A tab behind a value is none of it (RFC 9110 §5.5); to some readers, llhttp for one, it is, and then this is no coding
 * they know.
 */
function endsWithTab({ text }: Head, end: number): boolean {
  let at = end - CRLF_BYTES - 1
  while (text.charCodeAt(at) === SPACE) at--
  return text.charCodeAt(at) === TAB
}

/** @returns bytes or BAD_FRAMING */
export function readLength(text: string): number {
  if (text.length === 0 || text.length > LENGTH_DIGITS_MAX) return BAD_FRAMING
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return BAD_FRAMING
    length = length * 10 + digit
  }
  return length
}

function readCoding(text: string): number {
  if (text === 'chunked') return CHUNKED
  const names = readTokens(text, CODINGS_MAX)
  if (names === null) return BAD_FRAMING
  // Not even `chunked,`: to some an empty element is a coding.
  if (text.length === 7 && names[0] === 'chunked') return CHUNKED
  if (names.some(name => !codings.has(name))) return UNKNOWN_CODING
  // Chunked comes last and once; a body without it has no end that both sides agree on.
  const last = names.length - 1
  return last > 0 && names.indexOf('chunked') === last ? UNKNOWN_CODING : BAD_FRAMING
}
