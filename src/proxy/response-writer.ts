/** The head a client gets: the backend's, written anew. */
import {
  CONTENT_LENGTH,
  isHopByHop,
  STRICT_TRANSPORT_SECURITY,
} from '../codec/http1/field-names.ts'
import { hasNoBody, readLength } from '../codec/http1/framing.ts'
import type { ResponseHead } from '../codec/http1/response-head.ts'

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

export function writeResponse(head: ResponseHead, options: ResponseOptions): string {
  const { connection } = head
  const { hsts } = options
  let out = `HTTP/1.1 ${head.status} ${head.reason}\r\n`
  for (let field = 0; field < head.count; field++) {
    const number = head.number(field)
    if (isHopByHop(number) || (number === STRICT_TRANSPORT_SECURITY && hsts !== '')) continue
    const name = head.name(field)
    if (connection.named.length > 0 && connection.named.includes(name.toLowerCase())) continue
    out += `${name}: ${head.value(field)}\r\n`
  }
  out += options.cookie + hsts
  if (sendsChunks(head, options.minor)) out += 'Transfer-Encoding: chunked\r\n'
  else out += lengthField(head, options.toHead)
  if (!options.keepAlive) out += 'Connection: close\r\n'
  else if (options.minor === 0) out += 'Connection: keep-alive\r\n'
  return `${out}\r\n`
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
