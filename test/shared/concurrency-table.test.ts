import { test } from 'tap'
import { ConcurrencyTable } from '../../src/shared/concurrency-table.ts'
import { CROWD, crowd, crowdTable } from '../support/crowd.ts'

function makeTable(backends = 2, workers = 2): ConcurrencyTable {
  const memory = new SharedArrayBuffer(ConcurrencyTable.bytes(backends, workers))
  return new ConcurrencyTable(memory, 0, backends, workers)
}

test('as many enter as the limit says, and the lowest while it is measured', async t => {
  const table = makeTable()
  table.begin(0, 4, 9)
  table.begin(0, 100, 10)
  t.strictSame([table.limit(0), table.isMeasured(0), table.measuredSince(0)], [4, true, 9])
  t.ok(table.enter(0, 0, 1))
  t.notOk(table.enter(0, 1, 1))
  t.ok(table.isFull(0, 1))
  t.ok(table.setLimit(0, -4, 4))
  t.notOk(table.setLimit(0, -4, 5), 'somebody did before')
  for (let i = 0; i < 3; i++) t.ok(table.enter(0, i & 1, 1))
  t.notOk(table.enter(0, 1, 1))
  t.ok(table.isFull(0, 1))
  t.equal(table.waiting(0), 4)
  t.equal(table.add(0, 1), 4, 'who was let in before is counted all the same')
  table.leave(0, 1)
  table.leave(0, 0)
  t.notOk(table.isFull(0, 1))
  t.strictSame([table.waiting(1), table.limit(1)], [0, 0])
})

test('what a dead worker held is given back, and nothing else, however often', async t => {
  const table = makeTable()
  for (let i = 0; i < 3; i++) table.add(1, 1)
  table.add(1, 0)
  table.giveBack(1)
  table.giveBack(1)
  t.equal(table.waiting(1), 1)
})

test('times of all workers are one window, and forgotten with it', async t => {
  const table = makeTable()
  t.strictSame([table.times(0), table.median(0), table.peak(0)], [0, 0, 0])
  table.add(0, 0)
  for (const us of [1000, 2000, 900_000]) table.note(0, 0, us)
  table.add(0, 0)
  table.note(0, 1, 2000)
  table.note(0, 1, 50_000)
  table.leave(0, 0)
  t.strictSame([table.times(0), table.peak(0), table.times(1)], [5, 2, 0])
  t.ok(Math.abs(table.median(0) - 2000) <= 125, `${table.median(0)} is the third of five`)
  t.ok(table.close(0, 0, 7))
  t.notOk(table.close(0, 0, 8), 'another worker has it')
  table.forgetTimes(0)
  t.strictSame([table.until(0), table.times(0), table.median(0), table.peak(0)], [7, 0, 0, 0])
  table.note(0, 1, 4000)
  t.strictSame([table.times(0), table.peak(0)], [1, 1])
})

test('windows at the lowest limit are counted as long as they follow each other', async t => {
  const table = makeTable()
  const lows = [true, true, false, true].map(low => table.countLow(0, low))
  t.strictSame(lows, [1, 2, 0, 1])
})

test('threads that enter as fast as they can are never more at once than the limit', async t => {
  const threads = 4
  const memory = new SharedArrayBuffer(ConcurrencyTable.bytes(1, threads))
  const table = crowdTable(memory, threads)
  table.begin(0, 2, 0)
  table.setLimit(0, -2, 2)
  const most = await crowd(memory, threads, 'enter')
  t.ok(most === 1 || most === 2, `${most} at once`)
  t.equal(table.waiting(0), 0)
})

test('threads that tell of times close a window once', async t => {
  const threads = 4
  const memory = new SharedArrayBuffer(ConcurrencyTable.bytes(1, threads))
  const table = crowdTable(memory, threads)
  table.begin(0, 20, 0)
  table.setLimit(0, -20, 20)
  table.setLeastTime(0, 1000)
  table.setMeasureAt(0, 1_000_000)
  for (let i = 0; i < 15; i++) table.add(0, 0)
  await crowd(memory, threads, 'tell')
  t.equal(table.limit(0), Math.floor(20 * 2 + Math.sqrt(20)))
})

test('what threads held when they ended is given back to the last of it', async t => {
  const threads = 3
  const memory = new SharedArrayBuffer(ConcurrencyTable.bytes(1, threads))
  const table = crowdTable(memory, threads)
  await crowd(memory, threads, 'die')
  t.equal(table.waiting(0), 6)
  t.equal(table.isFull(0, CROWD.min), true)
  for (let worker = 0; worker < threads; worker++) table.giveBack(worker)
  t.equal(table.waiting(0), 0)
})
