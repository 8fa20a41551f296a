import { test } from 'tap'
import { type Evictable, Evictor } from '../../src/proxy/evictor.ts'
import { CONNECTIONS, DESCRIPTORS, MEMORY } from '../../src/shared/overload-table.ts'

interface Kind {
  readonly known?: boolean
  readonly http?: boolean
  /** Steps; -1 while it is at work. */
  readonly idle?: number
  readonly bytes?: number
}

/** Sessions that leave when they are evicted; those of slot 1 have a good record. */
function evictorOf(signal: number, kinds: readonly Kind[]) {
  const sessions = new Set<Evictable>()
  const evicted: string[] = []
  for (const [i, { known = false, http = true, idle = -1, bytes = 0 }] of kinds.entries()) {
    const session: Evictable = {
      slot: known ? 1 : 0,
      isHttp: http,
      idleSteps: () => idle,
      hold: held => {
        held.toClient += bytes
      },
      evict: cause => {
        evicted.push(`${i} ${cause}`)
        sessions.delete(session)
      },
    }
    sessions.add(session)
  }
  const slice = new Float64Array(4)
  const asked = { evictsFor: signal, knowsSlot: (slot: number) => slot === 1 }
  const evictor = new Evictor(sessions, asked, { slice, at: 0 })
  const run = (steps: number): string[] => {
    for (let i = 0; i < steps; i++) evictor.step()
    return evicted.splice(0)
  }
  return { run, slice, sessions, asked }
}

const MIB = 1_048_576

test('idle strangers first, then the largest of them, and those with a good record last', async t => {
  const { run, slice } = evictorOf(MEMORY, [
    { known: true, bytes: MIB },
    { known: true, idle: 100 },
    { bytes: MIB },
    { bytes: 2 * MIB },
    { idle: 100 },
    { bytes: 1000 },
  ])
  t.strictSame(run(100), [
    '4 idle-stranger',
    '3 large-stranger',
    '2 large-stranger',
    '1 idle-known',
    '0 large-known',
  ])
  t.strictSame([...slice], [1, 2, 1, 1])
})

test('short of places nobody ends but idle strangers; of descriptors, idle ones', async t => {
  const kinds = [
    { idle: 100 },
    { known: true, idle: 100 },
    { bytes: MIB },
    { known: true, bytes: MIB },
  ]
  t.strictSame(evictorOf(CONNECTIONS, kinds).run(100), ['0 idle-stranger'])
  t.strictSame(evictorOf(DESCRIPTORS, kinds).run(100), ['0 idle-stranger', '1 idle-known'])
})

test('a second between requests is idle, in a tunnel it takes ten', async t => {
  const { run } = evictorOf(CONNECTIONS, [
    { idle: 19 },
    { idle: 20 },
    { http: false, idle: 199 },
    { http: false, idle: 200 },
  ])
  t.strictSame(run(50), ['1 idle-stranger', '3 idle-stranger'])
})

test('a few at each step, and eight of the largest at the end of a walk', async t => {
  const idle = evictorOf(
    MEMORY,
    Array.from({ length: 4000 }, () => ({ idle: 100 })),
  )
  t.equal(idle.run(1).length, 32)
  t.equal(idle.run(1).length, 32)
  const large = evictorOf(
    MEMORY,
    Array.from({ length: 100 }, (_, i) => ({ bytes: MIB + i })),
  )
  const first = large.run(2)
  t.strictSame(
    first,
    Array.from({ length: 8 }, (_, i) => `${99 - i} large-stranger`),
  )
})

test('nobody ends once the level is over, or below it', async t => {
  const { run, asked } = evictorOf(
    MEMORY,
    Array.from({ length: 640 }, () => ({ idle: 100 })),
  )
  t.equal(run(1).length, 10, 'one of 64')
  asked.evictsFor = -1
  t.equal(run(10).length, 0)
})

test('a walk that is over, or no longer wanted, is told so', async t => {
  let given = 0
  const session: Evictable = {
    ...{ slot: 0, isHttp: true, idleSteps: () => -1, hold() {}, evict() {} },
  }
  const sessions = {
    size: 300,
    *values(): Generator<Evictable> {
      try {
        while (true) yield session
      } finally {
        given++
      }
    },
  }
  const asked = { evictsFor: CONNECTIONS, knowsSlot: () => false }
  const evictor = new Evictor(sessions, asked, { slice: new Float64Array(4), at: 0 })
  evictor.step()
  t.equal(given, 0, 'a part of them')
  evictor.step()
  t.equal(given, 1)
  evictor.step()
  asked.evictsFor = -1
  evictor.step()
  t.equal(given, 2)
})
