import * as fc from 'fast-check'
import { type Test, test } from 'tap'
import { Deadline, Deadlines, STEP_MS } from '../../src/transport/deadlines.ts'

test('a deadline is never early and at most two steps late', async t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60_000 }),
      fc.integer({ min: 0, max: 10_000 }),
      (ms, start) => {
        const wheel = new Deadlines(() => {})
        wheel.advance(start)
        const fired: number[] = []
        let now = start
        wheel.set(
          newDeadline(() => fired.push(now)),
          ms,
        )
        while (fired.length === 0 && now < start + ms + 10 * STEP_MS) {
          now += STEP_MS
          wheel.advance(now)
        }
        const firedMs = fired[0] ?? -1
        return firedMs >= start + ms && firedMs <= start + ms + 3 * STEP_MS
      },
    ),
  )
  t.pass()
})

test('a pushed back deadline waits, a cleared one never comes', async t => {
  const wheel = new Deadlines(() => {})
  let fired = 0
  const pushed = newDeadline(() => fired++)
  const cleared = newDeadline(() => t.fail('it was cleared'))
  wheel.set(pushed, 100)
  wheel.set(cleared, 100)
  wheel.advance(90)
  wheel.set(pushed, 1000)
  wheel.clear(cleared)
  wheel.advance(900)
  t.equal(fired, 0)
  wheel.advance(1300)
  t.equal(fired, 1)
  wheel.advance(10_000)
  t.equal(fired, 1, 'once')
})

test('a suspended deadline never comes, unless it is set again, sooner or later', async t => {
  const wheel = new Deadlines(() => {})
  const fired: string[] = []
  const names = ['never', 'sooner', 'later', 'stopped'] as const
  const made = names.map(name => newDeadline(() => fired.push(name)))
  for (const deadline of made) wheel.set(deadline, 1000)
  for (const deadline of made) wheel.suspend(deadline)
  const [, sooner, later, stopped] = made
  wheel.set(sooner!, 200)
  wheel.set(later!, 40_000)
  stopped!.stop()
  t.equal(stopped!.next, stopped, 'it stands nowhere')
  wheel.advance(400)
  t.strictSame(fired, ['sooner'])
  for (let ms = 400; ms <= 39_900; ms += 100) wheel.advance(ms)
  t.strictSame(fired, ['sooner'])
  for (let ms = 40_000; ms <= 41_000; ms += 100) wheel.advance(ms)
  t.strictSame(fired, ['sooner', 'later'])
  for (const deadline of made) t.equal(deadline.next, deadline, 'the wheel holds on to none')
})

test('it can be set sooner than it was', async t => {
  const wheel = new Deadlines(() => {})
  let fired = 0
  const deadline = newDeadline(() => fired++)
  wheel.set(deadline, 60_000)
  wheel.set(deadline, 100)
  wheel.advance(300)
  t.equal(fired, 1)
})

test('what expires may clear and set others in the same step', async t => {
  const wheel = new Deadlines(() => {})
  const order: string[] = []
  const third = newDeadline(() => order.push('third'))
  const second = newDeadline(() => order.push('second'))
  const first = newDeadline(() => {
    order.push('first')
    wheel.clear(second)
    wheel.set(third, 100)
  })
  wheel.set(first, 100)
  wheel.set(second, 100)
  wheel.advance(250)
  t.strictSame(order, ['first'])
  wheel.advance(1000)
  t.strictSame(order, ['first', 'third'])
})

test('what is set after a stall, before the wheel wakes, has its whole time', async t => {
  const wheel = new Deadlines(() => {})
  const fired: string[] = []
  const before = newDeadline(() => fired.push('before'))
  const during = newDeadline(() => fired.push('during'))
  wheel.set(before, 1000)
  wheel.wake(STEP_MS)
  // The process is stopped for five seconds; then its sockets are read first.
  wheel.set(during, 1000)
  wheel.wake(5000)
  t.strictSame(fired, ['before'])
  for (let ms = 5050; ms < 6000; ms += STEP_MS) wheel.wake(ms)
  t.strictSame(fired, ['before'])
  for (let ms = 6000; ms <= 6100; ms += STEP_MS) wheel.wake(ms)
  t.strictSame(fired, ['before', 'during'])
})

test('what is set by something that expires late counts from then', async t => {
  const wheel = new Deadlines(() => {})
  const fired: string[] = []
  const second = newDeadline(() => fired.push('second'))
  const first = newDeadline(() => {
    fired.push('first')
    wheel.set(second, 1000)
  })
  wheel.set(first, 100)
  wheel.wake(STEP_MS)
  for (let ms = 5000; ms < 6000; ms += STEP_MS) wheel.wake(ms)
  t.strictSame(fired, ['first'])
  for (let ms = 6000; ms <= 6100; ms += STEP_MS) wheel.wake(ms)
  t.strictSame(fired, ['first', 'second'])
})

test('a stall longer than a turn of the wheel misses nothing', async t => {
  const wheel = new Deadlines(() => {})
  let fired = 0
  for (let ms = 50; ms <= 100_000; ms += 50)
    wheel.set(
      newDeadline(() => fired++),
      ms,
    )
  wheel.advance(1_000_000)
  t.equal(fired, 2000)
})

test('each step tells how late it is', async t => {
  const late: number[] = []
  const wheel = new Deadlines(ms => late.push(ms))
  wheel.advance(STEP_MS)
  wheel.advance(2 * STEP_MS + 30)
  t.strictSame(late, [0, 30])
})

/** A loop that runs its next timer so late as it is told. @returns how late it was, each time */
function latenessOf(t: Test, lateMs: readonly number[]): number[] {
  let now = 1000
  let run: (() => void) | null = null
  let dueMs = 0
  const set = (fn: () => void, ms: number): void => {
    run = fn
    dueMs = now + ms
  }
  t.intercept(performance, 'now', { value: () => now })
  t.intercept(globalThis, 'setTimeout', { value: set })
  const seen: number[] = []
  new Deadlines(ms => seen.push(ms)).start()
  for (const ms of lateMs) {
    now = dueMs + ms
    run!()
  }
  return seen
}

test('how late an idle loop is does not add up', async t => {
  const seen = latenessOf(t, Array<number>(500).fill(0.7))
  t.equal(seen.length, 500)
  t.ok(Math.max(...seen) < 2, `at most ${Math.max(...seen)} ms`)
})

test('a loop that stood still is late by that much, once', async t => {
  t.strictSame(latenessOf(t, [0, 130, 0, 0]), [0, 130, 0, 0])
})

function newDeadline(onDeadline: () => void): Deadline {
  return new Deadline({ onDeadline })
}
