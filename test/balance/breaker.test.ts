import { test } from 'tap'
import { Breaker } from '../../src/balance/breaker.ts'
import { COARSE_PER_SECOND } from '../../src/core/clock.ts'
import { CLOSED, HALF_OPEN, OPEN } from '../../src/shared/breaker-table.ts'
import { makeShared } from '../support/memory.ts'

const OPTIONS = { errors: 50, windowMs: 8000, requests: 4, openMs: 1000 }
const SECOND = COARSE_PER_SECOND

/** The breakers of two workers over the same memory, and their clock. */
function pair(options: Partial<typeof OPTIONS> = {}, start = 0) {
  const { breakers } = makeShared({ backends: 2, workers: 2 })
  const clock = { now: start }
  const make = (worker: number) =>
    new Breaker(breakers, worker, { ...OPTIONS, ...options }, () => clock.now)
  return { breakers, clock, a: make(0), b: make(1) }
}

function open(it: ReturnType<typeof pair>): void {
  for (let i = 0; i < 4; i++) it.a.failed(0)
}

test('it opens at the share of failures, of all workers together, and not before enough exchanges', async t => {
  const it = pair()
  t.notOk(it.a.failed(0))
  t.notOk(it.b.failed(0))
  t.notOk(it.a.failed(0), 'three of three are too few to judge by')
  t.ok(it.b.failed(0))
  t.equal(it.breakers.state(0), OPEN)
  t.notOk(it.a.allows(0))
  t.notOk(it.b.enter(0))
  t.ok(it.a.allows(1), 'another backend')

  const shared = pair()
  for (let i = 0; i < 10; i++) shared.b.succeeded(0)
  for (let i = 0; i < 9; i++) t.notOk(shared.a.failed(0), `${i + 1} of ${i + 11}`)
  t.ok(shared.a.failed(0), '10 of 20')
})

test('what is older than the window does not count, also across the wrap of the clock', async t => {
  for (const start of [0, -4 * SECOND, 0x7fff_ffff - 2 * SECOND]) {
    const it = pair({}, start)
    for (let i = 0; i < 3; i++) it.a.failed(0)
    it.clock.now = (start + 9 * SECOND) | 0
    t.notOk(it.a.failed(0))
    t.notOk(it.b.failed(0))
    t.notOk(it.a.failed(0))
    t.ok(it.b.failed(0))
  }
})

test('one request of all workers is the trial; its success closes and forgets', async t => {
  const it = pair()
  open(it)
  it.clock.now = SECOND - 1
  t.notOk(it.a.allows(0))
  it.clock.now = SECOND
  t.ok(it.a.allows(0) && it.b.allows(0), 'both may try')
  t.ok(it.b.enter(0))
  t.equal(it.breakers.state(0), HALF_OPEN)
  t.notOk(it.a.enter(0), 'the other was first')
  t.notOk(it.a.allows(0))
  it.b.succeeded(0)
  t.equal(it.breakers.state(0), CLOSED)
  t.ok(it.a.enter(0) && it.b.enter(0))
  for (let i = 0; i < 3; i++) t.notOk(it.a.failed(0), 'the four before do not count')
  t.ok(it.b.failed(0))
  t.equal(it.breakers.opensTotal(0), 2)
})

test('a trial that fails opens it again, each time for twice as long, up to 5 minutes', async t => {
  const it = pair()
  open(it)
  for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
    it.clock.now += seconds * SECOND - 1
    t.notOk(it.a.enter(0), `not before ${seconds} s`)
    it.clock.now += 1
    t.ok(it.a.enter(0), `after ${seconds} s`)
    t.ok(it.b.failed(0))
  }
  it.clock.now += 300 * SECOND
  it.a.enter(0)
  it.a.succeeded(0)
  open(it)
  it.clock.now += SECOND
  t.ok(it.a.allows(0), 'after a success it begins with the first time')
  const long = pair({ openMs: 3_600_000 })
  open(long)
  t.notOk(long.a.allows(0))
  long.clock.now = 3600 * SECOND
  t.ok(long.a.enter(0), 'longer than 5 minutes by configuration')
})

test('a trial nobody hears of again lets another through after 10 s', async t => {
  const it = pair()
  open(it)
  it.clock.now = SECOND
  t.ok(it.a.enter(0))
  it.clock.now += 10 * SECOND - 1
  t.notOk(it.b.enter(0))
  it.clock.now += 1
  t.ok(it.b.enter(0))
  t.notOk(it.a.enter(0), 'again one')
  it.b.succeeded(0)
  t.ok(it.a.enter(0))
})

test('what was sent before it opened neither closes it nor makes it stay', async t => {
  const it = pair()
  open(it)
  it.b.succeeded(0)
  t.equal(it.breakers.state(0), OPEN)
  t.notOk(it.b.failed(0))
  it.clock.now = SECOND
  t.ok(it.a.allows(0))
  t.equal(it.breakers.opensTotal(0), 1)
})

test('an open breaker that nobody asks for a month is ready for its trial', async t => {
  const it = pair()
  open(it)
  it.clock.now = 30 * 86_400 * SECOND
  t.ok(it.a.enter(0))
})

test('100 percent opens when all failed', async t => {
  const it = pair({ errors: 100 })
  it.a.succeeded(0)
  for (let i = 0; i < 20; i++) t.notOk(it.a.failed(0))
  it.clock.now = 10 * SECOND
  for (let i = 0; i < 3; i++) it.a.failed(0)
  t.ok(it.a.failed(0))
})
