import { test } from 'tap'
import { ResponseHead } from '../../src/codec/http1/response-head.ts'
import {
  type ResponseOptions,
  sendsChunks,
  writeInterim,
  writeResponse,
  writeSwitch,
} from '../../src/proxy/response-writer.ts'

const KEEP: ResponseOptions = { minor: 1, keepAlive: true, toHead: false, cookie: '', hsts: '' }

function read(text: string, toHead = false): ResponseHead {
  const bytes = Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')
  const head = new ResponseHead()
  if (head.parse(bytes, 0, bytes.length, 0, toHead) !== 0) throw new Error(`not read: ${text}`)
  return head
}

/** @returns lines with LF, so that cases can be read */
function written(text: string, options: Partial<ResponseOptions> = {}): string {
  const whole = { ...KEEP, ...options }
  return writeResponse(read(text, whole.toHead), whole).replaceAll('\r\n', '\n')
}

test('a head without fields of the hop goes on as it is', t => {
  const head = 'HTTP/1.1 200 OK\nServer: x\nContent-Length: 12\nETag: "a"\n\n'
  t.equal(written(head), head)
  t.end()
})

test('fields of the hop are cut out, and those that Connection names', t => {
  const head =
    'HTTP/1.1 200 OK\nKeep-Alive: timeout=5\nA: 1\nConnection: keep-alive, X-Hop\nB: 2\n' +
    'x-hop: 3\nC: 4\nContent-Length: 3\n\n'
  t.equal(written(head), 'HTTP/1.1 200 OK\nA: 1\nB: 2\nC: 4\nContent-Length: 3\n\n')
  t.end()
})

test('a length that Connection names is told all the same', t => {
  t.equal(
    written('HTTP/1.1 200 OK\nConnection: content-length\nContent-Length: 3\n\n'),
    'HTTP/1.1 200 OK\nContent-Length: 3\n\n',
  )
  t.end()
})

test('what is written oddly is written anew', t => {
  t.equal(written('HTTP/1.1 204\nA:1\n\n'), 'HTTP/1.1 204 \nA: 1\n\n', 'no blank')
  t.equal(written('HTTP/1.1 204 \nA: 1 \nB:\t2\n\n'), 'HTTP/1.1 204 \nA: 1\nB: 2\n\n', 'blanks')
  t.equal(
    written('HTTP/1.0 200 OK\nA: 1\nContent-Length: 0\n\n'),
    'HTTP/1.1 200 OK\nA: 1\nContent-Length: 0\n\n',
    'an old version',
  )
  for (const odd of ['Content-Length: 007', 'Content-Length:7', 'Content-Length: 7 ']) {
    t.equal(
      written(`HTTP/1.1 200 OK\n${odd}\nA: 1\n\n`),
      'HTTP/1.1 200 OK\nA: 1\nContent-Length: 7\n\n',
      odd,
    )
  }
  t.equal(
    written('HTTP/1.1 200 OK\nContent-Length: 00\n\n'),
    'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  )
  t.end()
})

test('the end of the body is told as the client knows it', t => {
  const chunked = 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nA: 1\n\n'
  t.equal(written(chunked), 'HTTP/1.1 200 OK\nA: 1\nTransfer-Encoding: chunked\n\n')
  t.equal(
    written(chunked, { minor: 0, keepAlive: false }),
    'HTTP/1.1 200 OK\nA: 1\nConnection: close\n\n',
  )
  t.equal(written('HTTP/1.1 200 OK\n\n'), 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n')
  t.ok(sendsChunks(read('HTTP/1.1 200 OK\n\n'), 1))
  t.notOk(sendsChunks(read('HTTP/1.1 200 OK\n\n'), 0))
  t.notOk(sendsChunks(read('HTTP/1.1 200 OK\nContent-Length: 5\n\n'), 1))
  t.equal(
    written('HTTP/1.1 200 OK\nContent-Length: 5\n\n', { minor: 0 }),
    'HTTP/1.1 200 OK\nContent-Length: 5\nConnection: keep-alive\n\n',
  )
  t.end()
})

test('where no body follows the length is what GET would have got, and none of 204', t => {
  t.equal(
    written('HTTP/1.1 200 OK\nContent-Length: 5\nA: 1\n\n', { toHead: true }),
    'HTTP/1.1 200 OK\nA: 1\nContent-Length: 5\n\n',
  )
  t.equal(
    written('HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n'),
    'HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n',
  )
  t.equal(written('HTTP/1.1 204 No Content\nContent-Length: 0\n\n'), 'HTTP/1.1 204 No Content\n\n')
  t.end()
})

test('our own lines come after those of the backend, and Strict-Transport-Security in place of its', t => {
  t.equal(
    written('HTTP/1.1 200 OK\nStrict-Transport-Security: max-age=1\nContent-Length: 0\n\n', {
      hsts: 'Strict-Transport-Security: max-age=9\r\n',
      cookie: 'Set-Cookie: weir=1\r\n',
    }),
    'HTTP/1.1 200 OK\nContent-Length: 0\nSet-Cookie: weir=1\nStrict-Transport-Security: max-age=9\n\n',
  )
  t.equal(
    written('HTTP/1.1 200 OK\nStrict-Transport-Security: max-age=1\nContent-Length: 0\n\n'),
    'HTTP/1.1 200 OK\nStrict-Transport-Security: max-age=1\nContent-Length: 0\n\n',
  )
  t.end()
})

test('interim answers and switches lose the fields of the hop', t => {
  t.equal(
    writeInterim(read('HTTP/1.1 103 Early Hints\nConnection: x\nLink: </a>\n\n')),
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  )
  t.equal(
    writeSwitch(
      read(
        'HTTP/1.1 101 Sure\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: a\n\n',
      ),
      'Set-Cookie: weir=1\r\n',
    ),
    'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: a\r\nSet-Cookie: weir=1\r\n' +
      'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  t.end()
})

test('a head that comes again is written as it would be the first time, for whomever', async t => {
  const text =
    'HTTP/1.1 200 OK\r\nA: 1\r\nStrict-Transport-Security: x\r\nContent-Length: 5\r\n\r\n'
  const bytes = Buffer.from(text)
  const head = new ResponseHead()
  const all: ResponseOptions[] = [
    KEEP,
    KEEP,
    KEEP,
    { ...KEEP, keepAlive: false },
    { ...KEEP, minor: 0 },
    { ...KEEP, cookie: 'Set-Cookie: a\r\n' },
    { ...KEEP, hsts: 'Strict-Transport-Security: y\r\n' },
    KEEP,
  ]
  for (const options of all) {
    head.parse(bytes, 0, bytes.length, 0, false)
    const fresh = new ResponseHead()
    fresh.parse(bytes, 0, bytes.length, 0, false)
    t.equal(writeResponse(head, options), writeResponse(fresh, options))
  }
  const other = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n')
  head.parse(other, 0, other.length, 0, false)
  t.equal(writeResponse(head, KEEP), other.toString())
})
