import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import type { GuardName } from '../../src/core/governed.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { IdentityLimits, type IdentityPlace } from '../../src/guard/identity-limits.ts'
import type { Shared } from '../../src/shared/layout.ts'
import { makeShared } from '../support/memory.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'
import { TRIED } from '../support/place.ts'

const WORDS = Int32Array.of(0x0100_0000, 1, 2, 3)
const OTHER = Int32Array.of(0x0100_0000, 1, 2, 4)
const RATE = refusal('identity-rate')
const CONCURRENCY = refusal('identity-concurrency')

function limitsOf(shared: Shared, worker: number, shadow: readonly GuardName[] = []) {
  return new IdentityLimits(shared, worker, shadowOf(shared, shadow))
}

function place(): IdentityPlace {
  return { client: TRIED, identitySlot: -1, identityLine: -1 }
}

test('without limits nothing is counted', async t => {
  const shared = makeShared()
  const limits = limitsOf(shared, 0)
  const at = place()
  t.equal(limits.enter(WORDS, { rate: 0, burst: 1, concurrency: 0 }, 0, at), ADMITTED)
  t.strictSame(at, place())
  t.equal(shared.addresses.used(), 0)
})

test('a rate holds for all workers, tells when, and keeps no slot', async t => {
  const shared = makeShared()
  const workers = [limitsOf(shared, 0), limitsOf(shared, 1)] as const
  const rate = { rate: 1, burst: 2, concurrency: 0 }
  const at = place()
  t.equal(workers[0].enter(WORDS, rate, 0, at), ADMITTED)
  t.equal(workers[1].enter(WORDS, rate, 0, at), ADMITTED)
  t.equal(workers[0].enter(WORDS, rate, 0, at), RATE)
  t.equal(workers[0].waitTicks, TICKS_PER_SECOND)
  t.equal(workers[0].enter(OTHER, rate, 0, at), ADMITTED)
  t.equal(workers[1].enter(WORDS, rate, TICKS_PER_SECOND, at), ADMITTED)
  t.strictSame(at, place())
})

test('as many are under way as may be, and no more', async t => {
  const shared = makeShared()
  const limits = limitsOf(shared, 0)
  const two = { rate: 0, burst: 1, concurrency: 2 }
  const places = [place(), place(), place()] as const
  t.equal(limits.enter(WORDS, two, 0, places[0]), ADMITTED)
  t.equal(limits.enter(WORDS, two, 0, places[1]), ADMITTED)
  t.equal(limits.enter(WORDS, two, 0, places[2]), CONCURRENCY)
  t.equal(limits.waitTicks, 0)
  t.strictSame(places[2], place())
  limits.leave(places[0])
  limits.leave(places[0])
  t.equal(limits.enter(WORDS, two, 0, places[2]), ADMITTED)
  t.equal(limits.enter(WORDS, two, 0, places[0]), CONCURRENCY, 'leaving twice gave back one')
})

test('who is too fast is not counted as under way', async t => {
  const shared = makeShared()
  const limits = limitsOf(shared, 0)
  const both = { rate: 1, burst: 1, concurrency: 1 }
  const at = place()
  t.equal(limits.enter(WORDS, both, 0, at), ADMITTED)
  limits.leave(at)
  t.equal(limits.enter(WORDS, both, 0, at), RATE)
  t.equal(limits.enter(WORDS, both, TICKS_PER_SECOND, at), ADMITTED)
})

test('what a dead worker had counted is given back', async t => {
  const shared = makeShared()
  const one = { rate: 0, burst: 1, concurrency: 1 }
  limitsOf(shared, 1).enter(WORDS, one, 0, place())
  const survivor = limitsOf(shared, 0)
  t.equal(survivor.enter(WORDS, one, 0, place()), CONCURRENCY)
  shared.identityLedger.giveBack(1, shared.addresses)
  t.equal(survivor.enter(WORDS, one, 0, place()), ADMITTED)
})

test('a worker without lines left refuses what it could not give back', async t => {
  const limits = limitsOf(makeShared({ requestsPerWorker: 1 }), 0)
  const many = { rate: 0, burst: 1, concurrency: 9 }
  const at = place()
  t.equal(limits.enter(WORDS, many, 0, at), ADMITTED)
  t.equal(limits.enter(WORDS, many, 0, place()), CONCURRENCY)
  limits.leave(at)
  t.equal(limits.enter(WORDS, many, 0, place()), ADMITTED)
})

test('in shadow an identity over its limits is let in, counted, and given back', async t => {
  const shared = makeShared()
  const limits = limitsOf(shared, 0, ['identity-rate', 'identity-concurrency'])
  const one = { rate: 1, burst: 1, concurrency: 1 }
  const places = [place(), place()]
  for (const at of places) t.equal(limits.enter(WORDS, one, 0, at), ADMITTED)
  t.equal(shadowCount(shared, 'identity-rate'), 1)
  t.equal(shadowCount(shared, 'identity-concurrency'), 1)
  const { identitySlot: slot } = places[0]!
  t.equal(shared.addresses.requests(slot), 2)
  for (const at of places) limits.leave(at)
  t.equal(shared.addresses.requests(slot), 0)
})
