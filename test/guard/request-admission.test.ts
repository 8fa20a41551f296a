import { test } from 'tap'
import { seconds, TICKS_PER_SECOND } from '../../src/core/clock.ts'
import type { GuardName } from '../../src/core/governed.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { Admission, type AdmissionOptions } from '../../src/guard/admission.ts'
import { BANNED } from '../../src/guard/banned.ts'
import { BannedBlocks } from '../../src/guard/banned-blocks.ts'
import { RequestAdmission, type RequestPlace } from '../../src/guard/request-admission.ts'
import type { Shared } from '../../src/shared/layout.ts'
import { NO_LIMITS } from '../support/limits.ts'
import { addressOf, makeShared, numbered } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'
import { TRIED } from '../support/place.ts'

const RATE = refusal('request-rate')
const AT_ONCE = refusal('requests-per-address')

function admission(
  options: Partial<AdmissionOptions>,
  shared: Shared = makeShared(),
  worker = 0,
  shadow: readonly GuardName[] = [],
) {
  const limits = { ...NO_LIMITS, ...options }
  const door = new RequestAdmission(
    shared,
    worker,
    limits,
    shadowOf(shared, shadow),
    penaltiesOf(shared),
  )
  return { shared, door, slot: shared.addresses.acquire(numbered(1), 0) }
}

function place(): RequestPlace {
  return {
    ...TRIED,
    requestSlot: -1,
    requestPrefixSlot: -1,
    requestLine: -1,
    holdsSlot: false,
    isDirect: true,
    retryAfter: 0,
    delayTicks: 0,
    delayedBy: 0,
    banCounted: false,
    bodyCounted: false,
  }
}

test('a block that is banned is of whom the proxy names, and of nobody else', t => {
  const shared = makeShared()
  const blocks = new BannedBlocks(address => address[3] === numbered(3)[3])
  blocks.load([{ cidr: '10.0.0.0/30', until: seconds() + 60 }])
  const setUp = (...shadow: GuardName[]) =>
    new RequestAdmission(
      shared,
      0,
      NO_LIMITS,
      shadowOf(shared, shadow),
      penaltiesOf(shared),
      blocks,
    )
  const door = setUp()
  const at = place()
  t.equal(door.enter(0, -1, numbered(2), 0, at), BANNED)
  t.ok(at.retryAfter > 50 && at.retryAfter <= 60, `${at.retryAfter} s`)
  for (const others of [numbered(3), numbered(4), null]) {
    t.equal(door.enter(0, -1, others, 0, at), ADMITTED)
    door.leave(at)
  }
  t.equal(setUp('banned').enter(0, -1, numbered(2), 0, at), ADMITTED)
  t.equal(shadowCount(shared, 'banned'), 1)
  t.end()
})

test('in shadow a ban counts once for what it would have ended', async t => {
  const { shared, door, slot } = admission({}, makeShared(), 0, ['banned'])
  const { addresses } = shared
  addresses.ban(slot, seconds() + 60)
  const at = place()
  const ask = (address: Int32Array | null): void => {
    t.equal(door.enter(slot, -1, address, 0, at), ADMITTED)
    door.leave(at)
  }
  for (let i = 0; i < 3; i++) ask(null)
  t.equal(door.enterBad(slot, -1, 0, at), ADMITTED)
  t.equal(
    shadowCount(shared, 'banned'),
    1,
    'the first request would have been the last of its connection',
  )
  for (let i = 0; i < 3; i++) ask(numbered(1))
  t.equal(shadowCount(shared, 'banned'), 4, 'and a proxy goes on with the others')
  const fresh = { ...place(), banCounted: true }
  t.equal(door.enter(slot, -1, null, 0, fresh), ADMITTED)
  t.equal(shadowCount(shared, 'banned'), 4, 'it was counted at the door')
})

test('without limits it is bans that are asked for, of whom the proxy names too', async t => {
  const { shared, door, slot } = admission({})
  const { addresses } = shared
  const at = place()
  t.equal(door.enter(slot, -1, numbered(2), 0, at), ADMITTED)
  addresses.ban(at.requestSlot, seconds() + 60)
  door.leave(at)
  t.equal(door.enter(slot, -1, numbered(2), 0, at), BANNED)
  t.ok(at.retryAfter > 50 && at.retryAfter <= 60, `${at.retryAfter} s`)
  t.equal(door.enter(slot, -1, null, 0, at), ADMITTED, 'the proxy is not banned with him')
  door.leave(at)
  addresses.ban(slot, seconds() + 60)
  t.equal(door.enter(slot, -1, null, 0, at), BANNED)
  t.equal(door.enterBad(slot, -1, 0, at), BANNED)
})

test('requests at once are counted until they leave, and leaving twice counts once', async t => {
  const { shared, door, slot } = admission({ requestsPerAddress: 2 })
  const [a, b, c] = [place(), place(), place()]
  t.equal(door.enter(slot, -1, null, 0, a), ADMITTED)
  t.equal(door.enter(slot, -1, null, 0, b), ADMITTED)
  t.equal(door.enter(slot, -1, null, 0, c), AT_ONCE)
  t.equal(c.retryAfter, 1)
  t.equal(c.requestLine, -1)
  t.equal(shared.addresses.requests(slot), 2)
  door.leave(c)
  door.leave(a)
  door.leave(a)
  t.equal(shared.addresses.requests(slot), 1)
  t.equal(door.enter(slot, -1, null, 0, c), ADMITTED)
  t.not(c.requestLine, b.requestLine)
})

test('the limit holds over all workers', async t => {
  const shared = makeShared()
  const doors = [0, 1].map(worker => admission({ requestsPerAddress: 3 }, shared, worker))
  const results = Array.from({ length: 8 }, (_, i) => {
    const { door, slot } = doors[i % 2]!
    return door.enter(slot, -1, null, 0, place())
  })
  t.equal(results.filter(result => result === ADMITTED).length, 3)
  t.equal(results.filter(result => result === AT_ONCE).length, 5)
})

/** Whether nobody else gets the slot, however many come later. */
function isHeld({ addresses }: Shared, slot: number): boolean {
  for (let n = 1000; n < 1300; n++) {
    const other = addresses.acquire(numbered(n), 100 * TICKS_PER_SECOND)
    addresses.leave(other)
    if (other === slot) return false
  }
  return true
}

test('a named client is counted under its own prefix, and held until it leaves', async t => {
  const limits = { requestsPerAddress: 1, ipv4Prefix: 24 }
  const { shared, door, slot } = admission(limits, makeShared({ addresses: 1 }))
  const { addresses } = shared
  const [a, b, c] = [place(), place(), place()]
  t.equal(door.enter(slot, -1, addressOf('192.0.2.7'), 0, a), ADMITTED)
  t.equal(door.enter(slot, -1, addressOf('192.0.2.8'), 0, b), AT_ONCE, 'of the same /24')
  t.equal(door.enter(slot, -1, addressOf('192.0.3.8'), 0, c), ADMITTED)
  t.equal(addresses.requests(slot), 0, 'it is not the proxy that asks')
  const named = a.requestSlot
  t.equal(addresses.requests(named), 1)
  t.equal(addresses.open(named), 0, 'a request is no connection')
  t.ok(isHeld(shared, named))
  door.leave(a)
  t.equal(addresses.requests(named), 0)
  t.notOk(isHeld(shared, named))
  t.ok(isHeld(shared, c.requestSlot))
})

test('a refused one that was named is not held', async t => {
  const limits = { requestRate: 1, requestBurst: 1 }
  const { shared, door, slot } = admission(limits, makeShared({ addresses: 1 }))
  const named = addressOf('192.0.2.7')
  const at = place()
  t.equal(door.enter(slot, -1, named, 0, at), ADMITTED)
  const { requestSlot } = at
  t.ok(isHeld(shared, requestSlot))
  door.leave(at)
  t.equal(door.enter(slot, -1, named, 0, at), RATE)
  t.equal(at.requestLine, -1)
  t.notOk(isHeld(shared, requestSlot))
})

test('who is refused for its rate is told when a token is due, in whole seconds', async t => {
  const { door, slot } = admission({ requestRate: 0.25, requestBurst: 2 })
  const at = place()
  t.equal(door.enter(slot, -1, null, 0, at), ADMITTED)
  t.equal(door.enter(slot, -1, null, 0, at), ADMITTED)
  t.equal(door.enter(slot, -1, null, 0, at), RATE)
  t.equal(at.retryAfter, 4)
  t.equal(door.enter(slot, -1, null, 3.5 * TICKS_PER_SECOND, at), RATE)
  t.equal(at.retryAfter, 1, 'half a second is rounded up')
  t.equal(door.enter(slot, -1, null, 4 * TICKS_PER_SECOND, at), ADMITTED)
})

test('a request takes what it costs, of its network as well; what costs nothing is never refused', async t => {
  const { door, slot } = admission({ requestRate: 0.5, requestBurst: 10 })
  const at = place()
  t.equal(door.enter(slot, -1, null, 0, at, 7), ADMITTED)
  t.equal(door.enter(slot, -1, null, 0, at, 7), RATE)
  t.equal(at.retryAfter, 8, 'until there are four more')
  t.equal(door.enter(slot, -1, null, 0, at, 3), ADMITTED)
  t.equal(door.enter(slot, -1, null, 0, at), RATE)
  t.equal(door.enter(slot, -1, null, 0, at, 0), ADMITTED)
  const { enter } = ofNetwork({ requestRate: 0.5, requestBurst: 10 })
  for (const client of [0, 1]) t.equal(enter(client, place(), 0, 10), ADMITTED)
  t.equal(enter(2, place(), 0, 1), refusal('prefix-request-rate'))
  t.equal(enter(2, place(), 0, 0), ADMITTED)
})

test('a rate over one per second is worth a second of waiting', async t => {
  const { door, slot } = admission({ requestRate: 1000, requestBurst: 1 })
  const at = place()
  door.enter(slot, -1, null, 0, at)
  t.equal(door.enter(slot, -1, null, 0, at), RATE)
  t.equal(at.retryAfter, 1)
})

test('a request nobody can read takes a token, and is not counted as one in flight', async t => {
  const limits = { requestRate: 1, requestBurst: 2, requestsPerAddress: 1 }
  const { shared, door, slot } = admission(limits)
  const at = place()
  t.equal(door.enterBad(slot, -1, 0, at), ADMITTED)
  t.equal(shared.addresses.requests(slot), 0)
  t.equal(door.enter(slot, -1, null, 0, at), ADMITTED)
  t.equal(door.enterBad(slot, -1, 0, at), RATE)
  t.equal(at.retryAfter, 1)
})

test('the rate of a client that its limit at once refuses is still spent', async t => {
  const { door, slot } = admission({ requestRate: 1, requestBurst: 2, requestsPerAddress: 1 })
  t.equal(door.enter(slot, -1, null, 0, place()), ADMITTED)
  t.equal(door.enter(slot, -1, null, 0, place()), AT_ONCE)
  t.equal(door.enter(slot, -1, null, 0, place()), RATE)
})

test('what a dead worker had counted is given back, and no more', async t => {
  const shared = makeShared()
  const [dead, alive] = [0, 1].map(worker => {
    return admission({ requestsPerAddress: 10 }, shared, worker)
  }) as [ReturnType<typeof admission>, ReturnType<typeof admission>]
  const { slot } = alive
  const named = addressOf('192.0.2.7')
  const ended = place()
  const of = place()
  dead.door.enter(slot, -1, null, 0, ended)
  dead.door.enter(slot, -1, null, 0, place())
  dead.door.enter(slot, -1, named, 0, of)
  alive.door.enter(slot, -1, null, 0, place())
  alive.door.enter(slot, -1, named, 0, place())
  dead.door.leave(ended)
  const { addresses, requestLedger } = shared
  t.equal(addresses.requests(slot), 2)
  t.equal(addresses.requests(of.requestSlot), 2)
  requestLedger.giveBack(0, addresses)
  t.equal(addresses.requests(slot), 1)
  t.equal(addresses.requests(of.requestSlot), 1)
  requestLedger.giveBack(0, addresses)
  t.equal(addresses.requests(slot), 1, 'once')
})

test('without lines left it is as full as with connections', async t => {
  const shared = makeShared({ requestsPerWorker: 1 })
  const { door, slot } = admission({ requestsPerAddress: 10 }, shared)
  const [a, b] = [place(), place()]
  t.equal(door.enter(slot, -1, null, 0, a), ADMITTED)
  t.equal(door.enter(slot, -1, null, 0, b), refusal('connections-max'))
  t.equal(b.retryAfter, 1)
  door.leave(a)
  t.equal(door.enter(slot, -1, null, 0, b), ADMITTED)
})

test('errors that were provoked are a budget of their own, of unreadable requests as well', async t => {
  const { door, slot } = admission({ errorRate: 0.25, errorBurst: 2 })
  const at = place()
  for (let i = 0; i < 2; i++) {
    t.equal(door.enter(slot, -1, null, 0, at), ADMITTED)
    door.erred(at.requestSlot, at.requestPrefixSlot, 0)
    door.leave(at)
  }
  t.equal(door.enter(slot, -1, null, 0, at), refusal('error-rate'))
  t.equal(at.retryAfter, 4)
  t.equal(door.enterBad(slot, -1, 0, at), refusal('error-rate'))
  const named = addressOf('192.0.2.7')
  t.equal(door.enter(slot, -1, named, 0, at), ADMITTED, 'for whom a proxy speaks it is his own')
  door.leave(at)
  door.erred(-1, -1, 0)
})

test('a limit of no errors counts none, and in shadow it refuses nobody', async t => {
  const off = admission({})
  off.door.erred(off.slot, -1, 0)
  t.equal(off.door.enter(off.slot, -1, null, 0, place()), ADMITTED)
  const limits = { errorRate: 1, errorBurst: 1 }
  const { shared, door, slot } = admission(limits, makeShared(), 0, ['error-rate'])
  door.erred(slot, -1, 0)
  t.equal(door.enter(slot, -1, null, 0, place()), ADMITTED)
  t.equal(shadowCount(shared, 'error-rate'), 1)
})

test('in shadow requests are let in, counted, and given back', async t => {
  const limits = { requestRate: 1, requestBurst: 3, requestsPerAddress: 2 }
  const tried = ['request-rate', 'requests-per-address'] as const
  const { shared, door, slot } = admission(limits, makeShared(), 0, tried)
  const places = [1, 2, 3, 4].map(() => {
    const at = place()
    t.equal(door.enter(slot, -1, null, 0, at), ADMITTED)
    return at
  })
  t.equal(shadowCount(shared, 'request-rate'), 1)
  t.equal(shadowCount(shared, 'requests-per-address'), 2)
  t.equal(shared.addresses.requests(slot), 4)
  for (const at of places) door.leave(at)
  t.equal(shared.addresses.requests(slot), 0)
})

/** A door, and the places of connections of four addresses of one /24. */
function ofNetwork(limits: Partial<AdmissionOptions>, shared = makeShared(), worker = 0) {
  const options = { ...NO_LIMITS, prefixMultiple: 2, ...limits }
  const shadow = shadowOf(shared)
  const door = new Admission(shared, worker, options, shadow, penaltiesOf(shared), {
    hasSlot: () => false,
  })
  const clients = [1, 2, 3, 4].map(n => {
    const at = {
      ...{ ...TRIED, slot: -1, prefixSlot: -1, entry: -1 },
      ...{ isDirect: true, banCounted: false },
    }
    door.enter(numbered(n), 0, at)
    return at
  })
  const enter = (client: number, at = place(), now = 0, cost = 1): number => {
    const { slot, prefixSlot } = clients[client]!
    return door.requests.enter(slot, prefixSlot, null, now, at, cost)
  }
  return { shared, door: door.requests, clients, enter }
}

test('a network makes requests at a multiple of the rate, unreadable ones as well', async t => {
  const { door, clients, enter } = ofNetwork({ requestRate: 0.25, requestBurst: 2 })
  t.equal(enter(0), ADMITTED)
  t.equal(enter(0), ADMITTED)
  t.equal(enter(0), RATE, 'its own limit is asked first, and takes nothing of the network')
  t.equal(enter(1), ADMITTED)
  const { slot, prefixSlot } = clients[2]!
  t.equal(door.enterBad(slot, prefixSlot, 0, place()), ADMITTED)
  const at = place()
  t.equal(door.enterBad(slot, prefixSlot, 0, at), refusal('prefix-request-rate'))
  t.equal(enter(3, at), refusal('prefix-request-rate'))
  t.equal(at.retryAfter, 2)
  t.equal(enter(3, at, 2 * TICKS_PER_SECOND), ADMITTED)
})

test('a network provokes a multiple of the errors', async t => {
  const { door, clients, enter } = ofNetwork({ errorRate: 0.25, errorBurst: 1 })
  for (const { slot, prefixSlot } of clients.slice(0, 2)) door.erred(slot, prefixSlot, 0)
  t.equal(enter(0), refusal('error-rate'))
  const at = place()
  t.equal(enter(2, at), refusal('prefix-error-rate'))
  t.equal(at.retryAfter, 2)
  const bad = clients[3]!
  t.equal(door.enterBad(bad.slot, bad.prefixSlot, 0, at), refusal('prefix-error-rate'))
})

test('requests at once of a network, counted until they leave', async t => {
  const { shared, clients, door, enter } = ofNetwork({ requestsPerAddress: 2 })
  const { addresses } = shared
  const places = [0, 0, 1, 2].map(client => {
    const at = place()
    t.equal(enter(client, at), ADMITTED)
    return at
  })
  t.equal(enter(3), refusal('prefix-requests'))
  t.equal(addresses.requests(clients[3]!.slot), 0, 'who is refused is counted nowhere')
  t.equal(addresses.requests(clients[3]!.prefixSlot), 4)
  door.leave(places[0]!)
  door.leave(places[0]!)
  t.equal(addresses.requests(clients[3]!.prefixSlot), 3)
  t.equal(enter(3), ADMITTED)
})

test('a named client is counted in its own network, not in that of the proxy', async t => {
  const { shared, clients, door } = ofNetwork({ requestsPerAddress: 1 })
  const { slot, prefixSlot } = clients[0]!
  const { addresses } = shared
  const named = (address: string, at: RequestPlace): number =>
    door.enter(slot, prefixSlot, addressOf(address), 0, at)
  const [a, b] = [place(), place()]
  t.equal(named('192.0.2.1', a), ADMITTED)
  t.equal(named('192.0.2.2', b), ADMITTED)
  t.equal(named('192.0.2.3', place()), refusal('prefix-requests'))
  t.equal(named('192.0.3.3', place()), ADMITTED)
  t.equal(addresses.requests(prefixSlot), 0)
  t.equal(addresses.requests(a.requestPrefixSlot), 2)
  t.equal(a.requestPrefixSlot, b.requestPrefixSlot)
  const held = a.requestPrefixSlot
  t.ok(isHeld(shared, held))
  door.leave(a)
  door.leave(b)
  t.equal(addresses.requests(held), 0)
})

test('requests of a network hold over all workers, and a dead one gives back its own', async t => {
  const shared = makeShared()
  const doors = [0, 1].map(worker => ofNetwork({ requestsPerAddress: 3 }, shared, worker))
  const results = [0, 1, 2, 3, 0, 1, 2, 3].map((client, i) => doors[i % 2]!.enter(client))
  t.equal(results.filter(result => result === ADMITTED).length, 6)
  const { prefixSlot } = doors[0]!.clients[0]!
  t.equal(shared.addresses.requests(prefixSlot), 6)
  shared.prefixRequestLedger.giveBack(0, shared.addresses)
  shared.prefixRequestLedger.giveBack(0, shared.addresses)
  t.equal(shared.addresses.requests(prefixSlot), 3)
})
