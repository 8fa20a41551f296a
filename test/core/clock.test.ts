import { test } from 'tap'
import {
  COARSE_PER_SECOND,
  coarseTicks,
  msToTicks,
  TICKS_PER_SECOND,
  ticks,
  ticksAt,
} from '../../src/core/clock.ts'

test('a second is 65 536 ticks, and parts of it are rounded', async t => {
  t.equal(TICKS_PER_SECOND, 65_536)
  t.equal(msToTicks(1000), 65_536)
  t.equal(msToTicks(0), 0)
  t.equal(msToTicks(1), 66)
  t.equal(msToTicks(500), 32_768)
  t.equal(msToTicks(9 * 3600_000), 9 * 3600 * 65_536)
})

test('ticks follow the monotonic clock, as an integer of 32 bits', async t => {
  const before = performance.now()
  const now = ticks()
  const after = performance.now()
  t.equal(now | 0, now)
  t.ok(now >= ticksAt(before) && now <= ticksAt(after), `${now}`)
  t.equal(ticksAt(1000), 65_536)
})

test('the clock wraps, and differences across the wrap stay right', async t => {
  const real = performance.now.bind(performance)
  t.teardown(() => (performance.now = real))
  const wrapMs = 2 ** 31 / 65.536
  performance.now = () => wrapMs - 500
  const before = ticks()
  performance.now = () => wrapMs + 500
  const after = ticks()
  t.ok(before > 0 && after < 0, `${before} then ${after}`)
  t.ok(Math.abs(((after - before) | 0) - TICKS_PER_SECOND) <= 1)
})

test('coarse ticks tell a second in 64 and wrap after a year', async t => {
  const real = performance.now.bind(performance)
  t.teardown(() => (performance.now = real))
  const at = (ms: number): number => {
    performance.now = () => ms
    return coarseTicks()
  }
  t.equal(COARSE_PER_SECOND, 64)
  t.strictSame([at(0), at(15), at(16), at(1000)], [0, 0, 1, 64])
  const wrapMs = (2 ** 31 / 64) * 1000
  t.ok(wrapMs > 365 * 86_400_000)
  t.equal((at(wrapMs + 500) - at(wrapMs - 500)) | 0, 64)
})
