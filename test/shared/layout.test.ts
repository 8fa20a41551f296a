import { test } from 'tap'
import { openShared } from '../../src/shared/layout.ts'
import { makeShared, numbered } from '../support/memory.ts'

test('what one thread writes another reads, region by region', async t => {
  const here = makeShared()
  const there = openShared(here.options, here.memory)
  here.workers.enter(1, 0)
  here.backends.enter(2, 1)
  const slot = here.addresses.acquire(numbered(1), 0)
  here.counters.slice(1)[here.counters.at.queued]! += 7
  t.equal(there.workers.connections(1), 1)
  t.equal(there.backends.active(2), 1)
  t.equal(there.addresses.acquire(numbered(1), 0), slot)
  t.equal(there.counters.sum('queued', 0), 7)
})

test('regions do not overlap: filling one leaves the others as they were', async t => {
  const shared = makeShared()
  const { workers, backends, addresses, ledger, counters } = shared
  // Every word that can be written through the counters and the ledger, the last regions.
  for (const worker of [0, 1]) counters.slice(worker).fill(1)
  for (const worker of [0, 1]) for (let i = 0; i < 16; i++) ledger.write(worker, i, 3)
  t.equal(workers.hostConnections(), 0)
  t.equal(backends.active(0), 0)
  t.equal(addresses.used(), 0)
  for (let n = 0; n < 200; n++) addresses.acquire(numbered(n), 0)
  for (const worker of [0, 1]) {
    t.ok(counters.slice(worker).every(word => word === 1))
    workers.enter(worker, 0)
    for (let backend = 0; backend < 3; backend++) backends.enter(backend, worker)
  }
  t.equal(workers.hostConnections(), 2)
  t.strictSame(
    [0, 1, 2].map(i => backends.active(i)),
    [2, 2, 2],
  )
})

test('the memory is as large as its parts, and grows with the address table', async t => {
  const small = makeShared({ addresses: 1024, moreBuckets: false }).memory.byteLength
  const large = makeShared({ addresses: 1024 * 1024, moreBuckets: false }).memory.byteLength
  t.ok(large - small < 1024 * 1024 * 70, `${large - small} bytes for a million addresses`)
  t.ok(large - small > 1024 * 1024 * 48)
})
