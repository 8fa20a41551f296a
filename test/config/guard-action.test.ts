import { test } from 'tap'
import { readGuardAction, resolveActions } from '../../src/config/guard-action.ts'
import type { Problem } from '../../src/config/flag.ts'
import { descriptorLimit } from '../../src/config/descriptors.ts'
import { bad, good, ONE } from '../support/config.ts'

const error = (item: string): string => {
  const read = readGuardAction(item)
  return 'error' in read ? read.error : ''
}

test('what cannot be is told with what can', async t => {
  t.equal(error('connection-rate=tarpit'), '')
  t.equal(error('all=close'), '')
  t.match(error('connection-rate=reject'), /not possible .* possible are reset, close, tarpit/)
  t.match(error('connection-rate'), /"connection-rate" is no REASON=ACTION/)
  t.match(error('=close'), /no REASON=ACTION/)
  t.match(error('request-rate=reset=close'), /no REASON=ACTION/)
  t.match(error('request-rate=tarpot'), /"tarpot" is no action.*did you mean tarpit/)
  t.match(error('request-rat=reset'), /no guard's reason; did you mean request-rate\?/)
  t.match(error('bad-request=close'), /"bad-request" has no actions: no limit and no list decides/)
})

test('a guard that is named wins over all, which is about those that can', async t => {
  const problems: Problem[] = []
  const chosen = resolveActions(['request-rate=close', 'all=reject', 'denied=reset'], problems)
  const of = new Map(chosen.map(each => [each.guard, each.action]))
  t.equal(of.get('request-rate'), 'close')
  t.equal(of.get('identity-rate'), 'reject')
  t.equal(of.get('denied'), 'reset')
  t.equal(of.has('connection-rate'), false, 'there is nobody to answer')
  t.strictSame(problems, [])
})

test('a guard that is to do two things is a problem, said once', async t => {
  const action = 'denied=reset,denied=close,all=close,all=tarpit'
  t.match(bad(t, { ...ONE, action }), [
    '--action: denied is to do both reset and close; leave out one',
    '--action: all is to do both close and tarpit; leave out one',
  ])
})

test('flags and file say the same, and a tarpit takes its descriptors', async t => {
  const flags = good(t, { ...ONE, action: ['connection-rate=tarpit', 'request-rate=reset'] })
  const file = good(t, ONE, 'action: [connection-rate=tarpit, request-rate=reset]\n')
  t.strictSame(flags.guards.actions, file.guards.actions)
  const much = { ...ONE, 'tarpit-max': '1M', 'connections-max': '1' }
  const problems = bad(t, { ...much, action: 'all=tarpit' })
  const limit = descriptorLimit()
  // A machine may have descriptors for all of them.
  t.equal(problems.length, limit < 1_100_000 ? 1 : 0)
  if (problems.length > 0) t.match(problems[0], /--tarpit-max: 1000000 in the tarpit .*lower it to/)
  t.strictSame(bad(t, { ...much, action: 'all=close' }), [], 'without a tarpit none are needed')
  t.match(bad(t, { ...ONE, action: 'denied=reject' }), [/--action: .*possible are reset/])
})
