import { test } from 'tap'
import { ExpirySteps } from '../../src/control/expiry-steps.ts'

const DAY = 86_400_000
const END = new Date('2030-06-01T00:00:00Z')

test('each step is told of once, and a step that was slept through is not made up for', async t => {
  const steps = new ExpirySteps([30, 7, 0, -1])
  const told = [40, 30.5, 29, 20, 3, 2, 0.5, -0.5, -9].map(days =>
    steps.reached('a', END, new Date(END.getTime() - days * DAY)),
  )
  t.strictSame(told, [null, 30, null, null, 3, null, 0, -1, null])
  t.equal(
    steps.reached('b', END, new Date(END.getTime() - DAY)),
    1,
    'names have steps of their own',
  )
  steps.clear()
  t.equal(steps.reached('a', END, new Date(END.getTime() + DAY)), -1)
})
