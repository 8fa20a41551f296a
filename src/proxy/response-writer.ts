/** The head a client gets: the backend's, written anew. */
import {
  CONTENT_LENGTH,
  isHopByHop,
  STRICT_TRANSPORT_SECURITY,
} from '../codec/http1/field-names.ts'
import { hasNoBody, readLength } from '../codec/http1/framing.ts'
import type { ResponseHead } from '../codec/http1/response-head.ts'
import { flat } from './line-parts.ts'

export interface ResponseOptions {
  /** Of the client's HTTP version. */
  readonly minor: number
  readonly keepAlive: boolean
  readonly toHead: boolean
  /** A whole Set-Cookie line of ours, or ''. */
  readonly cookie: string
  /** The line of Strict-Transport-Security in place of the backend's; '' keeps that. */
  readonly hsts: string
}

/** Whether the body is to be sent in chunks: its length is not known, and the client knows chunks. */
export function sendsChunks(head: ResponseHead, minor: number): boolean {
  return head.body < 0 && minor === 1
}

/**
 * Lines that go on as they are, one after the other, are copied as one piece, the status line among them:
 * most heads are one piece or two.
 */
export function writeResponse(head: ResponseHead, options: ResponseOptions): string {
  const kept = head.kept as Kept | null
  if (kept !== null && isSame(kept.options, options)) return kept.text
  const text = write(head, options)
  // Worth it from the second time on.
  if (head.isRepeated) head.kept = { options, text: flat(text) } satisfies Kept
  return text
}

/** Made of a head that came more than once. */
interface Kept {
  readonly options: ResponseOptions
  readonly text: string
}

function isSame(one: ResponseOptions, other: ResponseOptions): boolean {
  return (
    one.minor === other.minor &&
    one.keepAlive === other.keepAlive &&
    one.toHead === other.toHead &&
    one.hsts === other.hsts &&
    one.cookie === other.cookie
  )
}

function write(head: ResponseHead, options: ResponseOptions): string {
  const { text, count, connection, minor } = head
  const { hsts } = options
  const mayDropOthers = connection.named.length > 0
  const length = plainLength(head, options.toHead)
  let out = ''
  /** Of the piece that is to be copied next. */
  let start = 0
  let end = head.start(0)
  if (minor !== 1 || !head.isPlainLine) {
    out = `HTTP/1.1 ${head.status} ${head.reason}\r\n`
    start = end
  }
  for (let field = 0; field < count; field++) {
    const number = head.number(field)
    if (field !== length) {
      if (isHopByHop(number) || (number === STRICT_TRANSPORT_SECURITY && hsts !== '')) continue
      if (mayDropOthers && connection.named.includes(head.name(field).toLowerCase())) continue
    }
    const lineStart = head.start(field)
    const isPlain = head.isPlain(field)
    if (lineStart !== end || !isPlain) {
      if (end > start) out += text.slice(start, end)
      start = isPlain ? lineStart : head.end(field)
      if (!isPlain) out += `${head.name(field)}: ${head.value(field)}\r\n`
    }
    end = head.end(field)
  }
  if (end > start) out += text.slice(start, end)
  out += options.cookie + hsts
  if (length < 0) out += framing(head, options)
  if (!options.keepAlive) return `${out}Connection: close\r\n\r\n`
  return options.minor === 0 ? `${out}Connection: keep-alive\r\n\r\n` : `${out}\r\n`
}

/** The field that says the length as weir would say it, of a body that follows; -1 if there is none. */
function plainLength(head: ResponseHead, toHead: boolean): number {
  const field = head.only(CONTENT_LENGTH)
  if (field < 0 || hasNoBody(head.status, toHead) || !head.isPlain(field)) return -1
  // 007 is 7.
  const value = head.value(field)
  return value.length > 1 && value.startsWith('0') ? -1 : field
}

function framing(head: ResponseHead, { minor, toHead }: ResponseOptions): string {
  return sendsChunks(head, minor) ? 'Transfer-Encoding: chunked\r\n' : lengthField(head, toHead)
}

/**
 * 101 and what the backend said with it.
 *
 * @param cookie a whole Set-Cookie line of ours, or ''
 */
export function writeSwitch(head: ResponseHead, cookie: string): string {
  let out = 'HTTP/1.1 101 Switching Protocols\r\n'
  for (let field = 0; field < head.count; field++) {
    if (!isHopByHop(head.number(field))) out += `${head.name(field)}: ${head.value(field)}\r\n`
  }
  return `${out}${cookie}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
}

/** 1xx other than 101. */
export function writeInterim(head: ResponseHead): string {
  let out = `HTTP/1.1 ${head.status} ${head.reason}\r\n`
  for (let field = 0; field < head.count; field++) {
    if (!isHopByHop(head.number(field))) out += `${head.name(field)}: ${head.value(field)}\r\n`
  }
  return `${out}\r\n`
}

function lengthField(head: ResponseHead, toHead: boolean): string {
  if (!hasNoBody(head.status, toHead))
    return head.body >= 0 ? `Content-Length: ${head.body}\r\n` : ''
  // What GET would have got; a 204 has none (RFC 9110 §8.6).
  const field = head.only(CONTENT_LENGTH)
  if (head.status === 204 || field < 0) return ''
  const length = readLength(head.value(field))
  return length < 0 ? '' : `Content-Length: ${length}\r\n`
}
