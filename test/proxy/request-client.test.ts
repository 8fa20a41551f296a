import { test } from 'tap'
import { CidrSet, parseCidr } from '../../src/core/cidr-set.ts'
import { hashSource } from '../../src/core/hash.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { Admission } from '../../src/guard/admission.ts'
import { Forwarding } from '../../src/proxy/forwarding.ts'
import { Origin } from '../../src/proxy/origin.ts'
import { RequestClient } from '../../src/proxy/request-client.ts'
import type { TcpSession } from '../../src/proxy/tcp-session.ts'
import { requestHead } from '../support/head.ts'
import { NO_LIMITS } from '../support/limits.ts'
import { addressOf, makeShared } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowOf } from '../support/shadow.ts'

const PROXY = '10.0.0.1'
const forwarders = new CidrSet()
forwarders.add(parseCidr('10.0.0.0/8')!, 1)

function connection({ trusted = true, requestRate = 0, requestsPerAddress = 1 } = {}) {
  const shared = makeShared()
  const admission = new Admission(
    shared,
    0,
    { ...NO_LIMITS, requestRate, requestsPerAddress },
    shadowOf(shared),
    penaltiesOf(shared),
    { hasSlot: () => false },
  )
  const place = {
    ...{ address: PROXY, listener: 'web', slot: -1, prefixSlot: -1, entry: -1 },
    ...{ isDirect: true, banCounted: false },
  }
  admission.enter(addressOf(PROXY), 0, place)
  const { counters } = shared
  const edge = { admission, slice: counters.slice(0), at: counters.at }
  const session = { source: 42, edge, entrance: { index: 1 }, ...place }
  const forwarding = new Forwarding({
    forwardedRead: 'both',
    forwardedFields: 'both',
    traceparent: 'off',
  })
  const origin = new Origin({
    address: PROXY,
    proto: 'http',
    forwarders: trusted ? forwarders : null,
    forwarding,
  })
  const tcp = session as unknown as TcpSession
  const client = new RequestClient(tcp)
  return {
    shared,
    slot: place.slot,
    client,
    enter: (it: RequestClient, ...fields: string[]) =>
      it.enter(tcp, origin, requestHead(fields), 0),
    enterUnread: () => client.enterUnread(tcp, 0),
    leave: (it: RequestClient) => it.leave(tcp),
    another: () => new RequestClient(tcp),
  }
}

const asFor = (address: string): string => `X-Forwarded-For: ${address}`

test('the client of an untrusted peer is the peer, whatever it says', async t => {
  const it = connection({ trusted: false })
  t.equal(it.enter(it.client, asFor('192.0.2.1'), 'Forwarded: for="'), ADMITTED)
  t.match(it.client, { address: PROXY, source: 42, isNamed: false, isDoubtful: false })
  t.equal(it.client.requestSlot, it.slot)
})

test('whom a trusted one names is counted, and balanced, as itself', async t => {
  const it = connection()
  t.equal(it.enter(it.client, asFor('192.0.2.1')), ADMITTED)
  const source = hashSource(addressOf('192.0.2.1'))
  t.match(it.client, { address: '192.0.2.1', source, isNamed: true, isDoubtful: false })
  const [same, other, none] = [it.another(), it.another(), it.another()]
  t.equal(it.enter(same, 'Forwarded: for=192.0.2.1'), refusal('requests-per-address'))
  t.equal(same.retryAfter, 1)
  t.equal(it.enter(other, asFor('192.0.2.2')), ADMITTED)
  t.equal(it.enter(none), ADMITTED, 'the proxy for itself')
  t.equal(it.shared.addresses.requests(it.slot), 1)
  it.leave(it.client)
  it.leave(it.client)
  t.equal(it.enter(same, asFor('192.0.2.1')), ADMITTED)
})

test('of whom to doubt the request is the one of the peer', async t => {
  const it = connection()
  t.equal(it.enter(it.client, asFor('192.0.2.1'), 'Forwarded: for=192.0.2.2'), ADMITTED)
  t.match(it.client, { address: PROXY, source: 42, isNamed: false, isDoubtful: true })
  t.equal(it.client.requestSlot, it.slot)
  const { counters } = it.shared
  t.equal(counters.sum('forwardedDoubtful', 1), 1)
  it.leave(it.client)
  t.equal(it.enter(it.client, asFor('192.0.2.1')), ADMITTED)
  t.equal(counters.sum('forwardedDoubtful', 1), 1)
  t.equal(counters.sum('forwardedDoubtful', 0), 0)
})

test('nothing of one request is left for the next', async t => {
  const it = connection()
  const { client } = it
  for (const fields of [
    [asFor('192.0.2.1')],
    [],
    [asFor('192.0.2.1'), 'Forwarded: for=192.0.2.2'],
    [asFor('192.0.2.3')],
    ['Forwarded: for='],
  ]) {
    const fresh = it.another()
    t.equal(it.enter(fresh, ...fields), ADMITTED)
    it.leave(fresh)
    t.equal(it.enter(client, ...fields), ADMITTED)
    it.leave(client)
    t.strictSame(client, fresh, fields.join())
  }
})

test('a head nobody can read takes a token of the connection', async t => {
  const it = connection({ requestRate: 0.5, requestsPerAddress: 0 })
  t.equal(it.enterUnread(), ADMITTED)
  t.equal(it.enterUnread(), refusal('request-rate'))
  t.equal(it.client.retryAfter, 2)
  t.equal(it.enter(it.client, asFor('192.0.2.1')), ADMITTED, 'and of nobody else')
  t.equal(it.client.address, '192.0.2.1')
  it.enterUnread()
  t.equal(it.client.address, PROXY, 'who is told with it')
})
