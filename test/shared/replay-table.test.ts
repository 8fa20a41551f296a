import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { FRESH, FULL, REPLAYED, ReplayTable } from '../../src/shared/replay-table.ts'

const NOW = 1_800_000_000

function digest(n: number): Buffer {
  return createHash('sha256').update(String(n)).digest()
}

function table(entries: number): ReplayTable {
  return new ReplayTable(new SharedArrayBuffer(ReplayTable.bytes(entries)), 0, entries)
}

test('what was remembered is known until its time is over', async t => {
  const replays = table(1024)
  t.equal(replays.remember(digest(1), NOW, NOW + 60), FRESH)
  t.equal(replays.remember(digest(1), NOW + 59, NOW + 120), REPLAYED)
  t.equal(replays.remember(digest(1), NOW + 60, NOW + 120), FRESH)
  t.equal(replays.remember(digest(2), NOW, NOW + 60), FRESH)
})

test('nothing that counts still is forgotten: a full set takes nothing more', async t => {
  const replays = table(8)
  for (let n = 0; n < 8; n++) t.equal(replays.remember(digest(n), NOW, NOW + 60), FRESH)
  t.equal(replays.remember(digest(8), NOW, NOW + 60), FULL)
  for (let n = 0; n < 8; n++) t.equal(replays.remember(digest(n), NOW, NOW + 60), REPLAYED)
  t.equal(replays.remember(digest(8), NOW + 60, NOW + 120), FRESH, 'but later')
})

test('it has room for about as many as it was made for', async t => {
  const replays = table(8192)
  let full = 0
  for (let n = 0; n < 4096; n++) {
    if (replays.remember(digest(n), NOW, NOW + 60) === FULL) full++
  }
  t.ok(full < 200, `${full} of half as many found their set full`)
})

test('seconds wrap around without harm', async t => {
  const replays = table(8)
  const wrap = Math.ceil(NOW / 2 ** 24) * 2 ** 24
  t.equal(replays.remember(digest(1), wrap - 5, wrap + 5), FRESH)
  t.equal(replays.remember(digest(1), wrap + 4, wrap + 60), REPLAYED)
  t.equal(replays.remember(digest(1), wrap + 5, wrap + 60), FRESH)
})

test('of threads that remember the same at the same time at most one finds it fresh', async t => {
  const entries = 65_536
  const count = 3000
  const memory = new SharedArrayBuffer(ReplayTable.bytes(entries))
  const fresh = new Int32Array(new SharedArrayBuffer(4 * (count + 1)))
  const script = new URL('../support/replay-hammer.ts', import.meta.url)
  // Places that are free to those whose second has begun already, and to the others not: so they choose differently.
  const early = new ReplayTable(memory, 0, entries)
  for (let n = 1; n <= 20_000; n++) early.remember(digest(-n), 1000, 1001)
  const threads = Array.from({ length: 2 }, async (_, i) => {
    const now = 1000 + i
    const worker = new Worker(script, {
      workerData: { memory, entries, count, fresh, threads: 2, now },
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    worker.on('error', reject)
    worker.on('exit', () => resolve())
    await promise
  })
  await Promise.all(threads)
  const found = fresh.subarray(1)
  t.ok(found.every(each => each <= 1))
  // How many depends on how often they really met: of two that did, neither may find it fresh.
  t.ok(found.includes(1), 'and some are')
})
