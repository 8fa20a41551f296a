import { test } from 'tap'
import { bad, good, ONE } from '../../support/config.ts'

test('shares are those of the flags, and 0 does not look at one', async t => {
  t.strictSame(good(t, ONE).overload, {
    isOn: true,
    memory: 0.8,
    memoryMax: 0,
    descriptors: 0.85,
    connections: 0.9,
    loopDelayMs: 250,
  })
  const own = { overload: false, 'overload-memory': '0', 'overload-memory-max': '512M' }
  t.match(good(t, { ...ONE, ...own }).overload, { isOn: false, memory: 0, memoryMax: 512_000_000 })
})

test('a share of all is none at which anything could begin', async t => {
  t.match(bad(t, { ...ONE, 'overload-memory': '100' }), [/--overload-memory: .*1 to 99/])
  t.match(bad(t, { ...ONE, 'overload-memory-max': '1M' }), [
    /--overload-memory-max: .*out of range/,
  ])
})
