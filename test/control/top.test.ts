import { type Test, test } from 'tap'
import { Top, type TopKind, topKinds } from '../../src/control/top.ts'
import { refusal } from '../../src/core/refusals.ts'
import { labelValues } from '../../src/shared/counters.ts'
import { TALKER_WORDS, textWords, windowAt } from '../../src/shared/talkers.ts'
import { good } from '../support/config.ts'
import { addressOf, makeShared } from '../support/memory.ts'

function setUp(t: Test) {
  const shared = makeShared({ addresses: 4096 })
  const config = good(t, {
    listen: ['http://127.0.0.1:1'],
    backend: ['http://127.0.0.1:2'],
  })
  const top = new Top(config, shared)
  return {
    shared,
    rows: async (kind: TopKind, limit = 20) => (await top.ask(kind, limit)).rows,
    top,
  }
}

test('nothing has happened, and nothing is told', async t => {
  const { top } = setUp(t)
  for (const kind of topKinds) t.match(await top.ask(kind, 20), { kind, rows: [] })
})

test('what workers counted of one address is one row, and that of its network too', async t => {
  const { shared, rows } = setUp(t)
  const window = windowAt(performance.now())
  for (const { addresses, served } of shared.refusals) {
    for (let i = 0; i < 3; i++) addresses.count(addressOf('192.0.2.1'), window, 1)
    addresses.count(addressOf('192.0.2.2'), window, 1)
    // A fault of weir's own is no refusal.
    addresses.count(addressOf('192.0.2.3'), window, 0)
    served.count(addressOf('2001:db8:1:2::'), window, 0, 16)
  }
  shared.addresses.acquire(addressOf('192.0.2.1'), 0)
  t.match(await rows('addresses'), [
    { name: '192.0.2.1', refused: 6, requests: 0, connections_now: 1, requests_now: 0 },
    { name: '192.0.2.2', refused: 2, connections_now: 0 },
    { name: '2001:db8:1:2::/64', refused: 0, requests: 32 },
  ])
  t.equal((await rows('addresses')).length, 3)
  t.match(await rows('prefixes'), [
    { name: '192.0.2.0/24', refused: 8, connections_now: 1, addresses_now: 1 },
    { name: '2001:db8:1::/48', requests: 32, addresses_now: 0 },
  ])
  t.equal((await rows('addresses', 1)).length, 1, 'as many as were asked for')
})

test('names of software and of identities are told as they were, the busiest first', async t => {
  const { shared, rows } = setUp(t)
  const window = windowAt(performance.now())
  const words = new Int32Array(TALKER_WORDS)
  const count = (name: string, refused: number): void => {
    textWords(name, words)
    for (const { identities, fingerprints } of shared.refusals) {
      identities.count(words, window, refused)
      fingerprints.count(words, window, refused)
    }
  }
  count('little', 1)
  for (let i = 0; i < 5; i++) count('much', 0)
  t.strictSame(await rows('keys'), [
    { name: 'much', requests: 10, refused: 0 },
    { name: 'little', requests: 2, refused: 2 },
  ])
  t.strictSame(await rows('fingerprints'), [
    { name: 'much', handshakes: 10, refused: 0 },
    { name: 'little', handshakes: 2, refused: 2 },
  ])
})

test('reasons and routes tell what is new, and what was ever', async t => {
  const { shared, top } = setUp(t)
  const { counters } = shared
  const slice = counters.slice(1)
  const denied = refusal('denied')
  slice[counters.at.refused + denied]! += 4
  slice[counters.at.shadowed + refusal('banned')]! += 1
  slice[counters.at.requests + labelValues.status.indexOf('5xx')]! += 3
  t.match((await top.ask('reasons', 20)).rows, [
    { name: 'denied', refused: 4, refused_ever: 4, in_shadow_ever: 0, flags: /--deny/ },
    { name: 'banned', refused: 0, refused_ever: 0, in_shadow_ever: 1 },
  ])
  t.match((await top.ask('routes', 20)).rows, [
    { requests: 3, '4xx': 0, '5xx': 3, faults: 0, requests_ever: 3 },
  ])
})
