/**
 * The head a backend gets: the client's, written anew.
 *
 * Fields of one hop stay behind, and so does what could pass for ours: names with an underscore or
 * another odd character (some readers take it for a hyphen), `Proxy` (CVE-2016-5385), and all that says where a request came from
 * unless the peer is a proxy the operator trusts.
 */
import {
  COOKIE,
  EXPECT,
  FORWARDED,
  HOST,
  isHopByHop,
  isIdentity,
  PROXY,
  VIA,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_PROTO,
  X_REQUEST_ID,
} from '../codec/http1/field-names.ts'
import { CHUNKED } from '../codec/http1/framing.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import type { Route } from './route.ts'

export interface Origin {
  /** Address of the client. */
  readonly address: string
  readonly proto: 'http' | 'https'
  /** What the peer says of the client counts. */
  readonly trusted: boolean
}

/**
 * @param backendHost for clients that named none
 */
export function writeRequest(
  head: RequestHead,
  origin: Origin,
  requestId: string,
  backendHost: string,
  route: Route,
): string {
  const { target, authority, connection } = head
  const asked = authority === '' ? backendHost : authority
  const path = route.forwardedPath(target.path)
  const host = route.forwardedHost(asked)
  let out = `${head.method} ${path}${target.query} HTTP/1.1\r\nHost: ${host}\r\n`
  const sticky = route.pool?.sticky ?? null
  let from = ''
  let via = '1.1 weir'
  let told = 0
  for (let field = 0; field < head.count; field++) {
    const number = head.number(field)
    if (number === HOST || number === PROXY || isHopByHop(number) || isIdentity(number)) continue
    if (number === VIA) {
      via = `${head.value(field)}, ${via}`
      continue
    }
    if (isOfOrigin(number)) {
      if (!origin.trusted) continue
      if (number === X_FORWARDED_FOR) {
        from = from === '' ? head.value(field) : `${from}, ${head.value(field)}`
        continue
      }
      told |= 1 << number
    }
    if (head.hasOddName(field)) continue
    const name = head.name(field)
    if (connection.named.length > 0 && connection.named.includes(name.toLowerCase())) continue
    // An expectation without a body to wait for would make some backends wait all the same.
    if (number === EXPECT && !head.expectsContinue) continue
    if (number === COOKIE && sticky !== null) {
      const value = sticky.without(head.value(field))
      if (value !== '') out += `${name}: ${value}\r\n`
      continue
    }
    out += `${name}: ${head.value(field)}\r\n`
  }
  const says = (number: number): boolean => (told & (1 << number)) !== 0
  out += `X-Forwarded-For: ${from === '' ? origin.address : `${from}, ${origin.address}`}\r\n`
  if (!says(X_FORWARDED_PROTO)) out += `X-Forwarded-Proto: ${origin.proto}\r\n`
  if (!says(X_FORWARDED_HOST)) out += `X-Forwarded-Host: ${asked}\r\n`
  if (!says(X_REQUEST_ID)) out += `X-Request-Id: ${requestId}\r\n`
  out += `Via: ${via}\r\n`
  if (head.upgrade) out += 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  if (head.body === CHUNKED) out += 'Transfer-Encoding: chunked\r\n'
  else if (head.body > 0 || takesBody(head.method)) out += `Content-Length: ${head.body}\r\n`
  return `${out}\r\n`
}

function isOfOrigin(number: number): boolean {
  return (
    number === FORWARDED ||
    (number >= X_FORWARDED_FOR && number <= X_FORWARDED_HOST) ||
    number === X_REQUEST_ID
  )
}

/** Of these a backend may ask for a length even if there is nothing (RFC 9110 §8.6). */
function takesBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}
