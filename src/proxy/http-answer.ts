/**
 * Answers of weir's own, small and never cached: problem+json (RFC 9457), or HTML for those who prefer it.
 *
 * All text is latin1, as sockets are given it, so that a character is a byte.
 */
import { httpDate } from '../core/http-date.ts'
import { latin1 } from '../core/latin1.ts'
import type { RefusalName } from '../core/refusals.ts'
import type { ClientWriter } from './client-writer.ts'
import { htmlText, jsonText } from '../core/escapes.ts'
import type { ErrorPages } from './error-pages.ts'
import { type AnswerFacts, RepeatedAnswer } from './repeated-answer.ts'

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

/** Seconds after which a backend may be up again, or a queue shorter. */
const UNAVAILABLE_SECONDS = 5

export interface Answer {
  /** 400 to 599. */
  readonly status: number
  /** One of the names in docs/refusals.md. */
  readonly reason: string
  readonly requestId: string
  /** Whether the client has said that it prefers HTML. */
  readonly html: boolean
}

export interface AnswerHead {
  readonly bodyLength: number
  readonly keepAlive: boolean
  /** Of the client's HTTP version. */
  readonly minor: number
  /** 429: seconds until the client has a token again, at least 1; else 0. */
  readonly wait: number
  /** Further fields: Strict-Transport-Security, WWW-Authenticate. */
  readonly lines: string
}

/** @returns what a HEAD request is told the length of, and does not get */
export function writeAnswerBody(answer: Answer, pages: ErrorPages): string {
  const { status, reason, requestId } = answer
  const title = titleOf(status)
  if (!answer.html) {
    return `{"type":"about:blank","title":"${title}","status":${status},"reason":"${jsonText(reason)}","request":"${jsonText(requestId)}"}\n`
  }
  const page = pages.write(status, reason, requestId)
  if (page !== null) return page
  return (
    '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">' +
    `<title>${status} ${title}</title><h1>${status} ${title}</h1>` +
    `<p>${htmlText(reason)}</p><p><small>${htmlText(requestId)}</small></p></html>\n`
  )
}

export function writeAnswerHead(answer: Answer, head: AnswerHead): string {
  const { status, requestId, html } = answer
  const { bodyLength, keepAlive, minor, wait, lines } = head
  let out = `HTTP/1.1 ${status} ${titleOf(status)}\r\nDate: ${httpDate()}\r\n`
  out += `Content-Type: ${html ? 'text/html; charset=utf-8' : 'application/problem+json'}\r\n`
  out += `Content-Length: ${bodyLength}\r\nCache-Control: no-store\r\n`
  out += `X-Content-Type-Options: nosniff\r\nX-Request-Id: ${requestId}\r\n${lines}`
  const seconds = retryAfterOf(status, wait)
  if (seconds > 0) out += `Retry-After: ${seconds}\r\n`
  if (!keepAlive) out += 'Connection: close\r\n'
  else if (minor === 0) out += 'Connection: keep-alive\r\n'
  return `${out}\r\n`
}

/** Seconds, as Retry-After says them; 0 for none. @param wait of 429 */
export function retryAfterOf(status: number, wait: number): number {
  if (status === 503) return UNAVAILABLE_SECONDS
  return status === 429 ? wait : 0
}

function titleOf(status: number): string {
  return titles[status] ?? 'Error'
}

/** Of this worker; null until there was one. */
let repeated: RepeatedAnswer | null = null

/** Whom an answer is for. */
export interface Asker {
  /** HEAD was asked: the same head, and no body. */
  readonly toHead: boolean
  /** Bytes of its next requests lie there: their answers go into the same write. */
  readonly hasMore: boolean
}

/**
 * Writes the whole answer.
 *
 * @returns bytes of the body
 */
export function writeAnswer(
  writer: ClientWriter,
  answer: Answer,
  facts: AnswerFacts,
  pages: ErrorPages,
  { toHead, hasMore }: Asker,
): number {
  const again = toHead || repeated === null ? null : repeated.find(answer, facts, httpDate())
  if (again !== null) {
    const { bodyLength } = repeated!
    if (hasMore) writer.text(latin1(again, 0, again.length))
    else if (!writer.lend(again)) repeated = null
    return bodyLength
  }
  const body = writeAnswerBody(answer, pages)
  const head = writeAnswerHead(answer, { ...facts, bodyLength: body.length })
  writer.text(head)
  if (toHead) return 0
  if (!answer.html) repeated = new RepeatedAnswer(answer, facts, httpDate(), head, body)
  writer.text(body)
  return body.length
}

/** Why a head was refused with that status. */
export function headRefusal(status: number): RefusalName {
  if (status === 400) return 'bad-request'
  return status === 414 || status === 431 ? 'request-too-large' : 'not-supported'
}
