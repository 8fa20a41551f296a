import { test } from 'tap'
import { Deadlines, STEP_MS } from '../../src/transport/deadlines.ts'
import type { RawHandle } from '../../src/transport/raw-handle.ts'
import { resetPlain, Tarpit } from '../../src/transport/tarpit.ts'
import { brokenOff } from '../support/client.ts'
import { socketPair } from '../support/edge.ts'
import { until } from '../support/until.ts'

class Handle implements RawHandle {
  resets = 0
  reset(): number {
    return this.resets++
  }
  close(): void {}
}

/** @returns time in steps of the wheel */
function clock(deadlines: Deadlines): (steps: number) => void {
  let now = 0
  return steps => {
    for (let i = 0; i < steps; i++) deadlines.advance((now += STEP_MS))
  }
}

test('each is held for its time, no longer, and once', async t => {
  const deadlines = new Deadlines(() => {})
  const pass = clock(deadlines)
  const tarpit = new Tarpit(deadlines, 3, 10 * STEP_MS)
  const early = new Handle()
  const late = new Handle()
  tarpit.hold(early)
  pass(6)
  tarpit.hold(late)
  pass(3)
  t.equal(early.resets, 0)
  pass(4)
  t.equal(early.resets, 1)
  t.equal(late.resets, 0)
  t.equal(tarpit.size, 1)
  pass(8)
  t.equal(late.resets, 1)
  t.equal(early.resets, 1)
  t.equal(tarpit.size, 0)
})

test('what does not fit is reset at once, and there is room again when one has left', async t => {
  const deadlines = new Deadlines(() => {})
  const pass = clock(deadlines)
  const tarpit = new Tarpit(deadlines, 2, 4 * STEP_MS)
  for (let round = 0; round < 5; round++) {
    const handles = Array.from({ length: 3 }, () => new Handle())
    for (const handle of handles) tarpit.hold(handle)
    t.strictSame(
      handles.map(handle => handle.resets),
      [0, 0, 1],
    )
    t.equal(tarpit.isFull, true)
    pass(6)
    t.strictSame(
      handles.map(handle => handle.resets),
      [1, 1, 1],
    )
  }
})

test('one that is closed is empty and takes none', async t => {
  const deadlines = new Deadlines(() => {})
  const tarpit = new Tarpit(deadlines, 1000, 1000)
  const handles = Array.from({ length: 1001 }, () => new Handle())
  for (const handle of handles.slice(1)) tarpit.hold(handle)
  tarpit.close()
  tarpit.hold(handles[0]!)
  t.equal(tarpit.size, 0)
  t.equal(
    handles.every(({ resets }) => resets === 1),
    true,
  )
  t.equal(new Tarpit(deadlines, 0, 1000).isFull, true, 'nor does one of no size')
})

test('a socket is held without its stream, and one that cannot be is reset', async t => {
  const tarpit = new Tarpit(new Deadlines(() => {}), 10, 1000)
  const { client, server } = await socketPair(t)
  tarpit.holdSocket(server, server)
  await until(() => tarpit.size === 1, 'it is held')
  t.equal(server.destroyed, true)
  const end = brokenOff(client)
  tarpit.close()
  t.equal(await end, 'ECONNRESET')

  const other = await socketPair(t)
  const otherEnd = brokenOff(other.client)
  tarpit.holdSocket(other.server, other.server)
  t.equal(await otherEnd, 'ECONNRESET')
  const third = await socketPair(t)
  const thirdEnd = brokenOff(third.client)
  resetPlain(third.server, third.server)
  t.equal(await thirdEnd, 'ECONNRESET')
})
