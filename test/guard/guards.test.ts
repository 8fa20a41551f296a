import { test } from 'tap'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { Banned } from '../../src/guard/banned.ts'
import { connectionGuards, handshakeGuards } from '../../src/guard/guards.ts'
import { NO_LIMITS } from '../support/limits.ts'
import { makeShared, numbered } from '../support/memory.ts'

test('a limit of 0 leaves its guard out; bans are asked for first, whatever is set', async t => {
  const { addresses } = makeShared()
  t.equal(connectionGuards(addresses, NO_LIMITS).length, 1)
  t.type(connectionGuards(addresses, NO_LIMITS)[0], Banned)
  t.equal(handshakeGuards(addresses, NO_LIMITS).length, 0)
  t.equal(connectionGuards(addresses, { ...NO_LIMITS, connectionRate: 1 }).length, 2)
  t.equal(connectionGuards(addresses, { ...NO_LIMITS, connectionsPerAddress: 1 }).length, 2)
})

test('the guards of connections and of handshakes count apart', async t => {
  const { addresses } = makeShared()
  const limits = { ...NO_LIMITS, connectionRate: 1, handshakeRate: 1 }
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
  const [, guard] = connectionGuards(addresses, { ...NO_LIMITS, connectionsPerAddress: 2 })
  const slot = addresses.acquire(numbered(1), 0)
  t.equal(guard!.check(slot, 0), ADMITTED)
  addresses.acquire(numbered(1), 0)
  t.equal(guard!.check(slot, 0), ADMITTED, 'the second of two')
  addresses.acquire(numbered(1), 0)
  t.equal(guard!.check(slot, 0), refusal('connections-per-address'))
})
