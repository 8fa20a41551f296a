import { test } from 'tap'
import { makeShared, numbered } from '../support/memory.ts'

const HOLDS = true
const COUNTED = true

function withRequests(count: number) {
  const { addresses, requestLedger } = makeShared()
  const slot = addresses.acquire(numbered(1), 0)
  for (let i = 0; i < count; i++) addresses.enterRequest(slot, 100)
  return { addresses, ledger: requestLedger, slot }
}

test("a dead worker's requests are taken back, once, and no other's", async t => {
  const { addresses, ledger, slot } = withRequests(3)
  ledger.write(0, 0, slot, false, COUNTED)
  ledger.write(0, 15, slot, false, COUNTED)
  ledger.write(1, 0, slot, false, COUNTED)
  ledger.giveBack(0, addresses)
  t.equal(addresses.requests(slot), 1)
  ledger.giveBack(0, addresses)
  t.equal(addresses.requests(slot), 1)
  t.equal(addresses.open(slot), 1, 'the connection is not the request')
})

test('one that ended is not taken back again', async t => {
  const { addresses, ledger, slot } = withRequests(1)
  ledger.write(1, 3, slot, false, COUNTED)
  ledger.erase(1, 3)
  ledger.giveBack(1, addresses)
  t.equal(addresses.requests(slot), 1)
})

test('one that only held its slot gives back that alone', async t => {
  const { addresses, requestLedger } = makeShared({ addresses: 1 })
  const slot = addresses.pin(numbered(1), 0)
  const other = (n: number): number => {
    const at = addresses.acquire(numbered(n), 0)
    addresses.leave(at)
    return at
  }
  requestLedger.write(0, 2, slot, HOLDS, false)
  for (let n = 100; n < 200; n++) t.not(other(n), slot)
  requestLedger.giveBack(0, addresses)
  t.equal(addresses.requests(slot), 0)
  let taken = false
  for (let n = 200; n < 300; n++) taken ||= other(n) === slot
  t.ok(taken, 'somebody else has it now')
})

test('the first slot of the table counts like any other', async t => {
  const { addresses, requestLedger } = makeShared()
  requestLedger.write(0, 0, 0, false, COUNTED)
  requestLedger.giveBack(0, addresses)
  t.equal(addresses.requests(0), -1)
})
