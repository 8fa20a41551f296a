import * as fc from 'fast-check'
import { test } from 'tap'
import { ChunkReader } from '../../../src/codec/http1/chunks.ts'

interface Read {
  readonly body: string
  readonly used: number
  readonly done: boolean
}

/** @param cuts where the bytes are cut */
function read(text: string, cuts: readonly number[] = []): Read {
  const bytes = Buffer.from(text, 'latin1')
  const reader = new ChunkReader()
  let body = ''
  const owner = {
    onData(from: Buffer, start: number, end: number): void {
      body += from.toString('latin1', start, end)
    },
  }
  const ends = [...cuts.map(cut => cut % (bytes.length + 1)), bytes.length]
  let at = 0
  for (const end of ends.toSorted((a, b) => a - b)) {
    if (end < at) continue
    const stopped = reader.read(bytes, at, end, owner)
    if (stopped === -1) return { body, used: -1, done: false }
    at = stopped
    if (reader.done) break
  }
  return { body, used: at, done: reader.done }
}

test('chunks, extensions and trailers; what follows is left', async t => {
  const text = '5\r\nhello\r\n6;a=b;c="d e"\r\n world\r\n0\r\nX-Sum: 1\r\n\r\nGET'
  t.strictSame(read(text), { body: 'hello world', used: text.length - 3, done: true })
  t.match(read('0\r\n\r\n'), { body: '', done: true })
  t.match(read('1;a="\\";\\\\"\r\nx\r\n0\r\n\r\n'), { body: 'x', done: true })
  t.match(read('0\r\nContent-Length-Of: 1\r\nHost-: 2\r\n\r\n'), { done: true })
  t.match(read('000A\r\n0123456789\r\n0\r\n'), { body: '0123456789', done: false })
})

test('any cut gives the same', async t => {
  const chunk = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (chunks, cuts) => {
        const text = `${chunks.map(each => `${each.length.toString(16)};x\r\n${each}\r\n`).join('')}0\r\nA: b\r\n\r\nmore`
        t.strictSame(read(text, cuts), { body: chunks.join(''), used: text.length - 4, done: true })
      },
    ),
    { numRuns: 50 },
  )
})

test('what is not exactly a chunk is refused, however it is cut', async t => {
  for (const text of [
    '\r\n',
    ';\r\n',
    '5 \r\nhello\r\n0\r\n\r\n',
    ' 5\r\nhello\r\n0\r\n\r\n',
    '+5\r\nhello\r\n',
    '-1\r\n',
    '0x5\r\nhello\r\n',
    '5\nhello\r\n0\r\n\r\n',
    '5\r\nhello\n0\r\n\r\n',
    '5\r\nhelloX\r\n0\r\n\r\n',
    '5\rhello\r\n',
    '5;a\nb\r\nhello\r\n',
    '5;a\0\r\nhello\r\n',
    '5;a="\r\r\n',
    '1000000000000\r\n',
    `5;${'a'.repeat(5000)}\r\nhello\r\n`,
    '0\r\nA : b\r\n\r\n',
    '0\r\n b\r\n\r\n',
    '0\r\nA: b\n\r\n',
    `0\r\nA: ${'b'.repeat(9000)}\r\n\r\n`,
    '0\r\n\rX',
    'g\r\n',
    '5;a="b\r\nhello\r\n0\r\n\r\n',
    '5;a="\\"\r\nhello\r\n0\r\n\r\n',
    '5;a="b\\\r\nhello\r\n',
    '5;\xff\r\nhello\r\n',
    '0000000000005\r\nhello\r\n',
    '0\r\nContent-Length: 5\r\n\r\n',
    '0\r\nTRANSFER-ENCODING: chunked\r\n\r\n',
    '0\r\nA: b\r\nhost: x\r\n\r\n',
    '0\r\n: x\r\n\r\n',
  ]) {
    t.equal(read(text).used, -1, JSON.stringify(text.slice(0, 30)))
    const everywhere = Array.from({ length: text.length }, (_, i) => i)
    t.equal(read(text, everywhere).used, -1, 'byte by byte')
  }
})

test('extensions are bounded over the whole body', async t => {
  t.equal(read('1;aaaa\r\nx\r\n'.repeat(2000)).used, -1)
})
