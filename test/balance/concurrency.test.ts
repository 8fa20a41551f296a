import * as fc from 'fast-check'
import { test } from 'tap'
import { Concurrency, type ConcurrencyOptions } from '../../src/balance/concurrency.ts'
import { COARSE_PER_SECOND } from '../../src/core/clock.ts'
import { makeShared } from '../support/memory.ts'

const OPTIONS: ConcurrencyOptions = { min: 3, max: 1000, tolerance: 25, intervalMs: 60_000 }
const SECOND = COARSE_PER_SECOND
const MINUTE = 60 * SECOND

function make(options: Partial<ConcurrencyOptions> = {}, start = 6400) {
  const { concurrency: table } = makeShared({ backends: 2, workers: 2 })
  const clock = { now: start, random: 0.5 }
  const range = { first: 0, size: 2 }
  const of = (worker: number) =>
    new Concurrency(
      table,
      worker,
      range,
      { ...OPTIONS, ...options },
      () => clock.now,
      () => clock.random,
    )
  return { table, clock, a: of(0), b: of(1) }
}

type Made = ReturnType<typeof make>

/** As many requests as may wait at once, of `offered`, and what each of them took; ten of them are told of. */
function serve({ table, clock, a, b }: Made, offered: number, service: (n: number) => number) {
  let entered = 0
  while (entered < offered && a.enter(0)) entered++
  const ms = service(entered)
  clock.now += Math.max(8, 2 * Math.ceil((ms * SECOND) / 1000)) + 2
  for (let i = 0; i < 5; i++) {
    a.waited(0, ms)
    b.waited(0, ms)
  }
  for (let i = 0; i < entered; i++) a.leave(0)
  return { limit: table.limit(0), entered, ms }
}

function rounds(made: Made, count: number, offered: number, service: (n: number) => number) {
  const limits: number[] = []
  for (let i = 0; i < count; i++) limits.push(serve(made, offered, service).limit)
  return limits
}

/** It can do `capacity` at once in `base` ms; more of them take longer together. */
function capacity(capacity: number, base: number) {
  return (n: number) => base * Math.max(1, n / capacity)
}

/** Past the first measurement. */
function measure(made: Made, service: (n: number) => number): void {
  for (let i = 0; made.table.isMeasured(0) && i < 50; i++) serve(made, 1000, service)
}

test('it begins by measuring with the least requests at once', async t => {
  const made = make()
  t.ok(made.table.isMeasured(0))
  t.equal(serve(made, 100, () => 20).entered, 3)
  measure(made, () => 20)
  t.notOk(made.table.isMeasured(0))
  t.equal(made.table.measurementsTotal(0), 1)
  t.ok(Math.abs(made.table.leastTime(0) - 20_000) <= 1250)
  t.equal(made.table.limit(0), 20)
  t.ok(made.table.isMeasured(1), 'the other backend had no requests')
})

test('the limit comes to rest where a backend is used and nobody waits long', async t => {
  for (const places of [5, 12, 40, 150]) {
    const made = make()
    const service = capacity(places, 50)
    measure(made, service)
    const limits = rounds(made, 200, 10_000, service).slice(-60)
    const [low, high] = [Math.min(...limits), Math.max(...limits)]
    // 1.25 of the least time, and the headroom of a square root.
    t.ok(low >= places * 0.9, `${low} of ${places}`)
    t.ok(high <= 2 * places + 4, `${high} of ${places}`)
  }
})

test('a backend that loses its places gets fewer requests, and more again when it has them back', async t => {
  const made = make({ intervalMs: 3_600_000 })
  measure(made, capacity(100, 50))
  rounds(made, 100, 1000, capacity(100, 50))
  const before = made.table.limit(0)
  t.ok(before > 90)
  const during = Math.max(...rounds(made, 40, 1000, capacity(10, 50)).slice(-10))
  t.ok(during < 30, `${during} of ${before}`)
  t.ok(made.table.gradient(0) < 1)
  const after = rounds(made, 100, 1000, capacity(100, 50)).at(-1)!
  t.ok(after > 90, `${after} again`)
})

test('it is never below its least nor above its most', async t => {
  const made = make({ min: 4, max: 30 })
  measure(made, () => 20)
  rounds(made, 50, 1000, () => 20)
  t.equal(made.table.limit(0), 30)
  // Slower with every request, which no measurement finds to be as it should: the lowest it is.
  let ms = 20
  const limits = rounds(made, 60, 1000, () => (ms *= 1.5))
  t.equal(Math.min(...limits), 4)
  t.equal(serve(make({ min: 50, max: 60 }), 1000, () => 1).limit, 50, 'the first one is within')
})

test('below ten milliseconds nobody is slow', async t => {
  const made = make()
  measure(made, () => 0.2)
  const before = made.table.limit(0)
  const limits = rounds(made, 30, 1000, () => 9)
  t.ok(limits.at(-1)! > before, `${limits.at(-1)!} of ${before}`)
})

test('a limit that nobody comes near does not grow', async t => {
  const made = make()
  measure(made, () => 20)
  rounds(made, 30, 4, () => 20)
  t.equal(made.table.limit(0), 20)
  rounds(made, 30, 12, () => 20)
  t.equal(made.table.limit(0), 29, 'until no more than half of it is used')
})

test('the least time is measured anew when its time has come, give or take the jitter', async t => {
  const made = make()
  measure(made, () => 20)
  const from = made.clock.now
  made.clock.now = from + MINUTE - 2 * SECOND
  rounds(made, 1, 1000, () => 40)
  t.notOk(made.table.isMeasured(0))
  made.clock.now = from + MINUTE + 2 * SECOND
  const limit = serve(made, 1000, () => 40).limit
  t.ok(made.table.isMeasured(0))
  t.equal(serve(made, 1000, () => 40).entered, 3)
  made.clock.random = 0.999
  measure(made, () => 40)
  t.ok(Math.abs(made.table.leastTime(0) - 40_000) <= 2500)
  t.equal(made.table.limit(0), limit, 'the limit was kept meanwhile')
  const later = (made.table.measureAt(0) - made.clock.now) / MINUTE
  t.ok(later > 1.14 && later <= 1.151, `${later} minutes`)
})

test('what was sent before a measurement began tells it nothing', async t => {
  const made = make()
  made.clock.now += SECOND
  for (let i = 0; i < 100; i++) made.a.waited(0, 1500)
  t.strictSame([made.table.times(0), made.table.isMeasured(0)], [0, true])
  made.clock.now += SECOND
  for (let i = 0; i < 10; i++) made.a.waited(0, 500)
  t.notOk(made.table.isMeasured(0), 'ten are enough once it takes a second')
})

test('a measurement that hears nothing gives up, and goes by what it knew', async t => {
  const made = make()
  measure(made, () => 20)
  const { limit } = serve(made, 1000, () => 20)
  made.clock.now += 2 * MINUTE
  serve(made, 1000, () => 20)
  t.ok(made.table.isMeasured(0))
  const least = made.table.leastTime(0)
  made.clock.now += 4 * SECOND
  made.a.waited(0, 100_000)
  t.ok(made.table.isMeasured(0))
  made.clock.now += 2 * SECOND
  made.a.waited(0, 100_000)
  t.notOk(made.table.isMeasured(0))
  t.strictSame([made.table.leastTime(0), made.table.measurementsTotal(0)], [least, 1])
  t.ok(made.table.limit(0) >= limit)
})

test('at its lowest for long it is measured anew: it is not the crowd that makes it slow', async t => {
  const made = make({ intervalMs: 3_600_000 })
  measure(made, () => 20)
  const limits = rounds(made, 12, 1000, () => 200)
  t.equal(limits.at(-1), 3)
  rounds(made, 40, 1000, () => 200)
  t.ok(made.table.measurementsTotal(0) >= 2)
  t.ok(made.table.leastTime(0) > 180_000)
  t.ok(made.table.limit(0) > 20, `${made.table.limit(0)}`)
})

test('a worker that comes later goes on with what it finds', async t => {
  const made = make()
  measure(made, () => 20)
  rounds(made, 20, 1000, () => 20)
  const before = made.table.limit(0)
  const another = new Concurrency(made.table, 1, { first: 0, size: 2 }, OPTIONS)
  t.strictSame([made.table.limit(0), made.table.isMeasured(0)], [before, false])
  t.ok(another.enter(0))
})

test('a worker that died between the words of a window leaves nothing that does not heal', async t => {
  const made = make()
  measure(made, () => 20)
  rounds(made, 5, 1000, () => 20)
  const { table, clock } = made
  const limit = table.limit(0)
  // It took the end of the window, and no more.
  table.close(0, table.until(0), clock.now + 7)
  t.ok(serve(made, 1000, () => 20).limit > limit)
  // It began a measurement, and the clock of that is from long ago.
  table.setLimit(0, table.limit(0), -table.limit(0))
  measure(made, () => 20)
  t.notOk(table.isMeasured(0))
})

test('the clock may wrap, stand still and step', async t => {
  const made = make({}, 0x7fff_ffff - 100)
  measure(made, () => 20)
  t.notOk(made.table.isMeasured(0))
  const limits = rounds(made, 100, 1000, () => 20)
  t.equal(limits.at(-1), 1000, 'it grows across the wrap')
  made.clock.now = (made.clock.now + 24 * 60 * MINUTE) | 0
  measure(made, () => 20)
  made.clock.now = (made.clock.now - SECOND) | 0
  t.ok(serve(made, 1000, () => 20).limit >= 3)
})

test('whatever the times and the clock, the limit is a whole number within its bounds', async t => {
  const step = fc.record({
    ms: fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.constantFrom(0, 1e-9, 1e300)),
    ticks: fc.integer({ min: -100, max: 100_000 }),
    enter: fc.integer({ min: 0, max: 40 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), steps => {
      const made = make({ min: 2, max: 50 })
      for (const { ms, ticks, enter } of steps) {
        made.clock.now = (made.clock.now + ticks) | 0
        for (let i = 0; i < enter; i++) made.a.enter(0)
        for (let i = 0; i < 12; i++) made.b.waited(0, ms)
        while (made.table.waiting(0) > 0) made.a.leave(0)
        const limit = made.table.limit(0)
        const gradient = made.table.gradient(0)
        if (!Number.isInteger(limit) || limit < 2 || limit > 50) return false
        if (!(gradient >= 0.5 && gradient <= 2)) return false
      }
      return true
    }),
  )
  t.pass()
})
