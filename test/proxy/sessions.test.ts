import { test } from 'tap'
import { type Seated, Sessions } from '../../src/proxy/sessions.ts'

class Guest implements Seated {
  readonly name: number
  seat = -1

  constructor(name: number) {
    this.name = name
  }
}

function full(count: number): { sessions: Sessions<Guest>; guests: Guest[] } {
  const sessions = new Sessions<Guest>()
  const guests = Array.from({ length: count }, (_, name) => new Guest(name))
  for (const guest of guests) sessions.add(guest)
  return { sessions, guests }
}

test('who stands there is walked over, each once', async t => {
  const { sessions, guests } = full(5)
  sessions.delete(guests[1]!)
  sessions.delete(guests[4]!)
  t.equal(sessions.size, 3)
  t.strictSame(
    [...sessions].map(({ name }) => name).toSorted((a, b) => a - b),
    [0, 2, 3],
  )
})

test('who left is let go of, and may leave again', async t => {
  const { sessions, guests } = full(3)
  const [first, second, third] = guests
  sessions.delete(second!)
  sessions.delete(second!)
  t.equal(second!.seat, -1)
  t.strictSame([...sessions], [third, first])
  sessions.delete(third!)
  sessions.delete(first!)
  t.equal(sessions.size, 0)
  t.strictSame([...sessions], [])
  sessions.add(second!)
  t.strictSame([...sessions], [second])
})

test('all may leave while they are walked over', async t => {
  const { sessions } = full(100)
  for (const guest of sessions) sessions.delete(guest)
  t.equal(sessions.size, 0)
})

test('whoever comes and goes, a walk of many turns meets each who stays', async t => {
  const { sessions, guests } = full(300)
  // A fixed order of comings and goings (a linear congruential generator), so that a failure can be had again.
  let state = 5
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state % below
  }
  const met = new Set<Guest>()
  const gone = new Set<Guest>()
  const come = new Set<Guest>()
  const walk = sessions.values()
  for (let each = walk.next(); each.done !== true; each = walk.next()) {
    t.notOk(gone.has(each.value), 'who left is not met')
    met.add(each.value)
    for (let n = next(3); n > 0; n--) {
      const guest = guests[next(guests.length)]!
      gone.add(guest)
      sessions.delete(guest)
    }
    for (let n = next(3); n > 0; n--) {
      const guest = new Guest(1000 + come.size)
      come.add(guest)
      sessions.add(guest)
    }
  }
  t.ok(gone.size > 20 && gone.size < 200, 'some went, some stayed')
  for (const guest of guests) if (!gone.has(guest)) t.ok(met.has(guest), `met ${guest.name}`)
  t.equal(sessions.size, guests.length - gone.size + come.size)
})
