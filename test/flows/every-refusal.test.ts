/** No reason is in the table that nobody can provoke. The tests of each stage do it: refused-*.test.ts. */
import { test } from 'tap'
import { refusals } from '../../src/core/refusals.ts'
import { stages } from '../support/provocations.ts'

test('every reason but that of who is let in is provoked at some stage, and at one alone', t => {
  const [, ...reasons] = refusals.map(([name]) => name)
  t.strictSame(
    Object.values(stages)
      .flatMap((stage): readonly string[] => stage)
      .toSorted(),
    reasons.toSorted(),
    'a new reason needs its stage in test/support/provocations.ts, and a provocation',
  )
  t.end()
})
