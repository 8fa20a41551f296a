/** What `?redirect=https` answers: the same host, path and query, over TLS. */
import type { RequestHead } from '../codec/http1/request-head.ts'
import { httpDate } from '../core/http-date.ts'
import type { Http1Session } from './http1-session.ts'
import { endOfHost } from '../codec/http1/authority.ts'

const HTTPS_PORT = 443

/** @returns false if it cannot be said where to */
export function redirect(
  session: Pick<Http1Session, 'keepsAlive' | 'writer'>,
  head: RequestHead,
  requestId: string,
  port: number,
): boolean {
  const location = httpsLocation(head, port)
  if (location === '') return false
  if (head.hasBody || !head.connection.keepAlive) session.keepsAlive = false
  session.writer.text(writeRedirect(location, requestId, session.keepsAlive))
  return true
}

/**
 * @param port that https is listened on
 * @returns '' for a client of HTTP/1.0 that named no host
 */
export function httpsLocation({ authority, target }: RequestHead, port: number): string {
  if (authority === '') return ''
  const host = authority.slice(0, endOfHost(authority))
  const path = target.path === '*' ? '/' : target.path
  return `https://${host}${port === HTTPS_PORT ? '' : `:${port}`}${path}${target.query}`
}

/** 308: unlike 301 it keeps the method (RFC 9110 §15.4.9). */
export function writeRedirect(location: string, requestId: string, keepAlive: boolean): string {
  return (
    'HTTP/1.1 308 Permanent Redirect\r\n' +
    `Date: ${httpDate()}\r\nLocation: ${location}\r\n` +
    'Content-Length: 0\r\n' +
    `X-Request-Id: ${requestId}\r\n` +
    `Connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n\r\n`
  )
}
