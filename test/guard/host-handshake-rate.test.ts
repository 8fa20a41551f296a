import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { HostHandshakeRate } from '../../src/guard/host-handshake-rate.ts'
import { makeShared } from '../support/memory.ts'

const REFUSED = refusal('host-handshake-rate')
const STRANGER = 1
const GOOD = 2

function setup(limits: { hostHandshakeRate: number; hostHandshakeBurst: number }) {
  const { hostBuckets } = makeShared()
  const asked: number[] = []
  const records = {
    hasSlot: (slot: number) => {
      asked.push(slot)
      return slot === GOOD
    },
  }
  const guards = [0, 1].map(() => new HostHandshakeRate(hostBuckets, limits, records))
  return { guards, guard: guards[0]!, asked }
}

test('strangers have half of the burst, whichever worker they come to', async t => {
  const { guards } = setup({ hostHandshakeRate: 1, hostHandshakeBurst: 8 })
  const answers = Array.from({ length: 10 }, (_, i) => guards[i % 2]!.check(STRANGER, 0))
  t.strictSame(answers.slice(0, 4), Array(4).fill(ADMITTED))
  t.strictSame(answers.slice(4), Array(6).fill(REFUSED))
  for (let i = 0; i < 4; i++) t.equal(guards[i % 2]!.check(GOOD, 0), ADMITTED)
  t.equal(guards[0]!.check(GOOD, 0), REFUSED, 'nothing is left for anybody')
})

test('in a flood of strangers that takes all it can, others have the whole rate', async t => {
  const { guard } = setup({ hostHandshakeRate: 8, hostHandshakeBurst: 8 })
  let served = 0
  let strangers = 0
  for (let second = 0; second < 100; second++) {
    for (let i = 0; i < 1000; i++) {
      const now = second * TICKS_PER_SECOND + Math.round((i * TICKS_PER_SECOND) / 1000)
      if (guard.check(STRANGER, now) === ADMITTED) strangers++
      if (i % 125 === 0 && guard.check(GOOD, now) === ADMITTED) served++
    }
  }
  t.equal(served, 800, 'eight a second')
  t.ok(strangers <= 8, `${strangers}`)
})

test('nobody is asked about while there is enough for all', async t => {
  const { guard, asked } = setup({ hostHandshakeRate: 1, hostHandshakeBurst: 4 })
  guard.check(GOOD, 0)
  guard.check(STRANGER, 0)
  t.strictSame(asked, [])
  guard.check(STRANGER, 0)
  t.strictSame(asked, [STRANGER])
})

test('a burst of one is for everybody', async t => {
  const { guard } = setup({ hostHandshakeRate: 1, hostHandshakeBurst: 1 })
  t.equal(guard.check(STRANGER, 0), ADMITTED)
  t.equal(guard.check(GOOD, 0), REFUSED)
  guard.giveBack(0)
  t.equal(guard.check(GOOD, 0), ADMITTED, 'what was none is given back')
})
