import { test } from 'tap'
import { BackendTable, CHECKING, DIALS, DOWN, UP } from '../../src/shared/backend-table.ts'

function table(backends: number, workers = 2): BackendTable {
  const bytes = BackendTable.bytes(backends, workers)
  return new BackendTable(new SharedArrayBuffer(bytes), 0, backends, workers)
}

test('a backend is usable before its first probe and not when it is down or drained', async t => {
  const b = table(1)
  t.equal(b.state(0), CHECKING)
  t.ok(b.isUsable(0, 0))
  b.setState(0, DOWN)
  t.notOk(b.isUsable(0, 0))
  b.setState(0, UP)
  b.configure(0, 0, false, true)
  t.notOk(b.isUsable(0, 0))
})

test('no more enter than may, whoever asks', async t => {
  const b = table(1)
  b.configure(0, 2, false, false)
  t.ok(b.enter(0, 0))
  t.ok(b.enter(0, 1))
  t.notOk(b.enter(0, 0))
  t.equal(b.active(0), 2)
  b.leave(0, 1)
  t.ok(b.enter(0, 0))
})

test("a dead worker's share is given back, and no other's", async t => {
  const b = table(2)
  for (const worker of [0, 0, 1]) b.enter(1, worker)
  b.giveBack(0)
  t.equal(b.active(1), 1)
  b.giveBack(0)
  t.equal(b.active(1), 1, 'once')
})

test('an ejection ends by itself, also across the wrap of the clock', async t => {
  for (const start of [0, 0x7fff_fff0]) {
    const b = table(1)
    t.ok(b.eject(0, (start + 100) | 0, DIALS))
    t.notOk(b.eject(0, (start + 100) | 0, DIALS), 'it is ejected already')
    t.notOk(b.isUsable(0, (start + 99) | 0))
    t.ok(b.isUsable(0, (start + 100) | 0))
    t.notOk(b.isEjected(0, start), 'once over it stays over')
    t.equal(b.ejectionsTotal(0, DIALS), 1)
  }
})

test('a pardon ends an ejection and forgets the record', async t => {
  const b = table(1)
  b.addFailure(0)
  b.eject(0, 1000, DIALS)
  b.pardon(0)
  t.ok(b.isUsable(0, 0))
  t.equal(b.ejections(0), 0)
  t.equal(b.ejectionsTotal(0, DIALS), 1)
  t.equal(b.addFailure(0), 1)
})
