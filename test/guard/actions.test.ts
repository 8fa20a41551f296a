import { test } from 'tap'
import { actions } from '../../src/core/actions.ts'
import { refusal, refusals } from '../../src/core/refusals.ts'
import { Actions, CLOSE, REJECT, TARPIT } from '../../src/guard/actions.ts'

test('what was chosen is done, all else is as usual, and what was done is counted', async t => {
  const slice = new Float64Array(3 + refusals.length * actions.length)
  const chosen = new Actions([{ guard: 'request-rate', action: 'tarpit' }], slice, 3)
  const rate = refusal('request-rate')
  t.equal(chosen.of(rate), TARPIT)
  t.equal(chosen.of(refusal('denied')), REJECT)
  t.equal(chosen.of(refusal('bad-request')), REJECT)
  chosen.took(rate, CLOSE)
  t.equal(slice[3 + rate * actions.length + CLOSE], 1)
  t.equal(
    slice.reduce((a, b) => a + b),
    1,
  )
})
