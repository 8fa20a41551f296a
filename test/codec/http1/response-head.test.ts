import { test } from 'tap'
import { CHUNKED, TO_THE_END } from '../../../src/codec/http1/framing.ts'
import { BAD, LINE_MAX, NEED_MORE, OK } from '../../../src/codec/http1/head.ts'
import { ResponseHead } from '../../../src/codec/http1/response-head.ts'

function parse(text: string, toHead = false): { code: number; head: ResponseHead } {
  const head = new ResponseHead()
  const bytes = Buffer.from(text, 'latin1')
  return { code: head.parse(bytes, 0, bytes.length, 0, toHead), head }
}

test('how long the body is', async t => {
  const cases: [string, boolean, number][] = [
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', false, 5],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', false, CHUNKED],
    ['HTTP/1.1 200 OK\r\n\r\n', false, TO_THE_END],
    ['HTTP/1.0 200 OK\r\n\r\n', false, TO_THE_END],
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', true, 0],
    ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', false, 0],
    ['HTTP/1.1 204 No Content\r\n\r\n', false, 0],
    ['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', false, 0],
    ['HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', false, 0],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', true, 0],
    ['HTTP/1.1 100 Continue\r\n\r\n', false, 0],
    ['HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', false, 0],
  ]
  for (const [text, toHead, body] of cases) {
    const { code, head } = parse(text, toHead)
    t.equal(code, OK, text)
    t.equal(head.body, body, text)
  }
})

test('a backend is held to the same rules', async t => {
  for (const text of [
    'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'HTTP/1.1 600 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/2 200 OK\r\n\r\n',
    'ICY 200 OK\r\n\r\n',
    'HTTP/1.1 200 O\0K\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nConnection: "close"\r\n\r\n',
    '\r\nHTTP/1.1 200 OK\r\n\r\n',
    'http/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 2.0 OK\r\n\r\n',
    'HTTP/1.1\t200 OK\r\n\r\n',
    `HTTP/1.1 200 ${'x'.repeat(LINE_MAX)}\r\n\r\n`,
    'hello',
  ]) {
    t.equal(parse(text).code, BAD, text)
  }
  t.equal(parse('HTTP/1.1 200 OK\r\nA: b\r\n').code, NEED_MORE)
})
