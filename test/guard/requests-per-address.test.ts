import { test } from 'tap'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { RequestsPerAddress } from '../../src/guard/requests-per-address.ts'
import { makeShared, numbered } from '../support/memory.ts'

const REFUSED = refusal('requests-per-address')

test('as many as the limit are let in, one more is refused and not counted', async t => {
  const { addresses } = makeShared()
  const guard = new RequestsPerAddress(addresses, { requestsPerAddress: 2 })
  const slot = addresses.acquire(numbered(1), 0)
  t.strictSame(
    [1, 2, 3, 4].map(() => guard.check(slot)),
    [ADMITTED, ADMITTED, REFUSED, REFUSED],
  )
  t.equal(addresses.requests(slot), 2)
  addresses.leaveRequest(slot)
  t.equal(guard.check(slot), ADMITTED, 'one ended')
  t.equal(guard.check(slot), REFUSED)
})

test('each address has its own', async t => {
  const { addresses } = makeShared()
  const guard = new RequestsPerAddress(addresses, { requestsPerAddress: 1 })
  const [a, b] = [1, 2].map(n => addresses.acquire(numbered(n), 0)) as [number, number]
  t.equal(guard.check(a), ADMITTED)
  t.equal(guard.check(b), ADMITTED)
  t.equal(guard.check(a), REFUSED)
})

test('nobody can know when one of them ends', async t => {
  const { addresses } = makeShared()
  t.equal(new RequestsPerAddress(addresses, { requestsPerAddress: 1 }).waitTicks, 0)
})
