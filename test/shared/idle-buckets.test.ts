import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import { AuthFailures } from '../../src/guard/auth-failures.ts'
import { ByteBuckets } from '../../src/guard/byte-buckets.ts'
import { BODY_BUCKET } from '../../src/shared/address-table.ts'
import { freshen, freshenAll, freshenScore } from '../../src/shared/idle-buckets.ts'
import { addressOf, makeShared } from '../support/memory.ts'
import { penaltiesOf } from '../support/penalties.ts'

const HOUR = 3600 * TICKS_PER_SECOND
/** The clock's full round. */
const ROUND = 2 ** 32

test('what is long over is set to now, what is owed or was touched lately stays', async t => {
  for (const now of [0, 5, 2 ** 31 - 1, -(2 ** 31), -7]) {
    const words = Int32Array.of(now - 3 * HOUR, now - HOUR, now + HOUR, now)
    const before = [...words]
    freshenAll(words, now)
    t.strictSame([...words], [now, ...before.slice(1)], `at ${now}`)
  }
})

test('a ban stays, and a score does not become one', async t => {
  const now = 9 * HOUR + 1
  const words = Int32Array.of(3, 4)
  freshenScore(words, 0, now)
  freshenScore(words, 1, now)
  t.strictSame([...words], [3, now - 1])
  freshen(words, 0, now)
  t.equal(words[0], now)
})

test('who did nothing for a whole round of the clock owes nothing, and is not near a ban', async t => {
  for (const isSwept of [true, false]) {
    const shared = makeShared()
    const { addresses } = shared
    const penalties = penaltiesOf(shared, { banThreshold: 1000, banDecay: 1 })
    const failures = new AuthFailures(addresses, {
      ...{ authFailureRate: 1, authFailureBurst: 60, prefixMultiple: 2 },
    })
    const bodies = new ByteBuckets(addresses.words, { rate: 1, burst: 60 })
    const slot = addresses.pin(addressOf('10.0.0.1'), 0)
    // As it is seen again and again, but for what its buckets are for.
    for (let at = HOUR; at < ROUND; at += HOUR) {
      addresses.unpin(addresses.pin(addressOf('10.0.0.1'), at | 0))
      if (isSwept) for (let n = 0; n < addresses.slots; n += 64) addresses.sweep(at | 0)
    }
    const soon = (ROUND - TICKS_PER_SECOND) | 0
    const owed = {
      auth: failures.check(slot, (ROUND - 59.5 * TICKS_PER_SECOND) | 0) !== 0,
      body: bodies.wait(addresses.bucket(slot, BODY_BUCKET), (ROUND - 100 * TICKS_PER_SECOND) | 0),
      score: penalties.score(slot, soon),
    }
    if (isSwept) t.strictSame(owed, { auth: false, body: 0, score: 0 })
    else t.ok(owed.auth && owed.body > 0 && owed.score > 0, JSON.stringify(owed))
  }
})
