import { test } from 'tap'
import { seconds, TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { refusal } from '../../src/core/refusals.ts'
import { weights } from '../../src/core/weights.ts'
import type { BanNotice } from '../../src/core/ban.ts'
import type { PenaltyRules } from '../../src/guard/penalties.ts'
import { addressOf, makeShared, numbered } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'

const RATE = refusal('connection-rate')
const BAD = refusal('bad-request')

function setup(rules: Partial<PenaltyRules>, address = numbered(1)) {
  const shared = makeShared()
  const bans: BanNotice[] = []
  const penalties = penaltiesOf(shared, rules, bans)
  const other = penaltiesOf(shared, rules, bans)
  const { addresses } = shared
  return { addresses, bans, penalties, other, slot: addresses.acquire(address, 0) }
}

test('who has collected the points is banned, by whichever worker sees the last one', async t => {
  const { addresses, bans, penalties, other, slot } = setup({ banThreshold: 10 })
  for (let i = 0; i < 9; i++) (i % 2 === 0 ? penalties : other).add(slot, RATE, 0, true)
  t.equal(penalties.score(slot, 0), 9)
  t.equal(addresses.bannedUntil(slot), 0)
  other.add(slot, RATE, 0, true)
  const left = addresses.bannedUntil(slot) - seconds()
  t.ok(left >= 9 && left <= 10, `${left} s`)
  t.match(bans, [{ address: numbered(1), isDirect: true, refused: RATE }])
  for (let i = 0; i < 50; i++) penalties.add(slot, RATE, 0, true)
  t.equal(bans.length, 1, 'one that is banned collects no more')
})

test('refusals weigh what the table says, and some nothing', async t => {
  const { penalties, slot } = setup({ banThreshold: 100 })
  penalties.add(slot, BAD, 0, true)
  t.equal(penalties.score(slot, 0), weights[BAD])
  for (const free of ['draining', 'connections-max', 'banned', 'denied'] as const) {
    penalties.add(slot, refusal(free), 0, true)
  }
  penalties.add(-1, BAD, 0, true)
  t.equal(penalties.score(slot, 0), weights[BAD])
})

test('points are forgiven with time', async t => {
  const { bans, penalties, slot } = setup({ banThreshold: 10, banDecay: 2 })
  let now = 0
  for (let i = 0; i < 100; i++) {
    penalties.add(slot, RATE, now, true)
    now += TICKS_PER_SECOND / 2
  }
  t.equal(bans.length, 0, 'as fast as they come')
  for (let i = 0; i < 8; i++) penalties.add(slot, RATE, now, true)
  t.equal(penalties.score(slot, now), 8)
  t.equal(penalties.score(slot, now + 2 * TICKS_PER_SECOND), 4)
  t.equal(penalties.score(slot, now + 60 * TICKS_PER_SECOND), 0)
})

test('after a ban it begins anew', async t => {
  const { addresses, bans, penalties, slot } = setup({ banThreshold: 10 })
  addresses.ban(slot, 1)
  // The ban is over as soon as the process is two seconds old.
  while (seconds() < 1) await new Promise(resolve => setImmediate(resolve))
  for (let i = 0; i < 9; i++) penalties.add(slot, RATE, 0, true)
  t.equal(bans.length, 0)
  penalties.add(slot, RATE, 0, true)
  t.equal(bans.length, 1)
  addresses.pardon(slot, 0)
  t.equal(addresses.bannedUntil(slot), 0)
  t.equal(penalties.score(slot, 0), 0)
})

test('a threshold of 0 bans nobody', async t => {
  const { bans, penalties, slot } = setup({ banThreshold: 0 })
  for (let i = 0; i < 10_000; i++) penalties.add(slot, BAD, 0, true)
  t.equal(bans.length, 0)
  t.equal(penalties.score(slot, 0), 0)
})

test('who is exempt is never banned, nor the client a part of whose block is', async t => {
  const exempt = ['10.0.0.0/24', '2001:db8::7']
  for (const [address, banned] of [
    ['10.0.0.9', false],
    ['10.0.1.9', true],
    ['2001:db8::', false],
    ['2001:db8:0:1::', true],
  ] as const) {
    const rules = { banThreshold: 10, banExempt: exempt }
    const { bans, penalties, slot } = setup(rules, addressOf(address))
    for (let i = 0; i < 100; i++) penalties.add(slot, BAD, 0, true)
    t.equal(bans.length > 0, banned, address)
  }
})

test('to exempt loopback of IPv6 exempts nobody of IPv4, to exempt everybody does', t => {
  const isExempt = (exempt: string[], address: string) =>
    setup({ banExempt: exempt }, addressOf(address)).penalties.isExempt(addressOf(address))
  const usual = ['127.0.0.0/8', '::1']
  for (const [address, exempt] of [
    ['127.0.0.9', true],
    ['::', true],
    ['192.0.2.1', false],
    ['2001:db8::', false],
  ] as const) {
    t.equal(isExempt(usual, address), exempt, address)
    t.ok(isExempt(['::/0'], address))
  }
  t.notOk(isExempt(['0.0.0.0/0'], '2001:db8::'))
  t.ok(isExempt(['0.0.0.0/0'], '192.0.2.1'))
  t.end()
})
