/** What the budgets of a request cost: the address, its network, errors, its route, the bytes of its body. */
import { randomHashKey } from '../../src/core/hash.ts'
import { ADMITTED } from '../../src/core/refusals.ts'
import { BodyRate } from '../../src/guard/body-rate.ts'
import { Penalties } from '../../src/guard/penalties.ts'
import { RequestAdmission } from '../../src/guard/request-admission.ts'
import { RouteRates } from '../../src/guard/route-rates.ts'
import { Shadow } from '../../src/guard/shadow.ts'
import { createShared } from '../../src/shared/layout.ts'
import { NO_LIMITS } from '../../test/support/limits.ts'

/** Never runs dry here, or has at once. */
const WIDE = { rate: 60_000, burst: 1_000_000 }
const DRY = { rate: 0.01, burst: 1 }

const shared = createShared({
  workers: 1,
  backends: 1,
  listeners: 1,
  routes: 4,
  addresses: 131_072,
  moreBuckets: true,
  sessionsPerWorker: 16,
  requestsPerWorker: 16,
  proofs: 64,
  hashKey: randomHashKey(),
})
const { addresses } = shared
const shadow = new Shadow([], {
  slice: shared.counters.slice(0),
  at: shared.counters.at.shadowed,
  tell() {},
})
const rules = { banThreshold: 1_000_000, banDecay: 65_536, banTimeMs: 1000, banExempt: [] }
const penalties = new Penalties(shared, { ...rules, ipv4Prefix: 32, ipv6Prefix: 64 }, () => {})

/** A request of address number `n`. */
function place(n: number) {
  return {
    address: '',
    listener: '',
    requestSlot: addresses.acquire(Int32Array.of(0, 0, 0xffff, n), 0),
    requestPrefixSlot: -1,
    requestLine: -1,
    holdsSlot: false,
    isDirect: true,
    retryAfter: 0,
    delayTicks: 0,
    delayedBy: 0,
    banCounted: false,
    bodyCounted: false,
  }
}

const network = addresses.acquire(Int32Array.of(0, 0, 0xffff, 1000), 0)

function admission(errorRate: number, errorBurst: number): RequestAdmission {
  const limits = { requestRate: WIDE.rate, requestBurst: WIDE.burst, requestsPerAddress: 100 }
  const options = { ...NO_LIMITS, ...limits, errorRate, errorBurst, prefixMultiple: 64 }
  return new RequestAdmission(shared, 0, options, shadow, penalties)
}

const off = admission(0, 1)
const on = admission(WIDE.rate, WIDE.burst)
const dry = admission(DRY.rate, DRY.burst)
const [asking, erring, failed] = [place(1), place(2), place(3)]
const { requestSlot: askingSlot } = asking
const { requestSlot: erringSlot } = erring
const { requestSlot: failedSlot } = failed
let n = 0
dry.erred(failedSlot, -1, 0)

const limitsOf = (all: typeof WIDE | null, each: typeof WIDE | null) => ({
  routeRequestRate: all?.rate ?? 0,
  routeRequestBurst: all?.burst ?? 1,
  routeAddressRate: each?.rate ?? 0,
  routeAddressBurst: each?.burst ?? 1,
})
const routes = [
  limitsOf(WIDE, null),
  limitsOf(null, WIDE),
  limitsOf(DRY, null),
  limitsOf(null, DRY),
]
const rates = new RouteRates(shared, routes, shadow, penalties)
const caller = place(4)
const bodies = new BodyRate(
  addresses,
  { bodyRate: 1_000_000_000, bodyBurst: 1_000_000_000 },
  shadow,
  penalties,
)

function comeAndGo(door: RequestAdmission, it: typeof asking, slot: number, errs: boolean): void {
  if (door.enter(slot, network, null, n++, it) !== ADMITTED) throw new Error('refused')
  if (errs) door.erred(slot, network, n)
  door.leave(it)
}

export const budgetParts: Readonly<Record<string, () => void>> = {
  'request: let in and gone': () => comeAndGo(off, asking, askingSlot, false),
  'request: the same, errors limited': () => comeAndGo(on, asking, askingSlot, false),
  'request: the same, it ends in an error': () => comeAndGo(on, erring, erringSlot, true),
  'request: refused for errors': () => void dry.enter(failedSlot, network, null, 0, failed),
  'route: a token of all': () => void rates.check(0, caller, n++),
  'route: a token of the address on it': () => void rates.check(1, caller, n++),
  'route: refused, all': () => void rates.check(2, caller, 0),
  'route: refused, the address on it': () => void rates.check(3, caller, 0),
  'body: a read is counted, and whether to wait': () => {
    bodies.took(askingSlot, 65_536, n++)
    bodies.wait(askingSlot, n)
  },
}
