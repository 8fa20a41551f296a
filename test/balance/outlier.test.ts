import { test } from 'tap'
import { Outlier } from '../../src/balance/outlier.ts'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { ANSWERS, DIALS, SLOW } from '../../src/shared/backend-table.ts'
import { makeShared } from '../support/memory.ts'

const OPTIONS = {
  ejectAfter: 3,
  ejectErrors: 0,
  ejectSlow: 0,
  ejectMs: 1000,
  ejectMaxMs: 4000,
  ejectShareMax: 50,
}

function pool(size: number, options: Partial<typeof OPTIONS> = {}) {
  const { backends } = makeShared({ backends: size })
  return { backends, outlier: new Outlier(backends, 0, size, { ...OPTIONS, ...options }) }
}

function fail(outlier: Outlier, backend: number, times: number, now = 0): boolean {
  let ejected = false
  for (let i = 0; i < times; i++) ejected = outlier.dialFailed(backend, now)
  return ejected
}

test('failures in a row eject, a success between them starts over', async t => {
  const { backends, outlier } = pool(2)
  t.notOk(fail(outlier, 0, 2))
  outlier.dialed(0)
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
  t.ok(outlier.dialFailed(1, later))
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

test('errors in a row eject, whatever the kind; another answer between them starts over', async t => {
  const { backends, outlier } = pool(2, { ejectAfter: 0, ejectErrors: 3 })
  t.notOk(outlier.answered(0, 500, 1, 0))
  t.notOk(outlier.broke(0, 0))
  t.notOk(outlier.answered(0, 404, 1, 0), 'a 404 is an answer')
  t.notOk(outlier.answered(0, 599, 1, 0))
  t.notOk(outlier.broke(0, 0))
  t.ok(outlier.answered(0, 503, 1, 0))
  t.ok(backends.isEjected(0, 0))
  t.strictSame(
    [DIALS, ANSWERS, SLOW].map(cause => backends.ejectionsTotal(0, cause)),
    [0, 1, 0],
  )
})

test('failed dials and errors are two counts: neither clears or feeds the other', async t => {
  const { backends, outlier } = pool(2, { ejectAfter: 3, ejectErrors: 3 })
  for (let i = 0; i < 2; i++) {
    outlier.broke(0, 0)
    outlier.dialed(0)
    outlier.dialFailed(0, 0)
    outlier.answered(0, 200, 1, 0)
    outlier.dialFailed(0, 0)
    outlier.broke(0, 0)
    outlier.dialed(0)
    outlier.answered(0, 200, 1, 0)
  }
  t.notOk(backends.isEjected(0, 0))
  outlier.dialed(0)
  fail(outlier, 0, 2)
  outlier.broke(0, 0)
  outlier.broke(0, 0)
  t.notOk(backends.isEjected(0, 0), 'two and two are not three')
})

test('what was under way at an ejection does not shorten the next run', async t => {
  const { backends, outlier } = pool(2, { ejectErrors: 3 })
  for (let i = 0; i < 10; i++) outlier.broke(0, 0)
  t.notOk(backends.isEjected(0, TICKS_PER_SECOND))
  t.notOk(outlier.broke(0, TICKS_PER_SECOND))
  t.notOk(outlier.broke(0, TICKS_PER_SECOND))
  t.ok(outlier.broke(0, TICKS_PER_SECOND))
})

/** Gives every backend its time, `rounds` times. @returns whom that ejected */
function time(it: ReturnType<typeof pool>, ms: readonly number[], rounds: number): number[] {
  for (let i = 0; i < rounds; i++) {
    for (const [backend, each] of ms.entries()) it.outlier.answered(backend, 200, each, 0)
  }
  return ms.flatMap((_, backend) => (it.backends.isEjected(backend, 0) ? [backend] : []))
}

test('who is slower than the factor times the median is ejected, of two the slower', async t => {
  t.strictSame(time(pool(3, { ejectSlow: 3 }), [20, 25, 100], 64), [2])
  t.strictSame(time(pool(2, { ejectSlow: 3 }), [90, 20], 64), [0])
  t.strictSame(time(pool(4, { ejectSlow: 3 }), [1, 1, 300, 400], 64), [2, 3], 'half of the pool')
  t.strictSame(time(pool(3, { ejectSlow: 3 }), [100, 100, 250], 64), [], 'not slow enough')
  t.strictSame(time(pool(1, { ejectSlow: 2, ejectShareMax: 100 }), [1000], 64), [], 'alone')
})

test('nobody is slow below 10 ms, before 32 answers, or for one answer that took long', async t => {
  t.strictSame(time(pool(2, { ejectSlow: 2 }), [0.1, 9.9], 200), [])
  t.strictSame(time(pool(2, { ejectSlow: 2 }), [1, 500], 31), [])
  const it = pool(2, { ejectSlow: 3 })
  t.strictSame(time(it, [10, 12], 47), [])
  it.outlier.answered(1, 200, 3_600_000, 0)
  t.strictSame(time(it, [10, 12], 100), [], 'an hour')
})

test('errors and answers to half a request are no times; 0 looks at nothing', async t => {
  const it = pool(2, { ejectSlow: 2 })
  for (let i = 0; i < 100; i++) {
    it.outlier.answered(0, 200, 20, 0)
    it.outlier.answered(1, 503, 500, 0)
    it.outlier.answered(1, 200, -1, 0)
  }
  t.equal(it.backends.latency(1), -1)
  t.notOk(it.backends.isEjected(1, 0))
  t.notOk(pool(2).outlier.watchesAnswers)
})

test('an ejection forgets the times: who comes back is judged by what it does then', async t => {
  const it = pool(2, { ejectSlow: 3 })
  t.strictSame(time(it, [10, 100], 48), [1])
  t.equal(it.backends.latency(1), -1)
})
