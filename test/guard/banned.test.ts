import { test } from 'tap'
import { seconds, TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { ADMITTED } from '../../src/core/refusals.ts'
import { BANNED, Banned } from '../../src/guard/banned.ts'
import { makeShared, numbered } from '../support/memory.ts'

test('a ban holds until its end, and tells how long that is', async t => {
  const { addresses } = makeShared()
  const guard = new Banned(addresses)
  const slot = addresses.acquire(numbered(1), 0)
  t.equal(guard.check(slot), ADMITTED)
  addresses.ban(slot, seconds() + 100)
  t.equal(guard.check(slot), BANNED)
  const wait = guard.waitTicks / TICKS_PER_SECOND
  t.ok(wait >= 98 && wait <= 100, `${wait} s`)
  addresses.ban(slot, seconds())
  t.equal(guard.check(slot), ADMITTED, 'one that is over')
})

test('of two that may be forgotten the one that is banned stays', async t => {
  const { addresses } = makeShared({ addresses: 8 })
  const slot = addresses.acquire(numbered(0), 0)
  addresses.ban(slot, seconds() + 100)
  addresses.leave(slot)
  for (let n = 1; n < 500; n++) addresses.leave(addresses.acquire(numbered(n), n))
  t.ok(addresses.evictions > 400)
  const again = addresses.pinKnown(numbered(0))
  t.equal(again, slot)
  t.equal(new Banned(addresses).check(again), BANNED)
  t.equal(addresses.pinKnown(numbered(1)), -1, 'which does not make one that is not known')
})
