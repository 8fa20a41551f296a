import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { ADMITTED } from '../../src/core/refusals.ts'
import { HandshakeRate } from '../../src/guard/handshake-rate.ts'
import { HostHandshakeRate } from '../../src/guard/host-handshake-rate.ts'
import { TicketTrust } from '../../src/guard/ticket-trust.ts'
import { makeShared, numbered } from '../support/memory.ts'

const OFF = { handshakeRate: 0, handshakeBurst: 1, hostHandshakeRate: 0, hostHandshakeBurst: 1 }

/** Clients of one worker, of whom those of `good` have a good record. */
function setup(options: Partial<typeof OFF>, good: readonly number[] = []) {
  const limits = { ...OFF, ...options }
  const shared = makeShared({ addresses: 4096 })
  const { addresses, hostBuckets } = shared
  const slotOf = (n: number): number => addresses.acquire(numbered(n), 0)
  const goodSlots = good.map(slotOf)
  const records = { hasSlot: (slot: number) => goodSlots.includes(slot) }
  const rate = limits.handshakeRate === 0 ? null : new HandshakeRate(addresses, limits)
  const host =
    limits.hostHandshakeRate === 0 ? null : new HostHandshakeRate(hostBuckets, limits, records)
  const trust = new TicketTrust(addresses, hostBuckets, limits, host)
  /** One handshake with a ticket of ours. @returns whether it was let in */
  const shake = (n: number, resumes: boolean, now = 0): boolean => {
    const slot = slotOf(n)
    const believed = trust.believes(slot, now)
    if (!believed) {
      if (rate !== null && rate.check(slot, now) !== ADMITTED) return false
      if (host !== null && host.check(slot, now) !== ADMITTED) return false
    }
    trust.settle(slot, believed, resumes, now)
    return true
  }
  const shakes = (count: number, n: (i: number) => number, resumes: boolean, now = 0): number =>
    Array.from({ length: count }, (_, i) => shake(n(i), resumes, now)).filter(Boolean).length
  return { shakes }
}

test('who resumes is charged nothing, however often', async t => {
  const limits = {
    handshakeRate: 1,
    handshakeBurst: 2,
    hostHandshakeRate: 1,
    hostHandshakeBurst: 2,
  }
  const { shakes } = setup(limits)
  t.equal(
    shakes(1000, () => 1, true),
    1000,
  )
})

test('an address that lies has half of what it would have without a ticket', async t => {
  const { shakes } = setup({ handshakeRate: 1, handshakeBurst: 20 })
  t.equal(
    shakes(100, () => 1, false),
    10,
  )
  t.equal(
    shakes(100, () => 2, false),
    10,
    'and takes it from nobody else',
  )
  let later = 0
  for (let second = 1; second <= 100; second++) {
    later += shakes(10, () => 1, false, second * TICKS_PER_SECOND)
  }
  t.ok(later <= 100, `${later} in 100 s of one a second`)
})

test('one that is out of tokens is not believed, and gets back what its resumption was charged', async t => {
  const { shakes } = setup({ handshakeRate: 1, handshakeBurst: 3 })
  t.equal(
    shakes(1, () => 1, false),
    1,
  )
  t.equal(
    shakes(50, () => 1, true),
    50,
    'the one that is left is enough for any number of them',
  )
  t.equal(
    shakes(5, () => 1, false),
    1,
  )
  t.equal(
    shakes(5, () => 1, true),
    0,
    'and without one it has to wait',
  )
})

test('lies from ever so many addresses get no more than handshakes without a ticket, and a tenth', async t => {
  const { shakes } = setup({
    handshakeRate: 10,
    handshakeBurst: 20,
    hostHandshakeRate: 10,
    hostHandshakeBurst: 200,
  })
  t.equal(
    shakes(1000, i => i, false),
    100,
    "the strangers' half",
  )
  let later = 0
  for (let second = 1; second <= 20; second++) {
    later += shakes(100, i => i * 20 + second, false, second * TICKS_PER_SECOND)
  }
  t.ok(later <= 20 * 11, `${later} in 20 s of 10 a second`)
})

test('and leave the other half to addresses with a good record', async t => {
  const good = [5001, 5002, 5003]
  const limits = { hostHandshakeRate: 10, hostHandshakeBurst: 200 }
  const { shakes } = setup(limits, good)
  shakes(1000, i => i, false)
  t.equal(
    shakes(500, i => good[i % 3]!, true),
    500,
    'those that resume, any number',
  )
  t.equal(
    shakes(10, i => i, true),
    0,
    'strangers are not believed now',
  )
  t.equal(
    shakes(500, i => good[i % 3]!, false),
    100,
    'those that do not, what is left',
  )
})

test('a limit of one handshake believes all the same', async t => {
  const { shakes } = setup({ handshakeRate: 1, handshakeBurst: 1 })
  t.equal(
    shakes(5, () => 1, true),
    5,
  )
  t.equal(
    shakes(5, () => 1, false),
    1,
  )
})

test('without limits everybody is believed', async t => {
  t.equal(
    setup({}).shakes(100, () => 1, false),
    100,
  )
})
