import { test } from 'tap'
import { CONNECTIONS, LOOP, MEMORY } from '../../src/shared/overload-table.ts'
import { makeShared } from '../support/memory.ts'

test('of all who ask one samples, and the next one not before its time', async t => {
  const { overload } = makeShared()
  t.ok(overload.maySample(0, 250), 'the first')
  t.notOk(overload.maySample(1, 250))
  t.notOk(overload.maySample(250, 250))
  t.ok(overload.maySample(251, 250))
  t.notOk(overload.maySample(251, 250))
  t.ok(overload.maySample(600, 250), 'and if that one died over it, another')
})

test('shares are kept to a hundredth of a percent, above 1 too', async t => {
  const { overload } = makeShared()
  overload.setShare(MEMORY, 0.8125)
  overload.setShare(CONNECTIONS, 1.5)
  t.equal(overload.share(MEMORY), 0.8125)
  t.equal(overload.share(CONNECTIONS), 1.5)
})

test('the highest of all workers is told, and weir is shut when each of them is', async t => {
  const { overload } = makeShared()
  overload.publish(0, [3, 0, 0, 1], 3, true)
  t.equal(overload.highest, 3)
  t.notOk(overload.isShut)
  overload.publish(1, [0, 0, 2, 4], 4, true)
  t.equal(overload.highest, 4)
  t.equal(overload.highestOf(MEMORY), 3)
  t.equal(overload.highestOf(LOOP), 4)
  t.ok(overload.isShut)
  overload.setLoopMs(1, 700)
  t.equal(overload.loopMsMax, 700)
})

test('what a dead worker thought is forgotten', async t => {
  const { overload } = makeShared()
  for (const worker of [0, 1]) overload.publish(worker, [4, 4, 4, 4], 4, true)
  overload.setLoopMs(0, 700)
  overload.giveBack(0)
  t.equal(overload.level(0), 0)
  t.equal(overload.loopMsMax, 0)
  t.equal(overload.level(1), 4)
  t.notOk(overload.isShut)
})

test('a sample is taken once in its time, also after the clock of milliseconds has gone round', async t => {
  const { overload } = makeShared()
  let last = 0
  for (const at of [0, 2 ** 31 - 100, 2 ** 31 + 1000, 2 ** 32 - 50, 2 ** 32, 2 ** 32 + 260]) {
    const isDue = at === 0 || at - last >= 250
    t.equal(overload.maySample(at, 250), isDue, `at ${at}`)
    if (isDue) last = at
    t.notOk(overload.maySample(at + 1, 250), `just after ${at}`)
    t.notOk(overload.maySample(at + 49, 250))
  }
})
