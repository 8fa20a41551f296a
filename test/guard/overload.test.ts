import { test } from 'tap'
import { type GuardName } from '../../src/core/governed.ts'
import { ADMITTED, refusal } from '../../src/core/refusals.ts'
import { Overload, type OverloadRules, SHORT_KEEP_ALIVE_MS } from '../../src/guard/overload.ts'
import { CONNECTIONS, DESCRIPTORS, MEMORY } from '../../src/shared/overload-table.ts'
import { makeShared, numbered } from '../support/memory.ts'
import { requestPlace, TRIED } from '../support/place.ts'
import { shadowCount, shadowOf } from '../support/shadow.ts'

const STRANGER = refusal('overload-stranger')
const CLOSED = refusal('overload-closed')
const RULES: OverloadRules = {
  isOn: true,
  memory: 0.8,
  descriptors: 0.8,
  connections: 0.8,
  loopDelayMs: 250,
}

interface Given {
  rules?: Partial<OverloadRules>
  shadow?: readonly GuardName[]
  connectionsMax?: number
  shared?: ReturnType<typeof makeShared>
  worker?: number
}

/** Address 1 has a good record, address 2 is exempt. */
function overloadOf({
  rules = {},
  shadow = [],
  connectionsMax = 0,
  shared,
  worker = 0,
}: Given = {}) {
  const memory = shared ?? makeShared()
  const used = { memory: 0, descriptors: 0, samples: 0 }
  const known = (n: number) => (address: Int32Array) => address[3] === numbered(n)[3]
  const overload = new Overload({
    shared: memory,
    worker,
    rules: { ...RULES, ...rules },
    connectionsMax,
    keepAliveMs: 30_000,
    goodRecord: { has: known(1) },
    penalties: { isExempt: known(2) },
    shadow: shadowOf(memory, shadow),
    sources: {
      memory: () => {
        used.samples++
        return used.memory
      },
      descriptors: () => used.descriptors,
    },
  })
  return { shared: memory, overload, used }
}

const DIRECT = { ...TRIED, isDirect: true }
/** By a proxy. */
const NAMED = { ...TRIED, isDirect: false }

const [known, exempt, stranger] = [numbered(1), numbered(2), numbered(3)]

test('at level 0 nobody is asked anything', async t => {
  const { overload } = overloadOf()
  overload.step(0, 1)
  t.equal(overload.check(stranger, DIRECT), ADMITTED)
  t.equal(overload.keepAliveMs, 30_000)
  t.notOk(overload.endsAfterAnswer(-1))
  t.equal(overload.evictsFor, -1)
})

test('level 1 shortens the wait between requests, and ends connections of strangers', async t => {
  const { overload, used, shared } = overloadOf()
  used.memory = 0.81
  overload.step(0, 1)
  t.equal(overload.level, 1)
  t.equal(overload.keepAliveMs, SHORT_KEEP_ALIVE_MS)
  t.equal(overload.check(stranger, DIRECT), ADMITTED)
  const slots = [known, exempt, stranger].map(each => shared.addresses.acquire(each, 0))
  t.strictSame(
    slots.map(slot => overload.endsAfterAnswer(slot)),
    [false, false, true],
  )
})

test('level 2 lets in those with a good record, and those the operator vouches for', async t => {
  const { overload, used, shared } = overloadOf()
  used.descriptors = 0.86
  overload.step(0, 1)
  t.strictSame(
    [known, exempt, stranger].map(each => overload.check(each, DIRECT)),
    [ADMITTED, ADMITTED, STRANGER],
  )
  t.equal(overload.checkShut(TRIED), ADMITTED)
  const slots = [known, stranger].map(each => shared.addresses.acquire(each, 0))
  t.strictSame(
    slots.map(slot => overload.checkRequest(requestPlace(slot))),
    [ADMITTED, STRANGER],
  )
})

test('level 3 lets nobody in, but who is there goes on', async t => {
  const { overload, used, shared } = overloadOf()
  used.memory = 0.91
  overload.step(0, 1)
  t.equal(overload.check(known, DIRECT), CLOSED)
  t.equal(overload.checkShut(TRIED), CLOSED)
  t.equal(overload.checkRequest(requestPlace(shared.addresses.acquire(known, 0))), ADMITTED)
  t.equal(overload.evictsFor, -1)
})

test('short of places nobody with a good record is refused before there is none', async t => {
  const shared = makeShared({ sessionsPerWorker: 200 })
  const { overload } = overloadOf({ shared, connectionsMax: 100 })
  const fill = (to: number): void => {
    while (shared.workers.hostConnections() < to) shared.workers.enter(0, 100)
  }
  fill(90)
  overload.step(0, 1)
  t.equal(overload.level, 3)
  t.equal(overload.check(known, DIRECT), ADMITTED)
  t.equal(overload.check(stranger, DIRECT), STRANGER)
  t.notOk(shared.overload.level(1), 'the other worker judges for itself')
  fill(96)
  overload.step(0, 1000)
  t.equal(overload.evictsFor, CONNECTIONS)
  t.equal(overload.check(known, DIRECT), ADMITTED)
})

test('of fewer than a hundred places none is kept back', async t => {
  const shared = makeShared()
  const { overload } = overloadOf({ shared, connectionsMax: 5 })
  for (let i = 0; i < 5; i++) shared.workers.enter(0, 5)
  overload.step(0, 1)
  t.equal(overload.level, 0)
})

test('a worker whose loop is late refuses, and no other one', async t => {
  const shared = makeShared()
  const [late, other] = [0, 1].map(worker => overloadOf({ shared, worker }).overload)
  let now = 0
  for (let i = 0; i < 6; i++) {
    now += 650
    late!.step(600, now)
    other!.step(0, now)
  }
  t.equal(late!.check(stranger, DIRECT), STRANGER)
  t.equal(other!.check(stranger, DIRECT), ADMITTED)
  t.equal(shared.overload.loopMs(0), 600)
  for (let i = 0; i < 6; i++) late!.step(1200, (now += 1250))
  t.equal(late!.check(known, DIRECT), CLOSED)
  t.equal(late!.evictsFor, -1, 'nobody who is evicted makes it quicker')
  t.notOk(shared.overload.isShut, 'the other one takes connections')
})

test('the system is asked once for all workers, four times a second', async t => {
  const shared = makeShared()
  const both = [0, 1].map(worker => overloadOf({ shared, worker }))
  both[0]!.used.memory = 0.99
  both[1]!.used.memory = 0.99
  for (let now = 0; now < 1000; now += 50) for (const { overload } of both) overload.step(0, now)
  t.equal(both[0]!.used.samples + both[1]!.used.samples, 4)
  t.strictSame(
    both.map(({ overload }) => overload.level),
    [4, 4],
    'and both know',
  )
  t.strictSame(
    both.map(({ overload }) => overload.evictsFor),
    [MEMORY, MEMORY],
  )
  t.ok(shared.overload.isShut)
})

test('turned off it still tells the figures', async t => {
  const { overload, used, shared } = overloadOf({ rules: { isOn: false } })
  used.descriptors = 1
  overload.step(0, 1)
  t.equal(overload.level, 0)
  t.equal(shared.overload.share(DESCRIPTORS), 1)
})

test('in shadow who would be refused is counted, and let in', async t => {
  const { overload, used, shared } = overloadOf({
    shadow: ['overload-stranger', 'overload-closed'],
  })
  used.memory = 1
  overload.step(0, 1)
  t.equal(overload.check(stranger, DIRECT), ADMITTED)
  t.equal(overload.check(known, DIRECT), ADMITTED)
  t.equal(shadowCount(shared, 'overload-closed'), 2)
  t.equal(shadowCount(shared, 'overload-stranger'), 1)
  t.equal(overload.evictsFor, -1, 'and nobody is evicted')
  t.notOk(shared.overload.isShut, 'nor is weir unready')
  t.equal(overload.checkRequest(requestPlace(shared.addresses.acquire(stranger, 0))), ADMITTED)
  t.equal(shadowCount(shared, 'overload-stranger'), 2)
})

test('with one of the two in shadow the other one bites', async t => {
  const { overload, used } = overloadOf({ shadow: ['overload-closed'] })
  used.memory = 1
  overload.step(0, 1)
  t.equal(overload.check(stranger, DIRECT), STRANGER)
  t.equal(overload.check(known, DIRECT), ADMITTED)
})

test('in shadow who comes by a proxy counts once, though it is asked at accept and by its address', async t => {
  const { overload, used, shared } = overloadOf({ shadow: ['overload-closed'] })
  used.memory = 1
  overload.step(0, 1)
  t.equal(overload.checkShut(TRIED), ADMITTED)
  t.equal(overload.check(known, NAMED), ADMITTED)
  t.equal(shadowCount(shared, 'overload-closed'), 1)
  t.equal(overload.check(stranger, NAMED), STRANGER, 'and the other one bites')
  const bites = overloadOf()
  bites.used.memory = 1
  bites.overload.step(0, 1)
  t.equal(bites.overload.check(known, NAMED), CLOSED, 'it may have begun in between')
})

test('while strangers are tried no client notices levels 1 and 2', async t => {
  const { overload, used, shared } = overloadOf({ shadow: ['overload-stranger'] })
  used.memory = 0.86
  overload.step(0, 1)
  t.equal(overload.level, 2)
  t.equal(overload.keepAliveMs, 30_000)
  t.notOk(overload.endsAfterAnswer(shared.addresses.acquire(stranger, 0)))
})

test('places beyond a limit that is only tried are no overload', async t => {
  const shared = makeShared({ sessionsPerWorker: 300 })
  const given = { shared, connectionsMax: 100, shadow: ['connections-max'] } as const
  const { overload } = overloadOf(given)
  for (let i = 0; i < 200; i++) shared.workers.enter(0, 0)
  overload.step(0, 1)
  t.equal(overload.level, 0)
  t.equal(shared.overload.share(CONNECTIONS), 2, 'but told')
  const bites = overloadOf({ ...given, shadow: [] }).overload
  bites.step(0, 1)
  t.equal(bites.level, 4)
})
