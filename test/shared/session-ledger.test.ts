import { test } from 'tap'
import { makeShared, numbered } from '../support/memory.ts'

test("a dead worker's sessions are taken back from their addresses, and no other's", async t => {
  const { addresses, ledger } = makeShared()
  const slot = addresses.acquire(numbered(1), 0)
  addresses.acquire(numbered(1), 0)
  addresses.acquire(numbered(1), 0)
  ledger.write(0, 0, slot)
  ledger.write(0, 15, slot)
  ledger.write(1, 0, slot)
  ledger.giveBack(0, addresses)
  t.equal(addresses.open(slot), 1)
  ledger.giveBack(0, addresses)
  t.equal(addresses.open(slot), 1, 'once')
})

test('a session that ended is not taken back again', async t => {
  const { addresses, ledger } = makeShared()
  const slot = addresses.acquire(numbered(1), 0)
  ledger.write(1, 3, slot)
  ledger.erase(1, 3)
  ledger.giveBack(1, addresses)
  t.equal(addresses.open(slot), 1)
})

test('the first slot of the table counts like any other', async t => {
  const { addresses, ledger } = makeShared()
  // Slot 0 must not look like an empty line.
  ledger.write(0, 0, 0)
  ledger.giveBack(0, addresses)
  t.equal(addresses.open(0), -1)
})
