import { test } from 'tap'
import { Breaker } from '../../src/balance/breaker.ts'
import { Concurrency } from '../../src/balance/concurrency.ts'
import {
  ALL_FULL,
  ALL_LIMITED,
  ALL_OPEN,
  Candidates,
  NONE_UP,
} from '../../src/balance/candidates.ts'
import { DOWN } from '../../src/shared/backend-table.ts'
import { makeShared } from '../support/memory.ts'

const NONE = new Int32Array(0)

function pool(size: number) {
  const { backends, breakers } = makeShared({ backends: size })
  const options = { errors: 50, windowMs: 10_000, requests: 1, openMs: 1000 }
  const breaker = new Breaker(breakers, 0, options, () => 0)
  return { table: backends, candidates: new Candidates(backends, 0, size, breaker), breaker }
}

test('candidates leave out the down, the full and the tried, and say why there are none', async t => {
  const { table, candidates } = pool(3)
  table.setState(0, DOWN)
  t.equal(candidates.collect(0, NONE, 0), 2)
  t.equal(candidates.collect(0, Int32Array.of(1), 1), 1)
  t.equal(candidates.list[0], 2)
  t.equal(candidates.collect(0, Int32Array.of(1, 2), 2), NONE_UP)
  for (const i of [1, 2]) {
    table.configure(i, 1, false, false)
    table.enter(i, 0)
  }
  t.equal(candidates.collect(0, NONE, 0), ALL_FULL)
})

test('backups are candidates only when nobody else is up; full is up', async t => {
  const { table, candidates } = pool(2)
  table.configure(1, 0, true, false)
  t.equal(candidates.collect(0, NONE, 0), 1)
  t.equal(candidates.list[0], 0)
  table.configure(0, 1, false, false)
  table.enter(0, 0)
  t.equal(candidates.collect(0, NONE, 0), ALL_FULL)
  table.setState(0, DOWN)
  t.equal(candidates.collect(0, NONE, 0), 1)
  t.equal(candidates.list[0], 1)
})

test('backends with an open breaker are left out; a full one is waited for, a backup stands in', async t => {
  const { table, candidates, breaker } = pool(3)
  t.ok(breaker.failed(0))
  t.equal(candidates.collect(0, NONE, 0), 2)
  t.ok(breaker.failed(1))
  table.configure(2, 1, false, false)
  table.enter(2, 0)
  t.equal(candidates.collect(0, NONE, 0), ALL_FULL)
  t.ok(breaker.failed(2))
  t.equal(candidates.collect(0, NONE, 0), ALL_OPEN)
  table.setState(0, DOWN)
  table.setState(1, DOWN)
  t.equal(candidates.collect(0, NONE, 0), ALL_OPEN)
  table.configure(1, 0, true, false)
  t.equal(candidates.collect(0, NONE, 0), ALL_OPEN, 'the backup is down')
  table.setState(2, DOWN)
  t.equal(candidates.collect(0, NONE, 0), NONE_UP, 'down is down, whatever the breaker says')
  const spared = pool(2)
  spared.table.configure(1, 0, true, false)
  spared.breaker.failed(0)
  t.equal(spared.candidates.collect(0, NONE, 0), 1)
  t.equal(spared.candidates.list[0], 1)
})

test('one for which as many wait as may is left out, and no backup stands in', async t => {
  const { backends, concurrency: table } = makeShared({ backends: 3 })
  const options = { min: 1, max: 1, tolerance: 25, intervalMs: 60_000 }
  const concurrency = new Concurrency(table, 0, { first: 0, size: 3 }, options)
  const candidates = new Candidates(backends, 0, 3, null, concurrency)
  backends.configure(2, 0, true, false)
  t.ok(concurrency.enter(0))
  t.equal(candidates.collect(0, NONE, 0), 1)
  t.equal(candidates.list[0], 1)
  t.notOk(candidates.mayReturnTo(0, 0, NONE, 0))
  t.ok(candidates.mayReturnTo(1, 0, NONE, 0))
  backends.configure(1, 1, false, false)
  backends.enter(1, 0)
  t.equal(candidates.collect(0, NONE, 0), ALL_LIMITED, 'the other is full')
  concurrency.leave(0)
  t.equal(candidates.collect(0, NONE, 0), 1)
})
