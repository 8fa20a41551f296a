import { test } from 'tap'
import { ApiKeys } from '../../src/auth/api-key.ts'
import { makeKey } from '../../src/auth/api-key-form.ts'
import type { Identity } from '../../src/auth/identity.ts'
import { Policy } from '../../src/auth/policy.ts'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import { KnownClient } from '../../src/proxy/known-client.ts'
import { KeyUsage } from '../../src/shared/key-usage.ts'
import { keySet, storedKey } from '../support/api-keys.ts'

const key = makeKey()
const rules = { rule: 'any', schemes: ['api-key'], scopes: [], claims: [] } as const

function setup(stored: Parameters<typeof storedKey>[1] = {}) {
  const scheme = new ApiKeys('')
  const set = keySet(storedKey(key, stored))
  scheme.load(set)
  const policy = new Policy(rules, [scheme], '')
  const head = new RequestHead()
  const say = (...fields: string[]): void => {
    const bytes = Buffer.from(['GET / HTTP/1.1', 'Host: a', ...fields, '', ''].join('\r\n'))
    head.parse(bytes, 0, bytes.length, 0)
  }
  say(`X-API-Key: ${key}`)
  const identity = scheme.check(key, 0) as Identity
  const known = new KnownClient()
  known.remember(head, policy, scheme, identity)
  return { scheme, set, policy, head, say, identity, known }
}

test('who says the same again is known, and its key counts as used', async t => {
  const { known, head, policy, say, identity, set } = setup()
  say(`X-API-Key: ${key}`)
  t.equal(known.recall(head, policy, 7), identity)
  t.equal(new KeyUsage(set.usage).last(0), 7)
})

test('another field, another policy or another head is judged anew', async t => {
  const { known, head, policy, say, scheme } = setup()
  t.equal(known.recall(head, new Policy(rules, [scheme], ''), 0), null)
  t.equal(known.recall(new RequestHead(), policy, 0), null)
  say('X-API-Key: other')
  t.equal(known.recall(head, policy, 0), null)
  say(`X-API-Key: ${key}`)
  t.equal(known.recall(head, policy, 0), null, 'what lies between was another')
})

test('a key that is replaced, revoked or over is known no more', async t => {
  const replaced = setup()
  replaced.scheme.load(keySet(storedKey(key)))
  t.equal(replaced.known.recall(replaced.head, replaced.policy, 0), null)
  for (const stored of [{ expiresAt: 5 }, { revokedAt: 5 }]) {
    const { known, head, policy, identity } = setup(stored)
    t.equal(known.recall(head, policy, 4), identity)
    t.equal(known.recall(head, policy, 5), null, JSON.stringify(stored))
  }
})

test('a scheme that cannot say whether an identity stands is asked each time', async t => {
  const { head, policy, scheme, identity } = setup()
  const known = new KnownClient()
  known.remember(
    head,
    policy,
    { name: 'jwt', find: () => '', recognises: () => true, check: () => 1 },
    identity,
  )
  t.equal(known.recall(head, policy, 0), null)
  t.ok(scheme)
})
