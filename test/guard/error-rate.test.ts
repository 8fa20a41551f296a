import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { ErrorRate } from '../../src/guard/error-rate.ts'
import { makeShared, numbered } from '../support/memory.ts'

const REFUSED = refusal('error-rate')

test('asking takes nothing, an error a token; with none left it waits for the next one', async t => {
  const { addresses } = makeShared()
  const guard = new ErrorRate(addresses, { errorRate: 2, errorBurst: 3 })
  const slot = addresses.acquire(numbered(1), 0)
  for (let i = 0; i < 10; i++) t.equal(guard.check(slot, 0), ADMITTED)
  for (let i = 0; i < 3; i++) {
    t.equal(guard.check(slot, 0), ADMITTED, `error ${i}`)
    guard.spend(slot, 0)
  }
  t.equal(guard.check(slot, 0), REFUSED)
  t.equal(guard.waitTicks, TICKS_PER_SECOND / 2)
  t.equal(guard.check(addresses.acquire(numbered(2), 0), 0), ADMITTED, 'another address')
  t.equal(guard.check(slot, TICKS_PER_SECOND / 2), ADMITTED)
})

test('errors beyond the last token, of requests that were under way, do not prolong the wait', async t => {
  const { addresses } = makeShared()
  const guard = new ErrorRate(addresses, { errorRate: 1, errorBurst: 1 })
  const slot = addresses.acquire(numbered(1), 0)
  for (let i = 0; i < 100; i++) guard.spend(slot, 0)
  t.equal(guard.check(slot, 0), REFUSED)
  t.equal(guard.waitTicks, TICKS_PER_SECOND)
})

test('all workers see the same errors, and it says no under the name it was given', async t => {
  const { addresses } = makeShared()
  const limits = { errorRate: 1, errorBurst: 1 }
  const slot = addresses.acquire(numbered(1), 0)
  new ErrorRate(addresses, limits).spend(slot, 0)
  const other = new ErrorRate(addresses, limits, refusal('prefix-error-rate'))
  t.equal(other.check(slot, 0), refusal('prefix-error-rate'))
})
