import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { refusal } from '../../src/core/refusals.ts'
import { GoodRecord } from '../../src/guard/good-record.ts'
import { addressOf, makeShared, numbered } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'

const RATE = refusal('connection-rate')
const MALFORMED = refusal('hello-malformed')
const PREFIXES = { ipv4Prefix: 32, ipv6Prefix: 64 }

function setup({ banThreshold = 10, addresses = 64, banExempt = [] as string[] } = {}) {
  const shared = makeShared({ addresses })
  const penalties = penaltiesOf(shared, { banThreshold, banDecay: 1, banExempt })
  const record = new GoodRecord(shared, penalties, PREFIXES)
  const slotOf = (address: Int32Array): number => shared.addresses.acquire(address, 0)
  return { shared, penalties, record, slotOf }
}

test('who did well has a record, by address and by slot, and nobody else', async t => {
  const { record, slotOf } = setup()
  const [good, other] = [slotOf(numbered(1)), slotOf(numbered(2))]
  t.notOk(record.has(numbered(1)))
  record.earn(good, 0)
  t.ok(record.has(numbered(1)))
  t.ok(record.hasSlot(good))
  t.notOk(record.has(numbered(2)))
  t.notOk(record.hasSlot(other))
})

test('an IPv6 client has one for all that is counted as one client', async t => {
  const { record, slotOf } = setup()
  record.earn(slotOf(addressOf('2001:db8:0:1::')), 0)
  t.ok(record.has(addressOf('2001:db8:0:1:aaaa::1')))
  t.notOk(record.has(addressOf('2001:db8:0:2::1')))
})

test('more than half of the points for a ban end it, and it is not earned before they are forgiven', async t => {
  const { penalties, record, slotOf } = setup()
  const slot = slotOf(numbered(1))
  record.earn(slot, 0)
  for (let i = 0; i < 5; i++) penalties.add(slot, RATE, 0, true)
  t.ok(record.has(numbered(1)), 'half is not more')
  penalties.add(slot, RATE, 0, true)
  t.notOk(record.has(numbered(1)))
  record.earn(slot, 0)
  t.notOk(record.has(numbered(1)))
  record.earn(slot, 2 * TICKS_PER_SECOND)
  t.ok(record.has(numbered(1)), 'forgiven')
})

test('a ban ends it, and so does what would be one of somebody who is exempt', async t => {
  const { penalties, record, slotOf } = setup({ banExempt: ['10.0.0.2'] })
  for (const n of [1, 2]) {
    const slot = slotOf(numbered(n))
    record.earn(slot, 0)
    t.ok(record.has(numbered(n)))
    // From nothing to a ban in one.
    penalties.add(slot, MALFORMED, 0, true)
    t.notOk(record.has(numbered(n)), String(n))
  }
})

test('where nobody is banned no refusal counts', async t => {
  const { penalties, record, slotOf } = setup({ banThreshold: 0 })
  const slot = slotOf(numbered(1))
  for (let i = 0; i < 100; i++) penalties.add(slot, RATE, 0, true)
  record.earn(slot, 0)
  t.ok(record.has(numbered(1)))
})

test('those that share a slot for want of room earn nothing together', async t => {
  const { shared, record, slotOf } = setup({ addresses: 8 })
  for (let n = 0; n < 64; n++) slotOf(numbered(n))
  t.ok(shared.addresses.overflows > 0)
  const sharing = slotOf(numbered(1000))
  record.earn(sharing, 0)
  t.notOk(record.hasSlot(sharing))
  t.notOk(record.has(numbered(1000)))
})

test('a flood of a million addresses that earn nothing pushes out nobody', async t => {
  const { record, shared, penalties, slotOf } = setup({ addresses: 1024 })
  for (let n = 0; n < 100; n++) {
    const slot = slotOf(numbered(n))
    record.earn(slot, 0)
    shared.addresses.leave(slot)
  }
  for (let n = 0; n < 1_000_000; n++) {
    const slot = shared.addresses.acquire(numbered(1000 + n), n)
    if (n % 4 === 0) penalties.add(slot, RATE, n, true)
    shared.addresses.leave(slot)
  }
  let kept = 0
  for (let n = 0; n < 100; n++) if (record.has(numbered(n))) kept++
  t.equal(kept, 100)
})
