import { test } from 'tap'
import { refusal, refusals } from '../../src/core/refusals.ts'
import { rejections } from '../../src/core/rejections.ts'
import { weights } from '../../src/core/weights.ts'

test('each refusal has a weight, and none more than a hundredth of the default threshold', async t => {
  t.equal(weights.length, refusals.length)
  t.ok(weights.every(weight => weight <= 10))
})

test('what says nothing of the client counts nothing', async t => {
  const free = [
    'admitted',
    'draining',
    'connections-max',
    'banned',
    'denied',
    'prefix-requests',
    'prefix-error-rate',
    'prefix-auth-failure-rate',
    'route-request-rate',
  ] as const
  for (const name of [...free, 'credential-missing', 'introspection-down', 'auth-busy'] as const) {
    t.equal(weights[refusal(name)], 0, name)
  }
})

test('wrong credentials count, and lack of rights does not', async t => {
  for (const [name, status] of rejections) {
    if (name.endsWith('-missing') && status === 401) continue
    if (status === 401) t.ok(weights[refusal(name)]! > 0, name)
    if (status === 403 || status === 503) t.equal(weights[refusal(name)], 0, name)
  }
})
