import { test } from 'tap'
import { makeShared } from '../support/memory.ts'

test('the host takes no more than its maximum, whichever worker asks', async t => {
  const { workers } = makeShared()
  t.ok(workers.enter(0, 2))
  t.ok(workers.enter(1, 2))
  t.notOk(workers.enter(0, 2))
  t.equal(workers.hostConnections(), 2)
  workers.leave(1)
  t.ok(workers.enter(0, 2))
  t.strictSame([workers.connections(0), workers.connections(1)], [2, 0])
})

test('0 is no limit', async t => {
  const { workers } = makeShared()
  for (let i = 0; i < 100; i++) t.ok(workers.enter(0, 0))
  t.equal(workers.hostConnections(), 100)
})

test("a dead worker's share is given back once", async t => {
  const { workers } = makeShared()
  for (const worker of [0, 0, 1]) workers.enter(worker, 0)
  workers.giveBack(0)
  workers.giveBack(0)
  t.equal(workers.hostConnections(), 1)
  t.strictSame([workers.connections(0), workers.connections(1)], [0, 1])
})

test('a heartbeat changes with each beat of that worker alone', async t => {
  const { workers } = makeShared()
  const before = [workers.heartbeat(0), workers.heartbeat(1)]
  workers.beat(1)
  t.equal(workers.heartbeat(0), before[0])
  t.not(workers.heartbeat(1), before[1])
})

test('draining is seen by everybody', async t => {
  const { workers } = makeShared()
  t.notOk(workers.isDraining())
  workers.setDraining()
  t.ok(workers.isDraining())
})
