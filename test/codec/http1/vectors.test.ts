import * as fc from 'fast-check'
import { type Test, test } from 'tap'
import {
  bytesOf,
  everywhere,
  readRequests,
  readResponse,
  type RequestVector,
  requestVectors,
  type ResponseVector,
  vectors,
} from '../../support/http1.ts'

/** Byte by byte where that is quick: what was seen of a long head is looked at once only. */
const EVERYWHERE_MAX = 20_000
const CUTS = 10

/** Whole, byte by byte, and cut at random: all the same. */
function readsAlike<Reading>(
  t: Test,
  name: string,
  text: string,
  read: (cuts: number[]) => Reading,
): Reading {
  const whole = read([])
  if (text.length <= EVERYWHERE_MAX)
    t.strictSame(read(everywhere(text)), whole, `${name}, byte by byte`)
  for (const cuts of fc.sample(fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), {
    numRuns: CUTS,
    seed: text.length,
  })) {
    t.strictSame(read(cuts), whole, `${name}, cut at ${cuts.join()}`)
  }
  return whole
}

for (const file of requestVectors) {
  test(`${file}: every request is read or refused as the vector says, however it is cut`, async t => {
    const rows = vectors<RequestVector>(file)
    t.ok(rows.length > 40, `${rows.length} vectors`)
    for (const vector of rows) {
      const { name, forwarded = [], refused, more = false } = vector
      const text = bytesOf(vector)
      const { messages, end } = readsAlike(t, name, text, cuts => readRequests(text, cuts))
      t.equal(end, refused ?? (more ? 'more' : 'whole'), name)
      // Behind HTTP/1.0 the connection ends, which is not for the codec to know.
      const wanted = forwarded.map(({ line, host, body }, i) => [
        line,
        host,
        body ?? messages[i]?.body,
      ])
      const got = messages.map(({ line, host, body }) => [line, host, body])
      t.strictSame(got.slice(0, wanted.length), wanted, name)
      if (!text.includes('HTTP/1.0'))
        t.equal(got.length, wanted.length, `${name}: no more than that`)
    }
  })
}

test('responses: every one is read or refused as the vector says, however it is cut', async t => {
  const rows = vectors<ResponseVector>('responses')
  t.ok(rows.length > 40, `${rows.length} vectors`)
  for (const vector of rows) {
    const {
      name,
      asked = 'GET',
      closes = false,
      refused,
      status,
      body,
      interim = [],
      kept,
    } = vector
    // Who switches is another's to say: the codec reads a 101 like any other.
    if (name === '101 unasked') continue
    const text = bytesOf(vector)
    const { messages, end } = readsAlike(t, name, text, cuts =>
      readResponse(text, cuts, asked, closes),
    )
    if (refused !== undefined) {
      t.ok(end === 502 || (closes && end === 'more'), `${name}: ${end}`)
      continue
    }
    t.strictSame(
      messages.map(({ line }) => Number(line.slice(0, 3))),
      [...interim, status],
      name,
    )
    t.equal(messages.at(-1)!.body, body, name)
    if (kept === true) t.equal(end, 'whole', name)
  }
})
