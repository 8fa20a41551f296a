import { test } from 'tap'
import type { Identity } from '../../src/auth/identity.ts'
import { TokenCache } from '../../src/auth/token-cache.ts'

const identity: Identity = {
  scheme: 'jwt',
  subject: 'someone',
  client: '',
  scopes: [],
  claims: {},
  keyId: '',
  expiresAt: 100,
}

function kept(goodUntil = 100, issuedBy = { isCurrent: true }) {
  return { identity, goodUntil, issuedBy }
}

test('what is over is not told, and forgotten', async t => {
  const cache = new TokenCache({ tokens: 2, characters: 100 })
  cache.set('a', kept(), 10)
  t.equal(cache.get('a', 99), identity)
  t.equal(cache.get('a', 100), undefined)
  t.equal(cache.size, 0)
})

test('what nobody vouches for any more is not told', async t => {
  const cache = new TokenCache({ tokens: 2, characters: 100 })
  const key = { isCurrent: true }
  cache.set('a', kept(100, key), 10)
  t.equal(cache.get('a', 1), identity)
  key.isCurrent = false
  t.equal(cache.get('a', 1), undefined)
  t.equal(cache.size, 0)
})

test('it is bounded by count, and by the length of what is kept; the oldest goes first', async t => {
  const cache = new TokenCache({ tokens: 3, characters: 100 })
  for (const name of ['a', 'b', 'c']) cache.set(name, kept(), 10)
  cache.get('a', 1)
  cache.set('d', kept(), 10)
  t.equal(cache.size, 3)
  t.equal(cache.get('b', 1), undefined)
  t.equal(cache.get('a', 1), identity)
  cache.set('e', kept(), 85)
  t.equal(cache.size, 2)
  cache.set('f', kept(), 101)
  t.equal(cache.get('f', 1), undefined, 'what is longer than all may be is not kept')
  cache.clear()
  t.equal(cache.size, 0)
})

test('a digest is that of the whole token', async t => {
  t.equal(TokenCache.digest('abc').length, 32)
  t.equal(
    Buffer.from(TokenCache.digest('abc'), 'latin1').toString('hex'),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test('an identity stands as long as the token it came from would be found good', async t => {
  const cache = new TokenCache({ tokens: 1, characters: 100 })
  const key = { isCurrent: true }
  const first = { ...kept(100, key), identity: { ...identity } }
  cache.set('a', first, 10)
  t.ok(cache.stands(first.identity, 99))
  t.equal(cache.hits, 1)
  t.notOk(cache.stands({ ...identity }, 99), 'no other that looks like it')
  t.notOk(cache.stands(first.identity, 100))
  cache.set('b', kept(), 10)
  t.ok(cache.stands(first.identity, 99), 'though there was no room for it any more')
  key.isCurrent = false
  t.notOk(cache.stands(first.identity, 99))
})
