import { test } from 'tap'
import { flagNames } from '../../src/config/flags.ts'
import { faults } from '../../src/core/faults.ts'
import { governed } from '../../src/core/governed.ts'
import { flagsOfAddresses, reasonFacts } from '../../src/core/reason-facts.ts'
import { type RefusalName, refusal, refusals } from '../../src/core/refusals.ts'

test('all that a guard goes by, and all that the tables name, are flags that exist', t => {
  const names: readonly string[] = flagNames
  const all = [...refusals.map((_, i) => i), ...faults.map((_, i) => ~i)]
  for (const reason of all) {
    const { name, flags } = reasonFacts(reason)
    for (const flag of flags) t.ok(names.includes(flag), `${name}: --${flag}`)
  }
  for (const [name, flags] of Object.entries(governed)) {
    const told = reasonFacts(refusal(name as RefusalName)).flags
    t.strictSame(told.slice(0, flags.length), flags, name)
  }
  t.end()
})

test('a reason says what kind it is, and what it is counted under', t => {
  const facts = (name: RefusalName) => reasonFacts(refusal(name))
  t.match(facts('request-rate'), { kind: 'refusal', key: 'address' })
  t.match(facts('connections-max'), { kind: 'refusal', key: 'host' })
  t.match(facts('identity-rate'), { kind: 'rejection', key: 'identity' })
  t.match(facts('token-expired'), { kind: 'rejection', key: 'credential' })
  t.match(facts('auth-failure-rate'), { kind: 'rejection', key: 'address' })
  t.match(facts('prefix-auth-failure-rate'), { kind: 'rejection', key: 'prefix' })
  t.match(facts('fingerprint-rate'), { kind: 'refusal', key: 'fingerprint' })
  t.match(reasonFacts(~0), { name: faults[0][0], kind: 'fault', key: 'host' })
  t.match(reasonFacts(9999), { name: 'unknown' })
  t.ok(flagsOfAddresses().includes('request-rate'))
  t.notOk(flagsOfAddresses().includes('identity-rate'))
  t.end()
})
