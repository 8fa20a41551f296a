import { type Test, test } from 'tap'
import { WiderStates } from '../../src/control/wider-state.ts'
import { hashAddress } from '../../src/core/hash.ts'
import { setRouteWords } from '../../src/core/prefix-words.ts'
import { HostHandshakeRate } from '../../src/guard/host-handshake-rate.ts'
import { TokenBuckets } from '../../src/guard/token-buckets.ts'
import { WiderPrefix } from '../../src/guard/wider-prefix.ts'
import { AUTH_BUCKET, CONNECTION_BUCKET, REQUEST_BUCKET } from '../../src/shared/address-table.ts'
import { good } from '../support/config.ts'
import { addressOf, HASH_KEY, makeShared } from '../support/memory.ts'

function setUp(t: Test, flags: Readonly<Record<string, unknown>> = {}) {
  const shared = makeShared()
  const config = good(t, {
    ...{ listen: ['http://127.0.0.1:1'], backend: ['http://127.0.0.1:2'], workers: '1' },
    ...{ 'connection-rate': '10', 'connection-burst': '20', 'connections-per-address': '7' },
    ...{ 'request-rate': '10', 'request-burst': '30', 'requests-per-address': '9' },
    ...{ 'handshake-rate': '0', 'auth-failure-rate': '1', 'auth-failure-burst': '2' },
    ...{ 'prefix-multiple': '3', 'host-handshake-rate': '10', 'host-handshake-burst': '8' },
    ...flags,
  })
  return { shared, config, states: new WiderStates(config, shared) }
}

/** How far the word of who holds a slot lies before its first bucket. */
const PINS_BEFORE_BUCKETS = 3
const CLIENT = addressOf('192.0.2.7')

test('a network is told with its limits, and full where nothing is known of it', async t => {
  const { states } = setUp(t)
  t.strictSame(states.network(CLIENT, 5), {
    ...{ cidr: '192.0.2.0/24', multiple: 3, is_known: false },
    ...{ connections: 0, connections_max: 21, requests: 0, requests_max: 27 },
    buckets: [
      { limit: 'connection-rate', left: 60, burst: 60, per_s: 30, full_in_s: 0 },
      { limit: 'request-rate', left: 90, burst: 90, per_s: 30, full_in_s: 0 },
      { limit: 'auth-failure-rate', left: 6, burst: 6, per_s: 3, full_in_s: 0 },
    ],
  })
  t.match(states.network(addressOf('2001:db8:1:2::3'), 5), { cidr: '2001:db8:1::/48' })
})

test('what its addresses took is not left, and nothing is held by asking', async t => {
  const { shared, config, states } = setUp(t)
  const { addresses } = shared
  const slot = addresses.acquire(new WiderPrefix(config.guards).of(CLIENT)!, 0)
  addresses.enterRequest(slot, 99)
  addresses.enterRequest(slot, 99)
  const take = (kind: number, rate: number, burst: number, count: number): void => {
    const buckets = new TokenBuckets(addresses.words, { rate, burst })
    buckets.take(addresses.bucket(slot, kind), 0, 0, count)
  }
  take(CONNECTION_BUCKET, 30, 60, 4)
  take(REQUEST_BUCKET, 30, 90, 5)
  take(AUTH_BUCKET, 3, 6, 6)
  const pins = addresses.bucket(slot, CONNECTION_BUCKET) - PINS_BEFORE_BUCKETS
  t.match(states.network(addressOf('192.0.2.200'), 0), {
    ...{ is_known: true, connections: 1, requests: 2 },
    buckets: [{ left: 56 }, { left: 85 }, { left: 0, full_in_s: 2 }],
  })
  t.equal(addresses.words[pins], 1, 'that of the connection')
  addresses.leaveRequest(slot)
  addresses.leaveRequest(slot)
  addresses.leave(slot)
  t.match(states.network(CLIENT, 0), { connections: 0, requests: 0 })
})

test('where networks are not counted none is told', async t => {
  const { states } = setUp(t, { 'prefix-multiple': '0', 'host-handshake-rate': '0' })
  t.equal(states.network(CLIENT, 0), null)
  t.strictSame(states.of(CLIENT, CLIENT, 0), { routes: [], host: [] })
})

test('a route is told as all ask on it, and as the address does', async t => {
  const { shared, config, states } = setUp(t, {
    ...{ 'route-request-rate': '5', 'route-request-burst': '10' },
    ...{ 'route-address-rate': '2', 'route-address-burst': '4' },
  })
  const { addresses, routeBuckets } = shared
  new TokenBuckets(routeBuckets, { rate: 5, burst: 10 }).take(0, 0, 0, 3)
  const [words, hash] = [new Int32Array(4), new Int32Array(2)]
  hashAddress(CLIENT, HASH_KEY, hash)
  setRouteWords(words, 0, hash)
  const slot = addresses.pin(words, 0)
  const own = new TokenBuckets(addresses.words, { rate: 2, burst: 4 })
  own.take(addresses.bucket(slot, REQUEST_BUCKET), 0)
  const route = config.routes[0]!.name
  const all = { limit: 'route-request-rate', left: 7 }
  const told = (address: Int32Array) => states.of(address, address, 0).routes
  t.match(told(CLIENT), [{ route, buckets: [all, { limit: 'route-address-rate', left: 3 }] }])
  t.match(told(addressOf('192.0.2.8')), [{ buckets: [all, { left: 4 }] }])
  t.equal(states.route(99, CLIENT, 0), null, 'there is no such route')
})

test('handshakes of the host are told, and what of them is for strangers', async t => {
  const { shared, config, states } = setUp(t)
  const guard = new HostHandshakeRate(shared.hostBuckets, config.guards, { hasSlot: () => true })
  for (let i = 0; i < 3; i++) guard.check(0, 0)
  const limit = { limit: 'host-handshake-rate', burst: 8, per_s: 10 }
  t.match(states.host(0), [{ ...limit, left: 5, left_for_strangers: 1 }])
  for (let i = 0; i < 3; i++) guard.check(0, 0)
  t.match(states.host(0), [{ left: 2, left_for_strangers: 0 }])
})

test('tokens that are lent to requests that wait are not told as left', async t => {
  const { shared, config, states } = setUp(t, { action: ['prefix-request-rate=delay'] })
  const { addresses } = shared
  const slot = addresses.acquire(new WiderPrefix(config.guards).of(CLIENT)!, 0)
  const lent = Math.floor((30 * config.guards.delayTimeMs) / 1000)
  t.ok(lent > 0)
  const buckets = new TokenBuckets(addresses.words, { rate: 30, burst: 90 + lent })
  buckets.take(addresses.bucket(slot, REQUEST_BUCKET), 0, 0, 90 + lent)
  t.match(states.network(CLIENT, 0)?.buckets[1], { limit: 'request-rate', left: 0, burst: 90 })
})
