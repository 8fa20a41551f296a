import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { AuthFailures } from '../../src/guard/auth-failures.ts'
import { addressOf, makeShared, numbered } from '../support/memory.ts'

const REFUSED = refusal('auth-failure-rate')
const NO_NETWORK = -1

test('an address may fail as often as its burst, then as its rate, and looking costs nothing', async t => {
  const { addresses } = makeShared()
  const limits = { authFailureRate: 2, authFailureBurst: 3, prefixMultiple: 0 }
  const failures = new AuthFailures(addresses, limits)
  const slot = addresses.acquire(numbered(1), 0)
  const other = addresses.acquire(numbered(2), 0)
  for (let i = 0; i < 10; i++) t.equal(failures.check(slot, 0), ADMITTED)
  for (let i = 0; i < 3; i++) {
    t.equal(failures.check(slot, 0), ADMITTED, `failure ${i}`)
    failures.failed(slot, NO_NETWORK, 0)
  }
  t.equal(failures.check(slot, 0), REFUSED)
  t.equal(failures.waitTicks, TICKS_PER_SECOND / 2)
  t.equal(failures.check(other, 0), ADMITTED, 'another address has its own')
  t.equal(failures.check(slot, TICKS_PER_SECOND / 2), ADMITTED)
  failures.failed(slot, NO_NETWORK, TICKS_PER_SECOND / 2)
  t.equal(failures.check(slot, TICKS_PER_SECOND / 2), REFUSED)
})

test('all workers see the same failures', async t => {
  const { addresses } = makeShared()
  const limits = { authFailureRate: 1, authFailureBurst: 1, prefixMultiple: 0 }
  const slot = addresses.acquire(numbered(1), 0)
  new AuthFailures(addresses, limits).failed(slot, NO_NETWORK, 0)
  t.equal(new AuthFailures(addresses, limits).check(slot, 0), REFUSED)
})

test('a network may fail a multiple of that, whichever of its addresses does', async t => {
  const { addresses } = makeShared()
  const limits = { authFailureRate: 0.5, authFailureBurst: 2, prefixMultiple: 3 }
  const failures = new AuthFailures(addresses, limits)
  const network = addresses.acquire(addressOf('192.0.2.0'), 0)
  for (let i = 1; i <= 6; i++) {
    const slot = addresses.acquire(numbered(i), 0)
    t.equal(failures.checkNetwork(network, 0), ADMITTED, `failure ${i}`)
    failures.failed(slot, network, 0)
    t.equal(failures.check(slot, 0), ADMITTED, 'each is within its own')
  }
  t.equal(failures.checkNetwork(network, 0), refusal('prefix-auth-failure-rate'))
  t.equal(failures.waitTicks, Math.round(TICKS_PER_SECOND / 1.5))
  t.equal(failures.checkNetwork(network, TICKS_PER_SECOND), ADMITTED)
})

test('where networks are not counted nothing is asked or taken of one', async t => {
  const { addresses } = makeShared()
  const network = addresses.acquire(addressOf('192.0.2.0'), 0)
  const slot = addresses.acquire(numbered(1), 0)
  const limits = { authFailureRate: 1, authFailureBurst: 1 }
  const off = new AuthFailures(addresses, { ...limits, prefixMultiple: 0 })
  const on = new AuthFailures(addresses, { ...limits, prefixMultiple: 2 })
  for (let i = 0; i < 5; i++) off.failed(slot, network, 0)
  t.equal(on.checkNetwork(network, 0), ADMITTED, 'nothing was taken')
  for (let i = 0; i < 5; i++) on.failed(slot, network, 0)
  t.not(on.checkNetwork(network, 0), ADMITTED)
  t.equal(off.checkNetwork(network, 0), ADMITTED)
  t.equal(on.checkNetwork(NO_NETWORK, 0), ADMITTED)
})
