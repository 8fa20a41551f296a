/**
 * The head a backend gets: the client's, written anew.
 *
 * Fields of one hop stay behind, and so does what could pass for ours: names with an underscore or
 * another odd character (some readers take it for a hyphen), `Proxy` (CVE-2016-5385), `X-Weir-`, and all
 * that says where a request came from unless the peer is a proxy the operator trusts. Lines that go on as
 * they are, one after the other, are copied as one piece: their names and values are not touched at all.
 */
import { isInUrl } from '../auth/query-key.ts'
import { COOKIE, EXPECT, isCredential, REFERER } from '../codec/http1/field-names.ts'
import { CHUNKED } from '../codec/http1/framing.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { LOOK, PASS, type Treatments } from './forwarding.ts'
import type { Origin } from './origin.ts'
import type { IdentityFacts } from './identity-facts.ts'
import type { RequestClient } from './request-client.ts'
import type { Route } from './route.ts'
import { beginTrace } from './trace-context.ts'
import { ToldFields } from './told-fields.ts'

/** Of the head that is being written; there is never more than one. */
const told = new ToldFields()

/** What a request is written of: an exchange. */
export interface Outgoing {
  readonly head: RequestHead
  readonly client: RequestClient
  readonly requestId: string
  /** For clients that named no host. */
  readonly backendName: string
  readonly route: Route
  readonly facts: IdentityFacts | null
}

export function writeRequest(request: Outgoing, origin: Origin): string {
  const { head, client, requestId, backendName, route, facts } = request
  const { target } = head
  const { forwarding, repeated } = origin
  const path = route.forwardedPath(target.path)
  told.reset(forwarding.sendsXForwarded)
  let lines = head.isRepeated ? repeated.find(head.revision, route) : ''
  if (lines === '') {
    lines = linesUpToId(head, origin, client, backendName, route)
    if (head.isRepeated && isTheSame(head, origin)) repeated.keep(head.revision, route, lines)
  }
  let out = `${head.method} ${path}${target.query}${lines}${requestId}\r\n`
  if (facts !== null) out += facts.lines
  if (forwarding.traces) {
    out += told.hasTrace ? told.traceLines() : `traceparent: ${beginTrace()}\r\n`
  }
  out += head.minor === 1 ? 'Via: 1.1 weir\r\n' : 'Via: 1.0 weir\r\n'
  if (head.upgrade) out += 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  if (head.body === CHUNKED) out += 'Transfer-Encoding: chunked\r\n'
  else if (head.body > 0 || takesBody(head.method)) out += `Content-Length: ${head.body}\r\n`
  return `${out}\r\n`
}

/** From behind the target up to the id of the request. */
function linesUpToId(
  head: RequestHead,
  origin: Origin,
  client: RequestClient,
  backendHost: string,
  route: Route,
): string {
  const { authority } = head
  const { forwarding, forwarders } = origin
  const host = route.forwardedHost(authority === '' ? backendHost : authority)
  const start = ` HTTP/1.1\r\nHost: ${host}`
  if (forwarders === null) {
    const fields = copyFields(head, forwarding.untrusted, route, forwarding.hiddenParameter)
    return `${start}${fields}${origin.lines(authority)}X-Request-Id: `
  }
  const treatments = client.isDoubtful ? forwarding.doubtful : forwarding.trusted
  const fields = copyFields(head, treatments, route, forwarding.hiddenParameter)
  return `${start}${fields}${told.originLines(origin, client, authority)}X-Request-Id: `
}

/** Whether the lines are made of nothing but the head and the connection. */
function isTheSame(head: RequestHead, origin: Origin): boolean {
  return origin.forwarders === null && head.authority !== '' && !told.isTold
}

/** @returns the end of a line, and then those lines of the head that go on */
function copyFields(
  head: RequestHead,
  treatments: Treatments,
  route: Route,
  hiddenParameter: string,
): string {
  const { text, count, connection } = head
  const sticky = route.pool?.sticky ?? null
  const { removesCredential } = route.config.auth
  const mayDropOthers = connection.named.length > 0
  let out = '\r\n'
  /** Of the piece that is to be copied next. */
  let start = 0
  let end = 0
  for (let field = 0; field < count; field++) {
    const number = head.number(field)
    const treatment = treatments[number]
    if (treatment !== PASS && (treatment !== LOOK || !look(head, field, number, hiddenParameter)))
      continue
    if (head.hasOddName(field)) continue
    if (removesCredential && isCredential(number)) continue
    if (mayDropOthers && isNamedAway(head, field)) continue
    const lineStart = head.start(field)
    if (number === COOKIE && sticky !== null) {
      if (end > start) out += text.slice(start, end)
      const value = sticky.without(head.value(field))
      if (value !== '') out += `${head.name(field)}: ${value}\r\n`
      start = head.end(field)
    } else if (lineStart !== end || !head.isPlain(field)) {
      if (end > start) out += text.slice(start, end)
      start = lineStart
      if (!head.isPlain(field)) {
        out += `${head.name(field)}: ${head.value(field)}\r\n`
        start = head.end(field)
      }
    }
    end = head.end(field)
  }
  return end > start ? out + text.slice(start, end) : out
}

/** @returns whether the line goes on as it is */
function look(head: RequestHead, field: number, number: number, hiddenParameter: string): boolean {
  // An expectation without a body to wait for would make some backends wait all the same.
  if (number === EXPECT) return head.expectsContinue
  // The page was asked for with a credential in its URL: it goes no further that way either.
  if (number === REFERER) return !isInUrl(head.value(field), hiddenParameter)
  return told.take(number, head.value(field))
}

function isNamedAway(head: RequestHead, field: number): boolean {
  return head.connection.named.includes(head.name(field).toLowerCase())
}

/** Of these a backend may ask for a length even if there is nothing (RFC 9110 §8.6). */
function takesBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}
