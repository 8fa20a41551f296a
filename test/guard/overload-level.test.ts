import { test } from 'tap'
import { delayLevels, OverloadLevel, shareLevels, STAY_MS } from '../../src/guard/overload-level.ts'

const near = (values: readonly number[]): number[] =>
  values.map(each => Math.round(each * 1e4) / 1e4)

test('levels of a share lie evenly between its first and all of it, those of a delay double', async t => {
  t.strictSame(near(shareLevels(0.8)), [0.8, 0.85, 0.9, 0.95])
  t.strictSame(shareLevels(0), [])
  t.strictSame(delayLevels(250), [250, 500, 1000])
  t.strictSame(delayLevels(0), [])
})

test('up at once, however many levels', async t => {
  const level = new OverloadLevel(shareLevels(0.8))
  t.equal(level.look(0.79, 0), 0)
  t.equal(level.look(0.8, 1), 1)
  t.equal(level.look(0.99, 2), 4)
})

test('down one at a time, and each only after it has held', async t => {
  const level = new OverloadLevel(shareLevels(0.8))
  level.look(1, 0)
  const seen = [1, STAY_MS - 1, STAY_MS, STAY_MS + 1, STAY_MS * 2, STAY_MS * 3, STAY_MS * 4]
  t.strictSame(
    seen.map(now => level.look(0, now)),
    [4, 4, 3, 3, 2, 1, 0],
  )
})

test('what hovers around a begin does not flap', async t => {
  const level = new OverloadLevel(shareLevels(0.8))
  level.look(0.86, 0)
  for (let now = 0; now < 100_000; now += 250) t.equal(level.look(0.84, now), 2, `at ${now}`)
  t.equal(level.look(0.82, 200_000), 1, 'half a step below it is over')
  t.equal(level.look(0.78, 300_000), 1)
  t.equal(level.look(0.77, 400_000), 0)
})

test('one that begins low ends all the same', async t => {
  const level = new OverloadLevel(shareLevels(0.05))
  level.look(0.06, 0)
  t.equal(level.look(0.03, 10_000), 1)
  t.equal(level.look(0.02, 20_000), 0)
})

test('the time of a level begins anew with each look that reaches it', async t => {
  const level = new OverloadLevel(shareLevels(0.8))
  level.look(0.86, 0)
  level.look(0.86, 5000)
  t.equal(level.look(0, 5001), 2)
  t.equal(level.look(0, 5000 + STAY_MS), 1)
})

test('a signal that is off has no level', async t => {
  t.equal(new OverloadLevel([]).look(9, 0), 0)
})
