import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { type FingerprintLimits, FingerprintRules } from '../../src/guard/fingerprint-rules.ts'
import { makeShared } from '../support/memory.ts'

const CURL = 't13d3112h2_e8f1e7e78f70_b26ce05bbdd6'
const CHROME = 't13d1516h2_8daaf6152771_806a8c22fdea'
const OLD_CHROME = 't13d1516h2_8daaf6152771_e5627efa2ab1'
const DENIED = refusal('fingerprint-denied')
const RATE = refusal('fingerprint-rate')
const NONE: FingerprintLimits = {
  fingerprintDeny: [],
  fingerprintLimit: [],
  fingerprintRate: 1,
  fingerprintBurst: 2,
}

function rules(limits: Partial<FingerprintLimits>, shared = makeShared()) {
  return new FingerprintRules(shared.addresses, { ...NONE, ...limits })
}

test('without rules there is nothing to ask, and with either kind there is', async t => {
  t.equal(rules({}).isIdle, true)
  t.equal(rules({ fingerprintDeny: [CURL] }).isIdle, false)
  t.equal(rules({ fingerprintLimit: [CURL] }).isIdle, false)
})

test('a whole pattern is one fingerprint, a beginning all that begin so', async t => {
  const whole = rules({ fingerprintDeny: [CURL] })
  t.equal(whole.checkDenied(CURL), DENIED)
  t.equal(whole.checkDenied(CHROME), ADMITTED)
  const beginning = rules({ fingerprintDeny: ['t13d1516h2_8daaf6152771_*'] })
  t.equal(beginning.checkDenied(CHROME), DENIED)
  t.equal(beginning.checkDenied(OLD_CHROME), DENIED)
  t.equal(beginning.checkDenied(CURL), ADMITTED)
  t.equal(rules({ fingerprintDeny: ['*'] }).checkDenied(CURL), DENIED)
})

test('each limited fingerprint has one budget, for all workers', async t => {
  const shared = makeShared()
  const limits = { fingerprintLimit: ['t13d1516h2_*'] }
  const [one, other] = [rules(limits, shared), rules(limits, shared)]
  t.equal(one.checkRate(CHROME, 0), ADMITTED)
  t.equal(other.checkRate(CHROME, 0), ADMITTED)
  t.equal(one.checkRate(CHROME, 0), RATE)
  t.equal(other.checkRate(CHROME, 0), RATE)
  t.equal(one.checkRate(OLD_CHROME, 0), ADMITTED, 'another one under the same pattern')
  t.equal(one.checkRate(CHROME, TICKS_PER_SECOND), ADMITTED, 'a second later')
  for (let i = 0; i < 10; i++) t.equal(one.checkRate(CURL, 0), ADMITTED, 'who is not limited')
  t.equal(shared.addresses.used(), 2, 'nor remembered')
})

test('no slot stays held', async t => {
  const shared = makeShared()
  const limited = rules({ fingerprintLimit: ['*'] }, shared)
  // Ten times what the table holds: held slots could not be forgotten, and all would share the last one.
  for (let i = 0; i < 10 * shared.addresses.size; i++) limited.checkRate(`t13d${i}`, 0)
  t.equal(shared.addresses.overflows, 0)
})
