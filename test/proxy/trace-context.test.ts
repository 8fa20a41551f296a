import { test } from 'tap'
import { beginTrace, continueTrace } from '../../src/proxy/trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const VALID = `00-${TRACE}-${PARENT}-01`

test('a trace begins with ids of its own, sampled, and is never the same', async t => {
  const traces = Array.from({ length: 1000 }, () => beginTrace())
  for (const trace of traces.slice(0, 10)) t.match(trace, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  t.ok(traces.every(trace => /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/.test(trace)))
  const parts = traces.flatMap(trace => [trace.slice(3, 35), trace.slice(36, 52)])
  t.equal(new Set(parts).size, 2000)
})

test('the trace goes on with a parent of its own, and the flags it had', async t => {
  for (const flags of ['00', '01', '03', 'ff']) {
    const next = continueTrace(`00-${TRACE}-${PARENT}-${flags}`)
    t.match(next, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-${flags}$`))
    t.notMatch(next, PARENT)
  }
  t.not(continueTrace(VALID), continueTrace(VALID))
})

test('of a later version what is known goes on, as version 00', async t => {
  t.match(continueTrace(`01-${TRACE}-${PARENT}-01`), new RegExp(`^00-${TRACE}-.{16}-01$`))
  t.match(continueTrace(`cc-${TRACE}-${PARENT}-fe-more`), new RegExp(`^00-${TRACE}-.{16}-00$`))
  t.match(continueTrace(`fe-${TRACE}-${PARENT}-09-`), new RegExp(`^00-${TRACE}-.{16}-01$`))
})

test('what is not valid does not go on', async t => {
  const zeros = (n: number): string => '0'.repeat(n)
  const invalid = [
    '',
    '00',
    VALID.slice(0, -1),
    `${VALID}0`,
    `${VALID}-more`,
    `ff-${TRACE}-${PARENT}-01`,
    `01-${TRACE}-${PARENT}-01more`,
    `00-${zeros(32)}-${PARENT}-01`,
    `00-${TRACE}-${zeros(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-0G`,
    `00-${TRACE.replace('f', 'g')}-${PARENT}-01`,
    `00_${TRACE}_${PARENT}_01`,
    `0-0${TRACE}-${PARENT}-01`,
    ` ${VALID}`,
    `${VALID}, ${VALID}`,
  ]
  for (const text of invalid) t.equal(continueTrace(text), '', JSON.stringify(text))
})
