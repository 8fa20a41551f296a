import { test } from 'tap'
import { ALL_FULL, Candidates, NONE_UP } from '../../src/balance/candidates.ts'
import { DOWN } from '../../src/shared/backend-table.ts'
import { makeShared } from '../support/memory.ts'

const NONE = new Int32Array(0)

function pool(size: number) {
  const { backends } = makeShared({ backends: size })
  return { table: backends, candidates: new Candidates(backends, 0, size) }
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
