import { test } from 'tap'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { Banned } from '../../src/guard/banned.ts'
import { connectionGuards, type GuardLimits, handshakeGuards } from '../../src/guard/guards.ts'
import { makeShared, numbered } from '../support/memory.ts'

const OFF: GuardLimits = {
  connectionRate: 0,
  connectionBurst: 1,
  connectionsPerAddress: 0,
  handshakeRate: 0,
  handshakeBurst: 1,
  requestRate: 0,
  requestBurst: 1,
  requestsPerAddress: 0,
  authFailureRate: 0,
  authFailureBurst: 1,
}

test('a limit of 0 leaves its guard out; bans are asked for first, whatever is set', async t => {
  const { addresses } = makeShared()
  t.equal(connectionGuards(addresses, OFF).length, 1)
  t.type(connectionGuards(addresses, OFF)[0], Banned)
  t.equal(handshakeGuards(addresses, OFF).length, 0)
  t.equal(connectionGuards(addresses, { ...OFF, connectionRate: 1 }).length, 2)
  t.equal(connectionGuards(addresses, { ...OFF, connectionsPerAddress: 1 }).length, 2)
})

test('the guards of connections and of handshakes count apart', async t => {
  const { addresses } = makeShared()
  const limits = { ...OFF, connectionRate: 1, handshakeRate: 1 }
  const slot = addresses.acquire(numbered(1), 0)
  const [, connection] = connectionGuards(addresses, limits)
  const [handshake] = handshakeGuards(addresses, limits)
  t.equal(connection!.check(slot, 0), ADMITTED)
  t.equal(connection!.check(slot, 0), refusal('connection-rate'))
  t.equal(handshake!.check(slot, 0), ADMITTED)
  t.equal(handshake!.check(slot, 0), refusal('handshake-rate'))
})

test('connections at once: this one is counted already', async t => {
  const { addresses } = makeShared()
  const [, guard] = connectionGuards(addresses, { ...OFF, connectionsPerAddress: 2 })
  const slot = addresses.acquire(numbered(1), 0)
  t.equal(guard!.check(slot, 0), ADMITTED)
  addresses.acquire(numbered(1), 0)
  t.equal(guard!.check(slot, 0), ADMITTED, 'the second of two')
  addresses.acquire(numbered(1), 0)
  t.equal(guard!.check(slot, 0), refusal('connections-per-address'))
})
