import { test } from 'tap'
import { CHUNKED } from '../../src/codec/http1/framing.ts'
import { ClientBody, FINE, MALFORMED, TOO_LARGE } from '../../src/proxy/client-body.ts'
import { ClientInput } from '../../src/proxy/client-input.ts'

/** A body of which `pieces` are read one after the other. */
function read(length: number, pieces: readonly string[], max = 0, full = Infinity) {
  const input = new ClientInput()
  let fulls = 0
  const body = new ClientBody(() => fulls++)
  body.begin(length)
  let taken = ''
  const codes = pieces.map(piece => {
    input.add(Buffer.from(piece), piece.length, true, true)
    const code = body.read(
      input,
      {
        onBody(bytes, start, end) {
          taken += bytes.toString('latin1', start, end)
          return taken.length < full
        },
      },
      max,
    )
    input.keepRest(false)
    return code
  })
  return { codes, taken, fulls, rest: input.rest().toString(), isWhole: body.isWhole }
}

test('a body of a known length ends there, and what follows is left', async t => {
  t.match(read(5, ['he', 'llo', 'GET']), { taken: 'hello', isWhole: true, rest: 'GET' })
  t.match(read(5, ['hell']), { taken: 'hell', isWhole: false, codes: [FINE] })
})

test('chunks are taken out of their framing, and what follows is left', async t => {
  const it = read(CHUNKED, ['3\r\nhel', '\r\n2\r\nlo\r\n0\r\n\r\nGET'])
  t.match(it, { taken: 'hello', isWhole: true, rest: 'GET' })
  t.match(read(CHUNKED, ['3\r\nhel\r\n']), { taken: 'hel', isWhole: false })
})

test('what is no body is said to be none', async t => {
  t.strictSame(read(CHUNKED, ['3\r\nhello']).codes, [MALFORMED])
})

test('no byte beyond the largest size is handed over', async t => {
  const it = read(CHUNKED, ['3\r\nabc\r\n', '3\r\ndef\r\n'], 5)
  t.strictSame(it.codes, [FINE, TOO_LARGE])
  t.equal(it.taken, 'abc')
  t.strictSame(read(CHUNKED, ['5\r\nabcde\r\n0\r\n\r\n'], 5).codes, [FINE])
})

test('a taker that has enough for now is told of', async t => {
  t.equal(read(6, ['abc', 'def'], 0, 6).fulls, 1)
})

test('what comes after the taker left goes nowhere', async t => {
  let taken = ''
  const body = new ClientBody(() => {})
  const input = new ClientInput()
  const bytes = Buffer.from('1\r\na\r\n1\r\nb\r\n')
  input.add(bytes, bytes.length, true, true)
  body.begin(CHUNKED)
  const onBody = (from: Buffer, start: number, end: number): boolean => {
    taken += from.toString('latin1', start, end)
    body.drop()
    return true
  }
  t.equal(body.read(input, { onBody }, 0), FINE)
  t.equal(taken, 'a')
})
