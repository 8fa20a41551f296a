import * as fc from 'fast-check'
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

test('a head after others is read as if it were the first, however much they have in common', async t => {
  const line = fc.constantFrom(
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200 ',
    'HTTP/1.1 103 Early',
    'HTTP/1.0 404 No',
  )
  const fields = fc.constantFrom(
    'Content-Length: 3\r\n',
    'A: 1\r\nTransfer-Encoding: chunked\r\n',
    'Connection: close, x\r\nX: 1\r\n',
    'Bad : 1\r\n',
    '',
  )
  const head = fc.tuple(line, fields, fc.boolean(), fc.integer({ min: 0, max: 40 }))
  let repeated = 0
  fc.assert(
    fc.property(fc.array(head, { minLength: 2, maxLength: 6 }), heads => {
      const read = new ResponseHead()
      for (const [first, lines, toHead, cut] of heads) {
        const bytes = Buffer.from(`${first}\r\n${lines}\r\nabc`)
        const fresh = new ResponseHead()
        const code = fresh.parse(bytes, 0, bytes.length, 0, toHead)
        const early = read.parse(bytes, 0, Math.min(cut, bytes.length), 0, toHead)
        if (early !== NEED_MORE && early !== code) return false
        if (read.parse(bytes, 0, bytes.length, 0, toHead) !== code) return false
        if (code !== OK) continue
        for (const key of ['text', 'count', 'status', 'minor', 'reason', 'body', 'size'] as const) {
          if (read[key] !== fresh[key]) return false
        }
        if (JSON.stringify(read.connection) !== JSON.stringify(fresh.connection)) return false
        for (let field = 0; field < fresh.count; field++) {
          if (read.name(field) !== fresh.name(field) || read.value(field) !== fresh.value(field))
            return false
        }
        if (read.isRepeated) repeated++
        else if (read.kept !== null) return false
        read.kept = first
      }
      return true
    }),
    { numRuns: 5000 },
  )
  t.ok(repeated > 100, `${repeated} heads were the same as the one before`)
})

test('the end of a head is found wherever it lies', async t => {
  for (let length = 0; length < 1200; length += 7) {
    const text = `HTTP/1.1 200 OK\r\nA: ${'\t'.repeat(length)}\r\nB: ${'x'.repeat(length % 5)}\r\n\r\n`
    const bytes = Buffer.from(`${text}\r\n\r\nrest`)
    const head = new ResponseHead()
    t.equal(head.parse(bytes, 0, bytes.length, 0, false), OK)
    t.equal(head.size, text.length)
    t.equal(head.parse(bytes, 0, text.length - 1, 0, false), NEED_MORE)
  }
})
