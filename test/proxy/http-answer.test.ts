import { test } from 'tap'
import { ErrorPages } from '../../src/proxy/error-pages.ts'
import { type Answer, writeAnswerBody, writeAnswerHead } from '../../src/proxy/http-answer.ts'

const NO_PAGES = new ErrorPages([])
const PAGES = new ErrorPages([{ statusMin: 503, statusMax: 503, html: '<b>{{reason}}</b>' }])
const ANSWER: Answer = { status: 503, reason: 'no-backend', requestId: 'id-1', html: false }
const HEAD = { bodyLength: 12, lines: '', keepAlive: true, minor: 1, wait: 0 }
const STATUSES = [
  400, 401, 403, 404, 405, 408, 413, 414, 417, 421, 429, 431, 500, 501, 502, 503, 504, 505,
]

test('an answer is a problem of RFC 9457', async t => {
  t.strictSame(JSON.parse(writeAnswerBody(ANSWER, NO_PAGES)), {
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    reason: 'no-backend',
    request: 'id-1',
  })
  const odd = 'a"b\\\u00e9'
  const body = writeAnswerBody({ ...ANSWER, requestId: odd }, NO_PAGES)
  t.match(JSON.parse(body), { request: odd })
  t.equal(Buffer.byteLength(body), body.length, 'a character is a byte')
})

test('who prefers HTML gets the page of the operator, else a small one', async t => {
  const answer = { ...ANSWER, requestId: '<script>', html: true }
  t.equal(writeAnswerBody(answer, PAGES), '<b>no-backend</b>')
  const own = writeAnswerBody(answer, NO_PAGES)
  t.match(own, /<h1>503 Service Unavailable<\/h1><p>no-backend<\/p>.*&#60;script&#62;/)
  t.notMatch(own, '<script>')
  t.match(writeAnswerBody(ANSWER, PAGES), /^\{/, 'others get JSON all the same')
})

test('the head says what the body is, that it is not to be kept, and when to come back', async t => {
  t.match(
    writeAnswerHead(ANSWER, HEAD),
    /^HTTP\/1\.1 503 Service Unavailable\r\nDate: .{3}, \d\d .{3} \d{4} [\d:]{8} GMT\r\nContent-Type: application\/problem\+json\r\nContent-Length: 12\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: id-1\r\nRetry-After: 5\r\n\r\n$/,
  )
  t.match(
    writeAnswerHead({ ...ANSWER, html: true }, HEAD),
    /Content-Type: text\/html; charset=utf-8\r\n/,
  )
  const limited = { ...ANSWER, status: 429 }
  t.match(writeAnswerHead(limited, { ...HEAD, wait: 17 }), /\r\nRetry-After: 17\r\n/)
  t.notMatch(writeAnswerHead({ ...ANSWER, status: 502 }, HEAD), /Retry-After/)
})

test('the connection is kept or closed in the words of the client’s version', async t => {
  const head = (minor: number, keepAlive: boolean): string =>
    writeAnswerHead(ANSWER, { ...HEAD, minor, keepAlive })
  t.notMatch(head(1, true), /Connection/)
  t.match(head(0, true), /\r\nConnection: keep-alive\r\n/)
  t.match(head(0, false), /\r\nConnection: close\r\n/)
  t.match(head(1, false), /\r\nConnection: close\r\n/)
})

test('every status in use has its name', async t => {
  for (const status of STATUSES) {
    t.notMatch(writeAnswerHead({ ...ANSWER, status }, HEAD), /\d Error\r\n/, String(status))
  }
})
