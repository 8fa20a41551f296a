import * as fc from 'fast-check'
import { test } from 'tap'
import { readRequests, readResponse } from '../../support/http1.ts'
import { requests, responses } from '../../support/http1-messages.ts'
import { readRequestsByLlhttp, readResponsesByLlhttp } from '../../support/llhttp.ts'

/** A few seconds each; on a slow machine fewer. */
const RUNS = 60_000
const LIMIT_MS = 5000
const LEAST = 1000

const options = { numRuns: RUNS, interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: false }
const cuts = fc.array(fc.nat(), { maxLength: 6 })

/** Fails with the bytes, once, instead of a line per message. */
function mustEqual(got: unknown, wanted: unknown, text: string): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`${JSON.stringify(text)}\nweir:   ${a}\nllhttp: ${b}`)
}

test('requests that weir and llhttp both take they read alike, and end in the same place', async t => {
  let both = 0
  let refused = 0
  fc.assert(
    fc.property(requests, text => {
      const ours = readRequests(text)
      const theirs = readRequestsByLlhttp(text)
      if (typeof ours.end === 'number') refused++
      const count = Math.min(ours.messages.length, theirs.messages.length)
      for (let i = 0; i < count; i++) {
        const { line, target, fields, body } = ours.messages[i]!
        const [method] = line.split(' ')
        const theirVersion = theirs.messages[i]!.line.split(' ').at(-1)
        mustEqual(
          { line: `${method} ${target} ${theirVersion}`, fields, body },
          theirs.messages[i],
          text,
        )
        both++
      }
      if (ours.end === 'whole' && theirs.end === 'whole') {
        mustEqual(ours.messages.length, theirs.messages.length, text)
      }
    }),
    options,
  )
  t.ok(both > LEAST, `${both} were taken by both`)
  t.ok(refused > LEAST, `${refused} were refused by weir`)
})

test('responses that weir and llhttp both take they read alike', async t => {
  let both = 0
  fc.assert(
    fc.property(responses, fc.constantFrom('GET', 'HEAD'), fc.boolean(), (text, asked, closed) => {
      const ours = readResponse(text, [], asked, closed)
      const theirs = readResponsesByLlhttp(text, [asked], closed)
      const count = Math.min(ours.messages.length, theirs.messages.length)
      for (let i = 0; i < count; i++) {
        mustEqual(ours.messages[i], theirs.messages[i], text)
        both++
      }
    }),
    options,
  )
  t.ok(both > LEAST, `${both} were taken by both`)
})

test('however the bytes are cut, the same is read', async () => {
  fc.assert(
    fc.property(requests, cuts, (text, places) => {
      mustEqual(readRequests(text, places), readRequests(text), text)
    }),
    options,
  )
  fc.assert(
    fc.property(responses, cuts, fc.constantFrom('GET', 'HEAD'), (text, places, asked) => {
      mustEqual(readResponse(text, places, asked, true), readResponse(text, [], asked, true), text)
    }),
    options,
  )
})
