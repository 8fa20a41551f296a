import { test } from 'tap'
import { endings } from '../../src/core/endings.ts'
import { faultNumber, faults } from '../../src/core/faults.ts'
import { refusals } from '../../src/core/refusals.ts'

test('a name is its place in the table; a refusal, or no reason, is no fault', async t => {
  for (const [i, [name]] of faults.entries()) t.equal(faultNumber(name), i, name)
  t.equal(faultNumber('request-rate'), -1)
  t.equal(faultNumber(''), -1)
})

test('no name stands for two things', async t => {
  const names = [...faults, ...refusals].map(([name]) => name)
  t.equal(new Set(names).size, names.length)
  for (const [name, cause] of faults) {
    t.match(name, /^[a-z]+(?:-[a-z]+)*$/)
    t.notMatch(cause, /\.$/)
  }
  // What a session and an exchange can both end with has one name.
  for (const name of ['no-backend', 'connect-failed', 'queue-full', 'drained'] as const) {
    t.ok(endings.includes(name) && faultNumber(name) >= 0, name)
  }
})
