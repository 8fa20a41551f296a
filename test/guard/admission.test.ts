import { test } from 'tap'
import { type GuardName, guardNames } from '../../src/core/governed.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { Admission, type AdmissionOptions, type Place } from '../../src/guard/admission.ts'
import type { Shared } from '../../src/shared/layout.ts'
import { addressOf, makeShared, numbered } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'

const OFF: AdmissionOptions = {
  connectionRate: 0,
  connectionBurst: 1,
  connectionsPerAddress: 0,
  handshakeRate: 0,
  handshakeBurst: 1,
  hostHandshakeRate: 0,
  hostHandshakeBurst: 1,
  requestRate: 0,
  requestBurst: 1,
  requestsPerAddress: 0,
  authFailureRate: 0,
  authFailureBurst: 1,
  fingerprintDeny: [],
  fingerprintLimit: [],
  fingerprintRate: 10,
  fingerprintBurst: 20,
  connectionsMax: 0,
  allow: [],
  deny: [],
  ipv4Prefix: 32,
  ipv6Prefix: 64,
}

function admission(
  options: Partial<AdmissionOptions>,
  shared: Shared = makeShared(),
  worker = 0,
  shadow: readonly GuardName[] = [],
  good: readonly number[] = [],
) {
  const limits = { ...OFF, ...options }
  const tried = shadowOf(shared, shadow)
  const records = { hasSlot: (slot: number) => good.includes(slot) }
  return {
    shared,
    door: new Admission(shared, worker, limits, tried, penaltiesOf(shared), records),
  }
}

const HOST = refusal('host-handshake-rate')

function place(): Place {
  return { slot: -1, entry: -1, isDirect: true }
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
  t.equal(door.fingerprint('t13d1516h2_8daaf6152771_e5627efa2ab1', first!, 0), ADMITTED)
  t.strictSame(
    guardNames.map(name => [name, shadowCount(shared, name)]).filter(([, count]) => count !== 0),
    [
      ['denied', 1],
      ['connection-rate', 2],
      ['connections-per-address', 1],
      ['connections-max', 1],
      ['handshake-rate', 1],
      ['host-handshake-rate', 1],
      ['fingerprint-denied', 1],
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
