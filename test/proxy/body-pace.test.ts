import { test } from 'tap'
import { BodyPace } from '../../src/proxy/body-pace.ts'

function pace(): BodyPace {
  const it = new BodyPace()
  it.reset()
  return it
}

test('in its first ten seconds a body may be slow', async t => {
  const it = pace()
  it.listen(0)
  t.notOk(it.isTooSlow(10_000, 500, 0))
  t.ok(it.isTooSlow(10_001, 500, 0))
})

test('what counts is the average since the beginning', async t => {
  const it = pace()
  it.listen(0)
  it.took(10_000)
  t.notOk(it.isTooSlow(20_000, 500, 0), '500 a second')
  t.ok(it.isTooSlow(20_100, 500, 0), 'a little less')
})

test('time in which nobody listened does not count', async t => {
  const it = pace()
  it.listen(0)
  it.took(1000)
  it.pause(2000)
  it.pause(3000)
  it.listen(1_000_000)
  it.listen(1_005_000)
  t.notOk(it.isTooSlow(1_008_000, 500, 0), 'ten seconds of its own in all')
  t.ok(it.isTooSlow(1_009_000, 500, 0))
})

test('a limit of 0 is none, and a new body begins anew', async t => {
  const it = pace()
  it.listen(0)
  t.notOk(it.isTooSlow(1_000_000, 0, 0))
  it.reset()
  it.listen(1_000_000)
  t.notOk(it.isTooSlow(1_005_000, 500, 0))
})
