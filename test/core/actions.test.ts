import { test } from 'tap'
import { action, actions, actionsOf } from '../../src/core/actions.ts'
import { guardNames } from '../../src/core/governed.ts'

test('a guard can do what is possible wherever it refuses', async t => {
  t.strictSame(actionsOf('connection-rate'), ['reset', 'close', 'tarpit'])
  t.strictSame(actionsOf('banned'), ['reset', 'close', 'tarpit'], 'at accept as well')
  t.ok(actionsOf('handshake-rate').includes('reject'), 'an alert')
  t.ok(actionsOf('request-rate').includes('reject'), 'an answer')
  for (const guard of guardNames) {
    const isOverload = guard.startsWith('overload-')
    t.equal(actionsOf(guard).includes('tarpit'), !isOverload, guard)
  }
})

test('the usual is number 0, so that memory begins with it', async t => {
  t.equal(action('reject'), 0)
  t.equal(new Set(actions.map(action)).size, actions.length)
})
