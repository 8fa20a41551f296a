import { test } from 'tap'
import { HeldBytes, type Holder } from '../../src/proxy/held-bytes.ts'

const SUMS = 1
const MAX = 6
const STEPS = 20

function holder(fromClient: number, toClient = 0, fromBackend = 0, toBackend = 0): Holder {
  return {
    hold(held) {
      held.fromClient += fromClient
      held.toClient += toClient
      held.fromBackend += fromBackend
      held.toBackend += toBackend
    },
  }
}

function walk(holders: Set<Holder>) {
  const slice = new Float64Array(8)
  const held = new HeldBytes(holders, { slice, sums: SUMS, max: MAX })
  return { held, seen: () => [...slice.subarray(SUMS, SUMS + 4), slice[MAX]] }
}

test('a few sessions are summed in one step, and the largest is told', async t => {
  const { held, seen } = walk(new Set([holder(1, 2, 3, 4), holder(10, 20, 30, 40)]))
  held.step()
  t.strictSame(seen(), [11, 22, 33, 44, 100])
})

test('the next walk begins a second later, and starts from nothing', async t => {
  const holders = new Set([holder(7)])
  const { held, seen } = walk(holders)
  held.step()
  holders.clear()
  for (let i = 1; i < STEPS; i++) held.step()
  t.strictSame(seen(), [7, 0, 0, 0, 7])
  held.step()
  t.strictSame(seen(), [0, 0, 0, 0, 0])
})

test('of many sessions a part is looked at in each step, and nothing is told before the end', async t => {
  const holders = new Set(Array.from({ length: 1000 }, () => holder(1)))
  const { held, seen } = walk(holders)
  for (let i = 0; i < 3; i++) held.step()
  t.strictSame(seen(), [0, 0, 0, 0, 0])
  held.step()
  t.strictSame(seen(), [1000, 0, 0, 0, 1])
})

test('a walk ends although more come than it looks at, and although all leave', async t => {
  const holders = new Set(Array.from({ length: 600 }, () => holder(1)))
  const { held, seen } = walk(holders)
  for (let i = 0; i < 3; i++) {
    held.step()
    for (let n = 0; n < 1000; n++) holders.add(holder(1))
  }
  t.equal(seen()[0], 600)

  const leaving = new Set(Array.from({ length: 600 }, () => holder(1)))
  const other = walk(leaving)
  other.held.step()
  leaving.clear()
  other.held.step()
  t.equal(other.seen()[0], 256)
})

test('a walk that is over is told so, though there would be more', async t => {
  let given = 0
  const holders = {
    size: 1,
    *values(): Generator<Holder> {
      try {
        while (true) yield holder(1)
      } finally {
        given++
      }
    },
  }
  const held = new HeldBytes(holders, { slice: new Float64Array(8), sums: SUMS, max: MAX })
  for (let i = 0; i < 2 * STEPS; i++) held.step()
  t.equal(given, 2)
})
