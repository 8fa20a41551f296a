/** Answers of weir's own: problem+json (RFC 9457), small, never cached. */

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

/** Seconds after which it may be better; by status. */
const retryAfter: Readonly<Record<number, number>> = { 429: 1, 503: 5 }

export interface Answer {
  readonly status: number
  /** One of the names in docs/refusals.md, or of an ending. */
  readonly reason: string
  readonly requestId: string
  readonly keepAlive: boolean
  /** HEAD: the same head, and no body. */
  readonly toHead: boolean
  /** The line of Strict-Transport-Security; '' for none. */
  readonly hsts: string
  /** Seconds; 0 is what the status says by itself. */
  readonly retryAfter: number
}

/** The whole answer. */
export function writeAnswer(answer: Answer): string {
  const { status, reason, requestId, keepAlive, toHead, hsts } = answer
  const title = titles[status] ?? 'Error'
  const body = `${JSON.stringify({ type: 'about:blank', title, status, reason, request: requestId })}\n`
  const wait = answer.retryAfter === 0 ? retryAfter[status] : answer.retryAfter
  return (
    `HTTP/1.1 ${status} ${title}\r\n` +
    'Content-Type: application/problem+json\r\n' +
    `Content-Length: ${body.length}\r\n` +
    'Cache-Control: no-store\r\n' +
    `X-Request-Id: ${requestId}\r\n${hsts}` +
    (wait === undefined ? '' : `Retry-After: ${wait}\r\n`) +
    `Connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n\r\n${toHead ? '' : body}`
  )
}
