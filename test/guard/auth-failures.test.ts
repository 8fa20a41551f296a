import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { AuthFailures } from '../../src/guard/auth-failures.ts'
import { makeShared, numbered } from '../support/memory.ts'

test('an address may fail as often as its burst, then as its rate, and looking costs nothing', async t => {
  const { addresses } = makeShared()
  const failures = new AuthFailures(addresses, { authFailureRate: 2, authFailureBurst: 3 })
  const slot = addresses.acquire(numbered(1), 0)
  const other = addresses.acquire(numbered(2), 0)
  for (let i = 0; i < 10; i++) t.equal(failures.wait(slot, 0), 0)
  for (let i = 0; i < 3; i++) {
    t.equal(failures.wait(slot, 0), 0, `failure ${i}`)
    failures.failed(slot, 0)
  }
  t.equal(failures.wait(slot, 0), TICKS_PER_SECOND / 2)
  t.equal(failures.wait(other, 0), 0, 'another address has its own')
  t.equal(failures.wait(slot, TICKS_PER_SECOND / 2), 0)
  failures.failed(slot, TICKS_PER_SECOND / 2)
  t.equal(failures.wait(slot, TICKS_PER_SECOND / 2), TICKS_PER_SECOND / 2)
})

test('all workers see the same failures', async t => {
  const { addresses } = makeShared()
  const limits = { authFailureRate: 1, authFailureBurst: 1 }
  const slot = addresses.acquire(numbered(1), 0)
  new AuthFailures(addresses, limits).failed(slot, 0)
  t.not(new AuthFailures(addresses, limits).wait(slot, 0), 0)
})
