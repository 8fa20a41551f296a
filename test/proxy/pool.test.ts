import { test } from 'tap'
import { Breaker } from '../../src/balance/breaker.ts'
import { Concurrency } from '../../src/balance/concurrency.ts'
import { ticks } from '../../src/core/clock.ts'
import {
  CIRCUIT_OPEN,
  LIMITED,
  NO_BACKEND,
  type Pool,
  WAIT,
  type Waiter,
} from '../../src/proxy/pool.ts'
import { DIALS, DOWN, UP } from '../../src/shared/backend-table.ts'
import { makeShared } from '../support/memory.ts'
import { makePool } from '../support/pool.ts'

const NONE = new Int32Array(0)

const BREAKER = { errors: 50, windowMs: 10_000, requests: 2, openMs: 1000 }

const ADAPTIVE = { min: 2, max: 100, tolerance: 25, intervalMs: 60_000 }

function setUp(size: number, queueMax = 2, withBreaker = false, adaptive = false) {
  const { backends, breakers, concurrency: table } = makeShared({ backends: size })
  const clock = { now: 0 }
  const breaker = withBreaker ? new Breaker(breakers, 0, BREAKER, () => clock.now) : null
  const range = { first: 0, size }
  const concurrency = adaptive ? new Concurrency(table, 0, range, ADAPTIVE, () => clock.now) : null
  const ports = Array.from({ length: size }, (_, i) => i)
  const rules = { queueMax, queueTimeoutMs: 1000, ejectAfter: 2 }
  const pool = makePool(backends, { ports, breaker, concurrency }, rules)
  return { pool, backends, table, clock }
}

function limit(backends: ReturnType<typeof setUp>['backends'], max: number): void {
  for (let i = 0; i < backends.count; i++) backends.configure(i, max, false, false)
}

/** A session in the line that takes a place when there is one. */
class Session implements Waiter {
  backend = WAIT
  readonly #pool: Pool
  constructor(pool: Pool) {
    this.#pool = pool
  }
  onTurn(): void {
    this.backend = this.#pool.take(0, NONE, 0)
    if (this.backend === WAIT || this.backend === LIMITED) this.#pool.wait(this)
  }
}

test('a taken backend is counted until it is left', async t => {
  const { pool, backends } = setUp(2)
  const taken = new Set([pool.take(0, NONE, 0), pool.take(0, NONE, 0)])
  t.strictSame(taken, new Set([0, 1]))
  t.strictSame([backends.active(0), backends.active(1)], [1, 1])
  pool.leave(0)
  t.equal(backends.active(0), 0)
  t.equal(pool.target(1).name, 'b1')
})

test('what was tried is left out; with nobody left there is no backend', async t => {
  const { pool, backends } = setUp(2)
  t.equal(pool.take(0, Int32Array.of(0), 1), 1)
  t.equal(pool.take(0, Int32Array.of(0, 1), 2), NO_BACKEND)
  backends.setState(0, DOWN)
  backends.setState(1, DOWN)
  t.equal(pool.take(0, NONE, 0), NO_BACKEND)
})

test('a place that is left goes to the first in the line', async t => {
  const { pool, backends } = setUp(1)
  limit(backends, 1)
  pool.take(0, NONE, 0)
  t.equal(pool.take(0, NONE, 0), WAIT)
  const [first, second, third] = [new Session(pool), new Session(pool), new Session(pool)]
  t.ok(pool.wait(first))
  t.ok(pool.wait(second))
  t.notOk(pool.wait(third), 'the line is full')
  pool.leave(0)
  t.strictSame([first.backend, second.backend], [0, WAIT])
  t.equal(pool.waiting, 1)
  pool.stopWaiting(second)
  pool.stopWaiting(second)
  pool.leave(0)
  t.strictSame([second.backend, pool.waiting], [WAIT, 0], 'who left the line is not called')
  t.equal(backends.active(0), 0)
})

test('a place that another worker left is found at the next step', async t => {
  const { pool, backends } = setUp(1)
  limit(backends, 1)
  backends.enter(0, 1)
  const waiting = new Session(pool)
  waiting.onTurn()
  pool.step()
  t.equal(waiting.backend, WAIT)
  backends.leave(0, 1)
  pool.step()
  t.equal(waiting.backend, 0)
})

test('failed dials in a row eject, and a good one clears the record', async t => {
  const { pool, backends } = setUp(2)
  pool.dialFailed(0, 'ECONNREFUSED')
  pool.dialed(0)
  pool.dialFailed(0, 'ECONNREFUSED')
  t.equal(backends.ejectionsTotal(0, DIALS), 0)
  pool.dialFailed(0, 'ECONNREFUSED')
  t.equal(backends.ejectionsTotal(0, DIALS), 1)
  for (let i = 0; i < 4; i++) t.equal(pool.take(0, NONE, 0), 1)
})

test('an open breaker takes no more; with all of them open the answer is at once, also for who waits', async t => {
  const { pool, backends, clock } = setUp(2, 2, true)
  for (const status of [200, 500]) pool.answered(0, status, 1)
  for (let i = 0; i < 4; i++) t.equal(pool.take(0, NONE, 0), 1)
  limit(backends, 4)
  const waiting = new Session(pool)
  pool.wait(waiting)
  pool.broke(1)
  pool.dialFailed(1, 'ECONNREFUSED')
  t.equal(pool.take(0, NONE, 0), CIRCUIT_OPEN)
  pool.step()
  t.equal(waiting.backend, CIRCUIT_OPEN)
  t.equal(pool.take(0, Int32Array.of(0, 1), 2), NO_BACKEND, 'those that were tried do not count')
  clock.now = 64
  const trials = new Set([pool.take(0, NONE, 0), pool.take(0, NONE, 0)])
  t.strictSame(trials, new Set([0, WAIT]), 'one trial; the other is full')
  t.equal(backends.active(0), 1)
})

test('a wish is granted where the backend takes anybody, and by one that drains', async t => {
  const { pool, backends } = setUp(3)
  for (let i = 0; i < 4; i++) t.equal(pool.take(0, NONE, 0, 2), 2, 'whatever the balancer thinks')
  backends.configure(2, 5, false, true)
  t.equal(pool.take(0, NONE, 0, 2), 2, 'it drains')
  t.not(pool.take(0, NONE, 0, 2), 2, 'it is full')
  backends.configure(1, 0, false, true)
  t.equal(pool.take(0, NONE, 0), 0, 'without a wish nobody goes to one that drains')
  backends.configure(1, 0, false, false)
  t.equal(pool.take(0, Int32Array.of(1), 1, 1), 0, 'it was tried')
  backends.setState(1, DOWN)
  t.equal(pool.take(0, NONE, 0, 1), 0, 'it is down')
  backends.setState(1, UP)
  backends.eject(1, ticks() + 65_536 * 60, DIALS)
  t.equal(pool.take(0, NONE, 0, 1), 0, 'it is ejected')
  const spared = setUp(2, 2, true)
  spared.pool.broke(1)
  spared.pool.broke(1)
  t.equal(spared.pool.take(0, NONE, 0, 1), 0, 'its breaker is open')
  t.equal(spared.backends.active(1), 0)
})

test('with an adaptive limit as many are sent as may wait for their response, whoever holds a place', async t => {
  const { pool, backends, table } = setUp(1, 2, false, true)
  t.strictSame([pool.take(0, NONE, 0), pool.take(0, NONE, 0)], [0, 0])
  t.equal(pool.take(0, NONE, 0), LIMITED)
  t.strictSame([backends.active(0), table.waiting(0)], [2, 2])
  pool.settled(0)
  t.equal(pool.take(0, NONE, 0), 0, 'a response has begun; that it goes on does not matter')
  t.strictSame([backends.active(0), table.waiting(0)], [3, 2])
  pool.sent(0)
  t.equal(table.waiting(0), 3, 'one that was let in with its body to come')
  limit(backends, 3)
  t.equal(pool.take(0, NONE, 0), WAIT, 'max-connections hold as well')
  pool.settled(0)
  pool.settled(0)
  t.equal(pool.take(0, NONE, 0), WAIT)
})

test('those in the line are called once the one that settled is done with its head', async t => {
  const { pool } = setUp(1, 2, false, true)
  pool.take(0, NONE, 0)
  pool.take(0, NONE, 0)
  const [first, second] = [new Session(pool), new Session(pool)]
  for (const each of [first, second]) each.onTurn()
  t.strictSame([first.backend, second.backend], [LIMITED, LIMITED])
  pool.settled(0)
  pool.settled(0)
  t.equal(first.backend, LIMITED)
  await Promise.resolve()
  t.strictSame([first.backend, second.backend, pool.waiting], [0, 0, 0])
})

test('of two backends the one whose limit is reached is left out, also for who was there before', async t => {
  const { pool } = setUp(2, 2, false, true)
  for (const _ of [1, 2]) t.equal(pool.take(0, Int32Array.of(1), 1), 0)
  t.equal(pool.take(0, NONE, 0, 0), 1)
  t.equal(pool.take(0, Int32Array.of(1), 1), LIMITED)
})

test('errors, and answers to half a request, are no times; what was waited for in vain is', async t => {
  const { pool, table, clock } = setUp(1, 2, false, true)
  pool.answered(0, 500, 20)
  pool.answered(0, 200, -1)
  pool.broke(0)
  t.equal(table.times(0), 0)
  clock.now = 640
  pool.answered(0, 404, 20)
  pool.broke(0, 5000)
  t.equal(table.times(0), 2)
  pool.broke(0, 60_000)
  t.equal(table.times(0), 2, 'it was sent before the measurement began')
})

test('an open breaker gives back what the limit counted', async t => {
  const { pool, table, backends, clock } = setUp(1, 2, true, true)
  for (const _ of [1, 2]) pool.broke(0)
  t.equal(pool.take(0, NONE, 0), CIRCUIT_OPEN)
  clock.now = 64
  t.equal(pool.take(0, NONE, 0), 0, 'the trial')
  t.equal(pool.take(0, NONE, 0), CIRCUIT_OPEN)
  t.strictSame([table.waiting(0), backends.active(0)], [1, 1])
})

test('what weir lacks itself is no fault of a backend', async t => {
  const { pool, backends } = setUp(1, 2, true)
  for (const cause of ['EMFILE', 'EADDRNOTAVAIL', 'EMFILE', 'ENOBUFS']) pool.dialFailed(0, cause)
  t.equal(backends.ejectionsTotal(0, DIALS), 0)
  t.equal(pool.take(0, NONE, 0), 0, 'and its breaker is closed')
})
