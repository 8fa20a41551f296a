import { test } from 'tap'
import { randomHashKey } from '../../src/core/hash.ts'
import { TokenBuckets } from '../../src/guard/token-buckets.ts'
import { AddressTable, CONNECTION_BUCKET, ERROR_BUCKET } from '../../src/shared/address-table.ts'

const MIB = 1024 * 1024

function table(size: number, memory = new SharedArrayBuffer(AddressTable.bytes(size))) {
  return new AddressTable(memory, 0, size, randomHashKey())
}

/** Address number `n`, IPv4 as it is held. */
function address(n: number): Int32Array {
  return Int32Array.of(0, 0, 0xffff, n)
}

/** Visits: comes and goes. */
function visit(addresses: AddressTable, n: number, now: number): number {
  const slot = addresses.acquire(address(n), now)
  addresses.leave(slot)
  return slot
}

test('an address keeps its slot, and two have two', async t => {
  const addresses = table(1024)
  const a = addresses.acquire(address(1), 0)
  t.equal(addresses.acquire(address(1), 0), a)
  t.not(addresses.acquire(address(2), 0), a)
  t.equal(addresses.open(a), 2)
  addresses.leave(a)
  t.equal(addresses.open(a), 1)
  t.equal(addresses.used(), 2)
})

test('two threads see the same slots', async t => {
  const key = randomHashKey()
  const memory = new SharedArrayBuffer(AddressTable.bytes(1024))
  const here = new AddressTable(memory, 0, 1024, key)
  const there = new AddressTable(memory, 0, 1024, key)
  t.equal(here.acquire(address(1), 0), there.acquire(address(1), 0))
  t.equal(here.open(here.acquire(address(1), 0)), 3)
})

test('1,000,000 addresses are tracked in at most 64 MiB', async t => {
  const size = 1_000_000
  t.ok(AddressTable.bytes(size) <= 64 * MIB, `${AddressTable.bytes(size) / MIB} MiB`)
  const addresses = table(size)
  for (let n = 1; n <= size; n++) visit(addresses, n, n)
  const { evictions } = addresses
  t.ok(evictions <= size / 1000, `${evictions} of 1,000,000 were forgotten on the way`)
  t.equal(addresses.used(), size - evictions)
  // A million look-ups more change next to nothing: they are found, not made.
  for (let n = 1; n <= size; n++) visit(addresses, n, size + n)
  t.ok(
    addresses.evictions - evictions <= 2 * evictions,
    `${addresses.evictions - evictions} were made anew`,
  )
})

test('a punished address stays refused after 10 times the table of others came by', async t => {
  const size = 4096
  const addresses = table(size)
  const buckets = new TokenBuckets(addresses.words, { rate: 1, burst: 20 })
  const now = 1000
  const take = (n: number) => {
    const slot = addresses.acquire(address(n), now)
    const wait = buckets.take(addresses.bucket(slot, CONNECTION_BUCKET), now)
    addresses.leave(slot)
    return wait
  }
  for (let i = 0; i < 20; i++) t.equal(take(7), 0)
  t.ok(take(7) > 0, 'punished')
  for (let n = 0; n < 10 * size; n++) take(100 + n)
  t.ok(addresses.evictions > 8 * size, `${addresses.evictions} were forgotten`)
  t.ok(take(7) > 0, 'still punished')
})

test('a debt of errors is a debt like any other, and a slot that changes hands begins without', async t => {
  const memory = new SharedArrayBuffer(AddressTable.bytes(6, true))
  const addresses = new AddressTable(memory, 0, 6, randomHashKey(), true)
  const buckets = new TokenBuckets(addresses.words, { rate: 1, burst: 2 })
  const slot = visit(addresses, 1, 1000)
  const at = addresses.bucket(slot, ERROR_BUCKET)
  buckets.take(at, 1000)
  for (let n = 2; n < 100; n++) t.not(visit(addresses, n, 1000 + n), slot)
  t.equal(buckets.left(at, 1000), 1)
  let now = 1000 + 2 * 65_536
  while (visit(addresses, now, now) !== slot) now++
  t.equal(buckets.left(at, now), 2)
})

test('an address with open connections is never forgotten', async t => {
  const size = 1024
  const addresses = table(size)
  const slot = addresses.acquire(address(7), 0)
  for (let n = 0; n < 10 * size; n++) visit(addresses, 100 + n, 1000 + n)
  t.equal(addresses.acquire(address(7), 20_000), slot)
  t.equal(addresses.open(slot), 2)
})

test('with no room at all addresses share one slot, which still limits them', async t => {
  const size = 16
  const addresses = table(size)
  const slots = new Set<number>()
  for (let n = 0; n < 200; n++) slots.add(addresses.acquire(address(n), 0))
  t.ok(addresses.overflows > 100, `${addresses.overflows} found no room`)
  const shared = Math.max(...slots)
  t.equal(addresses.open(shared), addresses.overflows)
})

test('of the innocent the one that was not seen for longest is forgotten first', async t => {
  // One set only, so that all compete.
  const addresses = table(6)
  for (let n = 1; n <= 8; n++) visit(addresses, n, n)
  visit(addresses, 1, 100)
  visit(addresses, 99, 101)
  const { evictions } = addresses
  visit(addresses, 1, 102)
  t.equal(addresses.evictions, evictions, '1 was seen lately and is still there')
  visit(addresses, 2, 103)
  t.equal(addresses.evictions, evictions + 1, '2 was the oldest and is gone')
})

test('a pinned address stays as one with connections does, but has none', async t => {
  const addresses = table(1)
  const slot = addresses.pin(address(1), 0)
  t.equal(addresses.open(slot), 0)
  t.equal(addresses.pin(address(1), 0), slot)
  for (let n = 2; n < 100; n++) t.not(visit(addresses, n, n), slot)
  addresses.unpin(slot)
  for (let n = 100; n < 200; n++) t.not(visit(addresses, n, n), slot, 'one pin is left')
  addresses.unpin(slot)
  const later = Array.from({ length: 100 }, (_, i) => visit(addresses, 200 + i, 200 + i))
  t.ok(later.includes(slot))
})

test('requests in flight are counted up to their limit, over all threads', async t => {
  const key = randomHashKey()
  const memory = new SharedArrayBuffer(AddressTable.bytes(16))
  const here = new AddressTable(memory, 0, 16, key)
  const there = new AddressTable(memory, 0, 16, key)
  const slot = here.acquire(address(1), 0)
  t.ok(here.enterRequest(slot, 2))
  t.ok(there.enterRequest(slot, 2))
  t.notOk(here.enterRequest(slot, 2))
  t.equal(there.requests(slot), 2)
  there.leaveRequest(slot)
  t.ok(here.enterRequest(slot, 2))
  t.equal(here.open(slot), 1, 'requests are no connections')
})
