import { test } from 'tap'
import { seconds, TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { type GuardName, guardNames } from '../../src/core/governed.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { Admission, type AdmissionOptions, type Place } from '../../src/guard/admission.ts'
import { Shadow } from '../../src/guard/shadow.ts'
import { TokenBuckets } from '../../src/guard/token-buckets.ts'
import { HANDSHAKE_BUCKET } from '../../src/shared/address-table.ts'
import { HOST_HANDSHAKES, type Shared } from '../../src/shared/layout.ts'
import { NO_LIMITS } from '../support/limits.ts'
import { addressOf, makeShared, numbered } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'
import { TRIED } from '../support/place.ts'

function admission(
  options: Partial<AdmissionOptions>,
  shared: Shared = makeShared(),
  worker = 0,
  shadow: readonly GuardName[] = [],
  good: readonly number[] = [],
) {
  const limits = { ...NO_LIMITS, ...options }
  const tried = shadowOf(shared, shadow)
  const records = { hasSlot: (slot: number) => good.includes(slot) }
  return {
    shared,
    door: new Admission(shared, worker, limits, tried, penaltiesOf(shared), records),
  }
}

const HOST = refusal('host-handshake-rate')
const JA4 = 't13d1516h2_8daaf6152771_e5627efa2ab1'

function place(): Place {
  return {
    ...TRIED,
    slot: -1,
    prefixSlot: -1,
    entry: -1,
    isDirect: true,
    banCounted: false,
  }
}

test('a session is counted for its address, its worker and the host until it leaves', async t => {
  const { shared, door } = admission({})
  const [a, b] = [place(), place()]
  t.equal(door.enter(numbered(1), 0, a), ADMITTED)
  t.equal(door.enter(numbered(1), 0, b), ADMITTED)
  t.equal(a.slot, b.slot)
  t.not(a.entry, b.entry)
  t.equal(shared.addresses.open(a.slot), 2)
  t.equal(shared.workers.hostConnections(), 2)
  const { slot } = a
  door.leave(a)
  door.leave(a)
  t.equal(shared.addresses.open(slot), 1, 'leaving twice counts once')
  t.equal(shared.workers.hostConnections(), 1)
})

test('a refused one holds nothing', async t => {
  const { shared, door } = admission({ connectionsPerAddress: 1, deny: ['10.0.0.9'] })
  const first = place()
  door.enter(numbered(1), 0, first)
  const second = place()
  t.equal(door.enter(numbered(1), 0, second), refusal('connections-per-address'))
  t.equal(door.enter(numbered(9), 0, second), refusal('denied'))
  t.strictSame(second, place())
  t.equal(shared.addresses.open(first.slot), 1)
  t.equal(shared.workers.hostConnections(), 1)
  t.equal(shared.addresses.used(), 1, 'who is denied is not even remembered')
})

test('the limit of connections per address holds over all workers', async t => {
  const shared = makeShared()
  const doors = [0, 1].map(worker => admission({ connectionsPerAddress: 3 }, shared, worker).door)
  const results = Array.from({ length: 6 }, (_, i) => doors[i % 2]!.enter(numbered(1), 0, place()))
  t.equal(results.filter(result => result === ADMITTED).length, 3)
})

test('the rate is per address, and what it takes from one it leaves another', async t => {
  const { door } = admission({ connectionRate: 1, connectionBurst: 2 })
  const results = [1, 1, 1, 2].map(n => door.enter(numbered(n), 0, place()))
  t.strictSame(results, [ADMITTED, ADMITTED, refusal('connection-rate'), ADMITTED])
})

test('an IPv6 client is its /64, an IPv4 client its /32, unless told otherwise', async t => {
  const slotOf = (door: Admission, address: string): number => {
    const at = place()
    t.equal(door.enter(addressOf(address), 0, at), ADMITTED)
    return at.slot
  }
  const { door } = admission({})
  t.equal(slotOf(door, '2001:db8::1'), slotOf(door, '2001:db8::ffff:1'))
  t.not(slotOf(door, '2001:db8::1'), slotOf(door, '2001:db8:0:1::1'))
  t.not(slotOf(door, '192.0.2.1'), slotOf(door, '192.0.2.2'))
  const wide = admission({ ipv4Prefix: 24, ipv6Prefix: 48 }).door
  t.equal(slotOf(wide, '192.0.2.1'), slotOf(wide, '192.0.2.2'))
  t.equal(slotOf(wide, '2001:db8::1'), slotOf(wide, '2001:db8:0:1::1'))
})

test('the address that is asked about is not changed', async t => {
  const { door } = admission({ ipv4Prefix: 8 })
  const address = addressOf('10.1.2.3')
  door.enter(address, 0, place())
  t.strictSame(address, addressOf('10.1.2.3'))
})

test('the host takes no more than --connections-max, nor a worker more than its ledger', async t => {
  const { door } = admission({ connectionsMax: 2 })
  const places = [place(), place(), place()]
  t.strictSame(
    places.map((at, n) => door.enter(numbered(n), 0, at)),
    [ADMITTED, ADMITTED, refusal('connections-max')],
  )
  door.leave(places[0]!)
  t.equal(door.enter(numbered(7), 0, place()), ADMITTED)

  const small = admission({}, makeShared({ sessionsPerWorker: 1 })).door
  t.equal(small.enter(numbered(1), 0, place()), ADMITTED)
  t.equal(small.enter(numbered(2), 0, place()), refusal('connections-max'))
})

test('handshakes have a bucket of their own', async t => {
  const { door } = admission({ handshakeRate: 1, handshakeBurst: 1 })
  const at = place()
  door.enter(numbered(1), 0, at)
  t.equal(door.handshake(at, 0), ADMITTED)
  t.equal(door.handshake(at, 0), refusal('handshake-rate'))
  t.equal(door.enter(numbered(1), 0, place()), ADMITTED, 'connections are not limited by it')
  t.equal(door.handshake(at, 65_536), ADMITTED, 'a second later')
})

test('the handshakes of the host are one budget, the last half of it for addresses with a good record', async t => {
  const shared = makeShared()
  const limits = { hostHandshakeRate: 1, hostHandshakeBurst: 4 }
  const good: number[] = []
  const doors = [0, 1].map(worker => admission(limits, shared, worker, [], good).door)
  const places = [1, 2, 3].map(n => {
    const at = place()
    doors[0]!.enter(numbered(n), 0, at)
    return at
  })
  good.push(places[2]!.slot)
  const ask = (n: number, worker: number): number => doors[worker]!.hostHandshake(places[n]!, 0)
  t.strictSame([ask(0, 0), ask(1, 1)], [ADMITTED, ADMITTED])
  t.strictSame([ask(0, 1), ask(1, 0)], [HOST, HOST], 'half of it is gone')
  t.strictSame([ask(2, 0), ask(2, 1), ask(2, 0)], [ADMITTED, ADMITTED, HOST])
})

test('a ticket of ours is believed while the address has two tokens left', async t => {
  const { door } = admission({ handshakeRate: 1, handshakeBurst: 4 })
  const at = place()
  door.enter(numbered(1), 0, at)
  t.ok(door.believesTicket(at, 0))
  door.settleTicket(at.slot, true, false, 0)
  t.ok(door.believesTicket(at, 0), 'a lie costs two')
  t.equal(door.handshake(at, 0), ADMITTED)
  t.notOk(door.believesTicket(at, 0))
})

test('in shadow each guard counts what it would refuse, and lets it in', async t => {
  const limits = {
    connectionRate: 1,
    connectionBurst: 2,
    connectionsPerAddress: 3,
    connectionsMax: 4,
    handshakeRate: 1,
    handshakeBurst: 1,
    hostHandshakeRate: 1,
    hostHandshakeBurst: 1,
    fingerprintDeny: ['t13*'],
    fingerprintLimit: ['t13*'],
    fingerprintRate: 1,
    fingerprintBurst: 1,
    deny: ['10.0.0.9'],
  }
  const { shared, door } = admission(limits, makeShared(), 0, guardNames)
  const places = [1, 1, 1, 1, 9].map(n => {
    const at = place()
    t.equal(door.enter(numbered(n), 0, at), ADMITTED)
    return at
  })
  const [first] = places
  for (let i = 0; i < 2; i++) t.equal(door.handshake(first!, 0), ADMITTED)
  for (let i = 0; i < 2; i++) t.equal(door.hostHandshake(first!, 0), ADMITTED)
  for (let i = 0; i < 3; i++) t.equal(door.fingerprint(JA4, first!, 0), ADMITTED)
  t.strictSame(
    guardNames.map(name => [name, shadowCount(shared, name)]).filter(([, count]) => count !== 0),
    [
      ['denied', 1],
      ['connection-rate', 2],
      ['connections-per-address', 1],
      ['connections-max', 1],
      ['handshake-rate', 1],
      ['host-handshake-rate', 1],
      ['fingerprint-denied', 3],
      ['fingerprint-rate', 2],
    ],
  )
  for (const at of places) door.leave(at)
  t.equal(shared.workers.hostConnections(), 0, 'and all that it let in is given back')
})

test('the room there is stays a limit in shadow', async t => {
  const shared = makeShared({ sessionsPerWorker: 2 })
  const { door } = admission({ connectionsMax: 1 }, shared, 0, ['connections-max'])
  const results = [1, 2, 3].map(n => door.enter(numbered(n), 0, place()))
  t.strictSame(results, [ADMITTED, ADMITTED, refusal('connections-max')])
})

const NETWORK = { prefixMultiple: 2, prefixIpv4: 24 }

/** One connection from each address: `10.0.NETWORK.HOST`. */
function comes(door: Admission, network: number, host: number, now = 0): [number, Place] {
  const at = place()
  return [door.enter(numbered(network * 256 + host), now, at), at]
}

test('a network has a multiple of the connections of one address, and others have theirs', async t => {
  const { shared, door } = admission({ connectionsPerAddress: 2, ...NETWORK })
  const places = [1, 2, 3, 4].map(host => {
    const [refused, at] = comes(door, 7, host)
    t.equal(refused, ADMITTED)
    return at
  })
  t.equal(shared.addresses.open(places[0]!.prefixSlot), 4)
  t.equal(comes(door, 7, 5)[0], refusal('prefix-connections'))
  t.equal(shared.addresses.open(places[0]!.prefixSlot), 4, 'who is refused is not counted')
  t.equal(shared.workers.hostConnections(), 4)
  t.equal(comes(door, 8, 5)[0], ADMITTED)
  door.leave(places[0]!)
  door.leave(places[0]!)
  t.equal(shared.addresses.open(places[1]!.prefixSlot), 3, 'leaving twice counts once')
  t.equal(comes(door, 7, 5)[0], ADMITTED)
})

test('an address that has all of a /48 is held in it', async t => {
  const { door } = admission({ connectionsPerAddress: 1, prefixMultiple: 3 })
  const results = [1, 2, 3, 4].map(n => door.enter(addressOf(`2001:db8:1:${n}::1`), 0, place()))
  t.strictSame(results, [ADMITTED, ADMITTED, ADMITTED, refusal('prefix-connections')])
})

test('a network opens connections and starts handshakes at a multiple of the rate', async t => {
  const { door } = admission({ connectionRate: 1, handshakeRate: 1, ...NETWORK })
  const [, a] = comes(door, 7, 1)
  const [, b] = comes(door, 7, 2)
  t.equal(comes(door, 7, 1)[0], refusal('connection-rate'), 'its own limit is asked first')
  t.equal(comes(door, 7, 3)[0], refusal('prefix-connection-rate'))
  const [refused, c] = comes(door, 7, 4, TICKS_PER_SECOND / 2)
  t.equal(refused, ADMITTED, 'a token is there after half the time')
  t.equal(door.handshake(a, TICKS_PER_SECOND / 2), ADMITTED)
  t.equal(door.handshake(b, TICKS_PER_SECOND / 2), ADMITTED)
  t.equal(door.handshake(c, TICKS_PER_SECOND / 2), refusal('prefix-handshake-rate'))
})

test('who is over its own limit takes nothing from its network', async t => {
  const { door } = admission({ connectionRate: 1, ...NETWORK })
  t.equal(comes(door, 7, 1)[0], ADMITTED)
  for (let i = 0; i < 10; i++) t.equal(comes(door, 7, 1)[0], refusal('connection-rate'))
  t.equal(comes(door, 7, 2)[0], ADMITTED)
})

test('the connections of a network are counted over all workers, and given back for a dead one', async t => {
  const shared = makeShared()
  const doors = [0, 1].map(
    worker => admission({ connectionsPerAddress: 2, ...NETWORK }, shared, worker).door,
  )
  const came = [1, 2, 3, 4, 5, 6, 7, 8].map(host => comes(doors[host % 2]!, 7, host))
  const [, at] = came[0]!
  const { prefixSlot } = at
  t.equal(came.filter(([refused]) => refused === ADMITTED).length, 4)
  t.equal(shared.addresses.open(prefixSlot), 4)
  shared.prefixLedger.giveBack(0, shared.addresses)
  shared.prefixLedger.giveBack(0, shared.addresses)
  t.equal(shared.addresses.open(prefixSlot), 2)
  doors[1]!.leave(at)
  t.equal(shared.addresses.open(prefixSlot), 1)
})

test('where the host is full nothing of a network stays counted', async t => {
  const { shared, door } = admission({ connectionsMax: 1, connectionsPerAddress: 9, ...NETWORK })
  const [, at] = comes(door, 7, 1)
  t.equal(comes(door, 7, 2)[0], refusal('connections-max'))
  t.equal(shared.addresses.open(at.prefixSlot), 1)
})

test('in shadow a network is let in, counted, and told with the client that came', async t => {
  const shared = makeShared()
  const told: string[] = []
  const shadow = new Shadow(['prefix-connections'], {
    slice: shared.counters.slice(0),
    at: shared.counters.at.shadowed,
    tell: (_, { address }) => told.push(address),
  })
  const limits = { ...NO_LIMITS, connectionsPerAddress: 1, ...NETWORK }
  const door = new Admission(shared, 0, limits, shadow, penaltiesOf(shared), {
    hasSlot: () => false,
  })
  const came = [1, 2, 3].map(host => comes(door, 7, host))
  t.ok(came.every(([refused]) => refused === ADMITTED))
  t.equal(shadowCount(shared, 'prefix-connections'), 1)
  t.strictSame(told, [TRIED.address])
  t.equal(shared.addresses.open(came[2]![1].prefixSlot), 3)
})

test('software that is denied in shadow has its limit all the same, and else takes no token', async t => {
  const limits = { fingerprintRate: 1, fingerprintBurst: 1, fingerprintLimit: ['t13*'] }
  const both = { ...limits, fingerprintDeny: ['t13*'] }
  const tried = admission(both, makeShared(), 0, ['fingerprint-denied'])
  t.equal(tried.door.fingerprint(JA4, place(), 0), ADMITTED)
  t.equal(tried.door.fingerprint(JA4, place(), 0), refusal('fingerprint-rate'))
  t.equal(shadowCount(tried.shared, 'fingerprint-denied'), 2)
  const bites = admission(both)
  t.equal(bites.door.fingerprint(JA4, place(), 0), refusal('fingerprint-denied'))
  t.equal(bites.shared.addresses.used(), 0)
})

test('in shadow a ban counts once for a connection, whichever way it was made', async t => {
  const { shared, door } = admission({}, makeShared(), 0, ['banned'])
  const slot = shared.addresses.acquire(numbered(1), 0)
  shared.addresses.ban(slot, seconds() + 600)
  door.blocks.load([{ cidr: '10.0.0.1', until: seconds() + 600 }])
  const at = place()
  t.equal(door.enter(numbered(1), 0, at), ADMITTED)
  t.ok(at.banCounted, 'its requests are not counted for it')
  t.equal(shadowCount(shared, 'banned'), 1)
  door.blocks.load([])
  t.equal(door.enter(numbered(1), 0, at), ADMITTED)
  t.ok(at.banCounted)
  t.equal(shadowCount(shared, 'banned'), 2)
  t.equal(door.enter(numbered(2), 0, at), ADMITTED)
  t.notOk(at.banCounted)
  t.equal(shadowCount(shared, 'banned'), 2)
})

/** A client that resumes is charged nothing in the end: nobody is to get back what was never taken. */
test('in shadow a resumption gives back no token that was not taken', async t => {
  const limits = { handshakeRate: 0.01, handshakeBurst: 2 }
  const host = { hostHandshakeRate: 0.01, hostHandshakeBurst: 1 }
  for (const tried of [['handshake-rate'], ['host-handshake-rate'], guardNames] as const) {
    const { shared, door } = admission({ ...limits, ...host }, makeShared(), 0, tried)
    const at = place()
    door.enter(numbered(1), 0, at)
    const shake = (resumes: boolean): number => {
      const believed = door.believesTicket(at, 0)
      const refused = believed ? ADMITTED : door.handshake(at, 0) || door.hostHandshake(at, 0)
      if (refused === ADMITTED) door.settleTicket(at.slot, believed, resumes, 0)
      return refused
    }
    // A lie takes both tokens of the address, and that of the host.
    t.equal(shake(false), ADMITTED)
    for (let i = 0; i < 10; i++) shake(true)
    const buckets = new TokenBuckets(shared.addresses.words, { rate: 0.01, burst: 2 })
    t.equal(buckets.left(shared.addresses.bucket(at.slot, HANDSHAKE_BUCKET), 0), 0, tried.join(' '))
    const ofHost = new TokenBuckets(shared.hostBuckets, { rate: 0.01, burst: 1 })
    t.equal(ofHost.left(HOST_HANDSHAKES, 0), 0, tried.join(' '))
  }
})

test('who has no token of its own resumes in shadow as if there were none to have, and it is counted', async t => {
  const limits = { handshakeRate: 0.01, handshakeBurst: 2 }
  const host = { hostHandshakeRate: 0.01, hostHandshakeBurst: 40 }
  const { shared, door } = admission({ ...limits, ...host }, makeShared(), 0, ['handshake-rate'])
  const at = place()
  door.enter(numbered(1), 0, at)
  for (let i = 0; i < 2; i++) t.equal(door.handshake(at, 0), ADMITTED)
  while (door.hostHandshake(at, 0) === ADMITTED);
  t.ok(door.believesTicket(at, 0), 'no handshake of the host is needed')
  t.equal(shadowCount(shared, 'handshake-rate'), 1)
})
