import * as fc from 'fast-check'
import { test } from 'tap'
import { TICKS_PER_SECOND } from '../../src/core/clock.ts'
import type { GuardName } from '../../src/core/governed.ts'
import { toPrefixWords } from '../../src/core/prefix-words.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { RequestAdmission } from '../../src/guard/request-admission.ts'
import { Shadow } from '../../src/guard/shadow.ts'
import { NO_LIMITS } from '../support/limits.ts'
import { makeShared, numbered } from '../support/memory.ts'
import { requestPlace } from '../support/place.ts'
import { penaltiesOf } from '../support/penalties.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'

const RATE = refusal('request-rate')
const OF_NETWORK = refusal('prefix-request-rate')
const AT_ONCE = refusal('requests-per-address')

function networkOf(address: Int32Array): Int32Array {
  toPrefixWords(address, 24)
  return address
}

/** @param network all three are of one, whose limits are asked as well */
function requests(tried: readonly GuardName[], limits: object, network = false) {
  const shared = makeShared({ requestsPerWorker: 512 })
  const door = new RequestAdmission(
    shared,
    0,
    { ...NO_LIMITS, ...limits },
    shadowOf(shared, tried),
    penaltiesOf(shared),
  )
  const slots = [1, 2, 3].map(n => shared.addresses.acquire(numbered(n), 0))
  const prefixSlot = network ? shared.addresses.acquire(networkOf(numbered(1)), 0) : -1
  return { shared, door, slots, prefixSlot }
}

/** Which address asks, and how many ticks after the one before it. */
const events = fc.array(fc.tuple(fc.nat(2), fc.constantFrom(0, 0, 1, 1, TICKS_PER_SECOND / 8)), {
  minLength: 10,
  maxLength: 200,
})

test('a rate would refuse in shadow exactly what it refuses when it bites', async t => {
  let refusedAtAll = 0
  fc.assert(
    fc.property(events, list => {
      const limits = { requestRate: 4, requestBurst: 3 }
      const bites = requests([], limits)
      const tried = requests(['request-rate'], limits)
      let now = 0
      let refused = 0
      for (const [n, later] of list) {
        now += later
        const verdict = bites.door.enter(bites.slots[n]!, -1, null, now, requestPlace())
        if (verdict === RATE) refused++
        if (tried.door.enter(tried.slots[n]!, -1, null, now, requestPlace()) !== ADMITTED)
          return false
      }
      refusedAtAll += refused
      return shadowCount(tried.shared, 'request-rate') === refused
    }),
  )
  t.ok(refusedAtAll > 100, `${refusedAtAll} were refused`)
})

test('a limit of what runs at once agrees until the first that it would refuse', async t => {
  fc.assert(
    fc.property(events, list => {
      const limits = { requestsPerAddress: 5 }
      const bites = requests([], limits)
      const tried = requests(['requests-per-address'], limits)
      for (const [n] of list) {
        const verdict = bites.door.enter(bites.slots[n]!, -1, null, 0, requestPlace())
        tried.door.enter(tried.slots[n]!, -1, null, 0, requestPlace())
        if (verdict === AT_ONCE) return shadowCount(tried.shared, 'requests-per-address') === 1
      }
      return shadowCount(tried.shared, 'requests-per-address') === 0
    }),
  )
  t.pass()
})

test('only what is tried passes, and is told with who it was', async t => {
  const { counters } = makeShared()
  const slice = counters.slice(0)
  const told: string[] = []
  const shadow = new Shadow(['request-rate'], {
    slice,
    at: counters.at.shadowed,
    tell: (refused, { address, listener }) => told.push(`${refused} ${address} ${listener}`),
  })
  const client = { address: '10.0.0.7', listener: 'web' }
  t.equal(shadow.passes(AT_ONCE, client), false)
  t.equal(shadow.passes(RATE, client), true)
  t.strictSame(told, [`${RATE} 10.0.0.7 web`])
  t.equal(slice[counters.at.shadowed + RATE], 1)
  t.equal(slice[counters.at.shadowed + AT_ONCE], 0)
})

test('the limits of a network would refuse in shadow exactly what they refuse when they bite', async t => {
  let refusedAtAll = 0
  fc.assert(
    fc.property(events, list => {
      const limits = { requestRate: 2, requestBurst: 2, prefixMultiple: 2 }
      const bites = requests([], limits, true)
      const tried = requests(['prefix-request-rate'], limits, true)
      let now = 0
      let refused = 0
      for (const [n, later] of list) {
        now += later
        const a = bites.door.enter(bites.slots[n]!, bites.prefixSlot, null, now, requestPlace())
        const b = tried.door.enter(tried.slots[n]!, tried.prefixSlot, null, now, requestPlace())
        if (a === OF_NETWORK) refused++
        if (b !== (a === OF_NETWORK ? ADMITTED : a)) return false
      }
      refusedAtAll += refused
      return shadowCount(tried.shared, 'prefix-request-rate') === refused
    }),
  )
  t.ok(refusedAtAll > 100, `${refusedAtAll} were refused`)
})
