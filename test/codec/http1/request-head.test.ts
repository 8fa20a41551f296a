import * as fc from 'fast-check'
import { test } from 'tap'
import { CHUNKED } from '../../../src/codec/http1/framing.ts'
import {
  FIELDS_MAX,
  HEAD_MAX,
  isUnfinished,
  LINE_MAX,
  NEED_MORE,
  OK,
} from '../../../src/codec/http1/head.ts'
import { RequestHead } from '../../../src/codec/http1/request-head.ts'

function parse(text: string): { code: number; head: RequestHead } {
  const head = new RequestHead()
  const bytes = Buffer.from(text, 'latin1')
  return { code: head.parse(bytes, 0, bytes.length, 0), head }
}

/** The same, byte by byte: the answer at the first byte that has one. */
function parseSlowly(text: string): number {
  const head = new RequestHead()
  const bytes = Buffer.from(text, 'latin1')
  let code = NEED_MORE
  for (let end = 1; end <= bytes.length && code === NEED_MORE; end++) {
    code = head.parse(bytes, 0, end, end - 1)
  }
  return code
}

const HOST = 'Host: a.test\r\n'

test('a request is read whole', async t => {
  const text = `POST /a%7Eb/./c?x={y} HTTP/1.1\r\n${HOST}Content-Length: 12\r\nX-Two: \t two  words \r\n\r\nrest`
  const { code, head } = parse(text)
  t.equal(code, OK)
  t.match(head, {
    method: 'POST',
    minor: 1,
    authority: 'a.test',
    body: 12,
    target: { path: '/a~b/c', query: '?x={y}', authority: '' },
    connection: { keepAlive: true },
    size: text.length - 4,
    count: 3,
  })
  t.equal(head.name(2), 'X-Two')
  t.equal(head.value(2), 'two  words')
})

const refused: [string, number, string][] = [
  ['no host', 400, 'GET / HTTP/1.1\r\n\r\n'],
  ['two hosts', 400, `GET / HTTP/1.1\r\n${HOST}Host: b.test\r\n\r\n`],
  ['empty host', 400, 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['host with a path', 400, 'GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n'],
  ['host with user', 400, 'GET / HTTP/1.1\r\nHost: u@a.test\r\n\r\n'],
  ['two hosts in one', 400, 'GET / HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n'],
  ['port too high', 400, 'GET / HTTP/1.1\r\nHost: a.test:65536\r\n\r\n'],
  ['bare LF', 400, `GET / HTTP/1.1\nHost: a.test\n\n`],
  ['bare LF in fields', 400, `GET / HTTP/1.1\r\n${HOST}A: b\nC: d\r\n\r\n`],
  ['bare CR', 400, `GET / HTTP/1.1\r\n${HOST}A: b\rC: d\r\n\r\n`],
  ['NUL', 400, `GET / HTTP/1.1\r\n${HOST}A: b\0\r\n\r\n`],
  ['a control character', 400, `GET / HTTP/1.1\r\n${HOST}A: b\x01\r\n\r\n`],
  ['obs-fold', 400, `GET / HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`],
  ['fold at once', 400, `GET / HTTP/1.1\r\n Host: a.test\r\n\r\n`],
  ['blank before the colon', 400, `GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`],
  ['empty name', 400, `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`],
  ['no colon', 400, `GET / HTTP/1.1\r\n${HOST}A\r\n\r\n`],
  ['name of more than tokens', 400, `GET / HTTP/1.1\r\n${HOST}A(b): c\r\n\r\n`],
  ['two blanks', 400, `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  ['a tab', 400, `GET\t/ HTTP/1.1\r\n${HOST}\r\n`],
  ['blank at the end', 400, `GET / HTTP/1.1 \r\n${HOST}\r\n`],
  ['HTTP/0.9', 400, `GET /\r\n${HOST}\r\n`],
  ['no method', 400, ` / HTTP/1.1\r\n${HOST}\r\n`],
  ['lower-case version', 400, `GET / http/1.1\r\n${HOST}\r\n`],
  ['HTTP/1.10', 400, `GET / HTTP/1.10\r\n${HOST}\r\n`],
  ['HTTP/2.0', 505, `GET / HTTP/2.0\r\n${HOST}\r\n`],
  ['HTTP/1.2', 505, `GET / HTTP/1.2\r\n${HOST}\r\n`],
  ['HTTP/0.9 by name', 505, `GET / HTTP/0.9\r\n${HOST}\r\n`],
  ['the preface of HTTP/2', 505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a TLS hello', 400, '\x16\x03\x01\x02\0\x01'],
  ['two empty lines before', 400, `\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`],
  ['a CR before', 400, `\rGET / HTTP/1.1\r\n${HOST}\r\n`],
  ['a long method', 501, `${'A'.repeat(33)} / HTTP/1.1\r\n${HOST}\r\n`],
  ['CONNECT of a path', 501, `CONNECT / HTTP/1.1\r\n${HOST}\r\n`],
  ['TRACE with a body', 400, `TRACE / HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\n`],
  ['https over http', 421, `GET https://a.test/ HTTP/1.1\r\n${HOST}\r\n`],
  ['a bad Host beside the absolute form', 400, 'GET http://a.test/ HTTP/1.1\r\nHost: x y\r\n\r\n'],
  ['an empty Host beside it', 400, 'GET http://a.test/ HTTP/1.1\r\nHost:\r\n\r\n'],
  ['long method and line', 414, `${'A'.repeat(40)} /${'a'.repeat(9000)} HTTP/1.1\r\n${HOST}\r\n`],
  ['a bad byte behind a bad version', 400, `GET / HTTP/3.0\r\n${HOST}A: b\rc\r\n\r\n`],
  [
    'a bad byte behind too many fields',
    400,
    `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(101)}A\n\r\n\r\n`,
  ],
  ['many options', 400, `GET / HTTP/1.1\r\n${HOST}Connection: ${'a,'.repeat(40)}\r\n\r\n`],
  ['CONNECT', 501, `CONNECT a.test:443 HTTP/1.1\r\n${HOST}\r\n`],
  ['star, not OPTIONS', 400, `GET * HTTP/1.1\r\n${HOST}\r\n`],
  ['no leading slash', 400, `GET x HTTP/1.1\r\n${HOST}\r\n`],
  ['fragment', 400, `GET /a#b HTTP/1.1\r\n${HOST}\r\n`],
  ['other scheme', 400, `GET ftp://a.test/ HTTP/1.1\r\n${HOST}\r\n`],
  [
    'CL and TE',
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  [
    'TE and CL',
    400,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`,
  ],
  ['two lengths', 400, `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`],
  [
    'the same length twice',
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`,
  ],
  ...['', '+5', '-5', '5,5', '5, 5', '0x5', '5 5', '5a', '٣', '9'.repeat(20), '1e1', '5;'].map(
    (length): [string, number, string] => [
      `length ${length}`,
      400,
      `POST / HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\n\r\n`,
    ],
  ),
  ...(
    [
      ['identity', 400],
      ['gzip', 400],
      ['chunked, gzip', 400],
      ['chunked, chunked', 400],
      ['gzip, chunked', 501],
      ['xchunked', 501],
      ['chunked;q=1', 400],
      ['', 400],
      [',chunked', 400],
      ['"chunked"', 400],
      ['\x0bchunked', 400],
    ] as [string, number][]
  ).map(([coding, code]): [string, number, string] => [
    `coding ${coding}`,
    code,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${coding}\r\n\r\n`,
  ]),
  [
    'two codings',
    400,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  ['chunks in HTTP/1.0', 400, `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`],
  [
    'other expectation',
    417,
    `POST / HTTP/1.1\r\n${HOST}Expect: 200-ok\r\nContent-Length: 1\r\n\r\n`,
  ],
  ['long target', 414, `GET /${'a'.repeat(9000)} HTTP/1.1\r\n${HOST}\r\n`],
  ['long head', 431, `GET / HTTP/1.1\r\n${HOST}A: ${'a'.repeat(HEAD_MAX)}\r\n\r\n`],
  ['many fields', 431, `GET / HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(100)}\r\n`],
]

test('what could be read in two ways, or is too much, is refused by its status', async t => {
  for (const [name, code, text] of refused) {
    t.equal(parse(text).code, code, name)
    t.equal(parseSlowly(text), code, `${name}, byte by byte`)
  }
})

test('what is unusual and means one thing is taken', async t => {
  const taken: [string, string, object][] = [
    [
      'HTTP/1.0',
      'GET / HTTP/1.0\r\n\r\n',
      { minor: 0, authority: '', connection: { keepAlive: false } },
    ],
    [
      'HTTP/1.0 kept',
      `GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n`,
      { connection: { keepAlive: true } },
    ],
    ['no blank after the colon', 'GET / HTTP/1.1\r\nHost:a.test\r\n\r\n', { authority: 'a.test' }],
    [
      'absolute form',
      `GET http://b.test:80 HTTP/1.1\r\n${HOST}\r\n`,
      { authority: 'b.test:80', target: { path: '/' } },
    ],
    ['an empty line before', `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, { method: 'GET' }],
    ['a line of 8000', `GET /${'a'.repeat(7986)} HTTP/1.1\r\n${HOST}\r\n`, { minor: 1 }],
    ['star', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, { target: { path: '*' } }],
    ['IPv6', 'GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', { authority: '[::1]:80' }],
    [
      'chunked in capitals',
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: CHUNKED\r\n\r\n`,
      { body: CHUNKED },
    ],
    ['a method nobody knows', `BREW / HTTP/1.1\r\n${HOST}\r\n`, { method: 'BREW' }],
    [
      'close',
      `GET / HTTP/1.1\r\n${HOST}Connection: foo, Close\r\n\r\n`,
      { connection: { keepAlive: false, named: ['foo'] } },
    ],
    [
      'protected names',
      `GET / HTTP/1.1\r\n${HOST}Connection: X-Forwarded-For, Authorization, Host\r\n\r\n`,
      { connection: { named: [] } },
    ],
    [
      'WebSocket',
      `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      { upgrade: true },
    ],
    [
      'WebSocket, not by GET',
      `POST / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      { upgrade: false },
    ],
    [
      'h2c',
      `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n`,
      { upgrade: false },
    ],
    [
      'Expect',
      `PUT / HTTP/1.1\r\n${HOST}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n`,
      { expectsContinue: true },
    ],
  ]
  for (const [name, text, facts] of taken) {
    const { code, head } = parse(text)
    t.equal(code, OK, name)
    t.match(head, facts, name)
    t.equal(parseSlowly(text), OK, name)
  }
})

test('one object reads one head after the other', async t => {
  const head = new RequestHead()
  const first = Buffer.from(
    `POST /a HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`,
  )
  const second = Buffer.from(`GET /b HTTP/1.1\r\n${HOST}\r\n`)
  t.equal(head.parse(first, 0, first.length, 0), OK)
  t.equal(head.parse(second, 0, second.length, 0), OK)
  t.match(head, { method: 'GET', body: 0, expectsContinue: false, upgrade: false, count: 1 })
})

test('the limits are exact: the largest line, head and count are taken, one more is not', async t => {
  const line = (length: number) => `GET /${'a'.repeat(length - 14)} HTTP/1.1\r\n${HOST}\r\n`
  const whole = (length: number) => {
    const head = `GET / HTTP/1.1\r\n${HOST}A: `
    return `${head}${'a'.repeat(length - head.length - 4)}\r\n\r\n`
  }
  const fields = (count: number) => `GET / HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(count - 1)}\r\n`
  for (const [text, code] of [
    [line(LINE_MAX), OK],
    [line(LINE_MAX + 1), 414],
    [whole(HEAD_MAX), OK],
    [whole(HEAD_MAX + 1), 431],
    [fields(FIELDS_MAX), OK],
    [fields(FIELDS_MAX + 1), 431],
  ] as const) {
    t.equal(parse(text).code, code, `${text.length} bytes`)
    t.equal(parseSlowly(text), code, `${text.length} bytes, byte by byte`)
  }
})

test('names with more than letters, digits and hyphens are told', async t => {
  const { head } = parse(`GET / HTTP/1.1\r\n${HOST}X-A1: b\r\nX_A: b\r\nX.A: b\r\n\r\n`)
  t.strictSame(
    [0, 1, 2, 3].map(field => head.hasOddName(field)),
    [false, false, true, true],
  )
})

/** All that can be asked of a head. */
function facts(head: RequestHead): object {
  const { method, target, minor, authority, body, connection, upgrade, expectsContinue, size } =
    head
  const fields = Array.from({ length: head.count }, (_, field) => [
    head.number(field),
    head.name(field),
    head.value(field),
    head.text.slice(head.start(field), head.end(field)),
    head.isPlain(field),
    head.hasOddName(field),
  ])
  const onlys = Array.from({ length: 40 }, (_, number) => head.only(number))
  return {
    method,
    target,
    minor,
    authority,
    body,
    connection,
    upgrade,
    expectsContinue,
    size,
    fields,
    onlys,
  }
}

test('a head after others is read as if it were the first, however much they have in common', async t => {
  const line = fc.tuple(
    fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'TRACE'),
    fc.constantFrom('/', '/a/b?c', '/%41/../x', 'http://b.test/', '*', '/<'),
    fc.constantFrom('1.1', '1.1', '1.1', '1.0', '2.0'),
  )
  const token = 'x'.repeat(40)
  const oneLetter = fc
    .nat(token.length - 1)
    .map(at => `Host: a\r\nReferer: ${token.slice(0, at)}y${token.slice(at + 1)}\r\n`)
  const some = fc.constantFrom(
    'Host: a\r\n',
    'Host: a\r\nUser-Agent: x\r\nX_Y:1\r\n',
    'Host: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n',
    'Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
    'Host: a\r\nConnection: close, x-y\r\n',
    'Host: a\r\nHost: a\r\n',
    '',
  )
  const fields = fc.oneof({ arbitrary: some, weight: 3 }, oneLetter)
  let repeated = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(line, fields), { minLength: 2, maxLength: 6 }), heads => {
      const head = new RequestHead()
      let revision = 0
      let before = ''
      for (const [[method, target, version], lines] of heads) {
        const bytes = Buffer.from(`${method} ${target} HTTP/${version}\r\n${lines}\r\n`)
        const fresh = new RequestHead()
        const code = fresh.parse(bytes, 0, bytes.length, 0)
        if (head.parse(bytes, 0, bytes.length, 0) !== code) return false
        if (code !== 0) continue
        if (JSON.stringify(facts(head)) !== JSON.stringify(facts(fresh))) return false
        if (head.isRepeated !== (head.revision === revision)) return false
        if (head.isRepeated && lines !== before) return false
        if (head.isRepeated) repeated++
        revision = head.revision
        before = lines
      }
      return true
    }),
    { numRuns: 20_000 },
  )
  t.ok(repeated > 100, `${repeated} heads were the same as the one before`)
})

test('what is called unfinished is no head yet, and nothing that is refused', async t => {
  const texts = [
    `GET /a HTTP/1.1\r\n${HOST}X: y\r\n\r\n`,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nbody`,
    `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
    `GET / HTTP/1.1\n${HOST}\r\n`,
    `GET / HTTP/1.1\r\n${HOST}A: b\rc\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}A: \0\r\n\r\n`,
    `GET /${'a'.repeat(LINE_MAX)} HTTP/1.1\r\n${HOST}\r\n`,
    `GET / HTTP/1.1\r\n${HOST}A: ${'a'.repeat(HEAD_MAX)}\r\n\r\n`,
    '\u0016\u0003\u0001',
    `GET / HTTP/1.1\r\n${HOST}\r\nGET / HTTP/1.1\r\n`,
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 }),
      fc.nat(2 * HEAD_MAX),
      (text, pieces, first) => {
        // Behind the end lies what was read before.
        const bytes = Buffer.from(`${text}GET / HTTP/1.1\r\n\r\n`, 'latin1')
        let scanned = 0
        for (const piece of [1 + (first % text.length), ...pieces]) {
          const end = Math.min(text.length, scanned + piece)
          if (end === scanned) break
          const code = new RequestHead().parse(bytes, 0, end, 0)
          if (isUnfinished(bytes, end, scanned)) t.equal(code, NEED_MORE, `${text} to ${end}`)
          if (code !== NEED_MORE) break
          scanned = end
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('a head that is on its way is unfinished until its last byte', async t => {
  const text = `GET /a HTTP/1.1\r\n${HOST}Accept: */*\r\nX: y\r\n\r\n`
  const bytes = Buffer.from(text, 'latin1')
  for (let end = 1; end <= bytes.length; end++) {
    t.equal(isUnfinished(bytes, end, end - 1), end < bytes.length, `${end}`)
  }
})
