import { test } from 'tap'
import { Outlier } from '../../src/balance/outlier.ts'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { makeShared } from '../support/memory.ts'

const OPTIONS = { ejectAfter: 3, ejectMs: 1000, ejectMaxMs: 4000, ejectShareMax: 50 }

function pool(size: number, options: Partial<typeof OPTIONS> = {}) {
  const { backends } = makeShared({ backends: size })
  return { backends, outlier: new Outlier(backends, 0, size, { ...OPTIONS, ...options }) }
}

function fail(outlier: Outlier, backend: number, times: number, now = 0): boolean {
  let ejected = false
  for (let i = 0; i < times; i++) ejected = outlier.failed(backend, now)
  return ejected
}

test('failures in a row eject, a success between them starts over', async t => {
  const { backends, outlier } = pool(2)
  t.notOk(fail(outlier, 0, 2))
  outlier.succeeded(0)
  t.notOk(fail(outlier, 0, 2))
  t.notOk(backends.isEjected(0, 0))
  t.ok(fail(outlier, 0, 1))
  t.ok(backends.isEjected(0, 0))
})

test('each ejection lasts twice as long as the one before, up to the maximum', async t => {
  const { backends, outlier } = pool(2)
  let now = 0
  for (const seconds of [1, 2, 4, 4]) {
    t.ok(fail(outlier, 0, 3, now))
    t.ok(backends.isEjected(0, now + seconds * TICKS_PER_SECOND - 1), `${seconds} s`)
    now += seconds * TICKS_PER_SECOND
    t.notOk(backends.isEjected(0, now))
  }
})

test('no more than the set share of a pool is ejected', async t => {
  const { backends, outlier } = pool(4)
  for (let backend = 0; backend < 4; backend++) fail(outlier, backend, 10)
  t.strictSame(
    [0, 1, 2, 3].map(backend => backends.isEjected(backend, 0)),
    [true, true, false, false],
  )
  const alone = pool(1)
  fail(alone.outlier, 0, 10)
  t.notOk(alone.backends.isEjected(0, 0), 'the only one is never ejected at 50 %')
})

test('a record that was too much for the share ejects when there is room again', async t => {
  const { backends, outlier } = pool(2)
  fail(outlier, 0, 3)
  fail(outlier, 1, 3)
  t.notOk(backends.isEjected(1, 0))
  const later = TICKS_PER_SECOND
  t.notOk(backends.isEjected(0, later))
  t.ok(outlier.failed(1, later))
})

test('0 failures or a share of 0 never ejects', async t => {
  for (const options of [{ ejectAfter: 0 }, { ejectShareMax: 0 }]) {
    const { backends, outlier } = pool(2, options)
    fail(outlier, 0, 100)
    t.notOk(backends.isEjected(0, 0))
  }
})

test('a pool looks after its own backends only', async t => {
  const { backends } = makeShared({ backends: 4 })
  const [first, second] = [0, 2].map(start => new Outlier(backends, start, 2, OPTIONS))
  fail(first!, 0, 3)
  t.ok(fail(second!, 2, 3), 'what is ejected elsewhere does not count')
})
