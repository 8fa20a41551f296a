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

test('whoever comes and goes, walks of many turns meet each who stays, and nobody twice', async t => {
  const { sessions, guests } = full(300)
  // A fixed order of comings and goings (a linear congruential generator), so that a failure can be had again.
  let state = 5
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
  const gone = new Set<Guest>()
  const all = [...guests]
  const change = (): void => {
    for (let n = next(4); n > 0; n--) {
      const guest = all[next(all.length)]!
      gone.add(guest)
      sessions.delete(guest)
    }
    for (let n = next(3); n > 0; n--) {
      const guest = new Guest(all.length)
      all.push(guest)
      sessions.add(guest)
    }
  }
  const met = [new Set<Guest>(), new Set<Guest>()]
  const walks = met.map(() => sessions.values())
  /** @returns whether somebody was met */
  const step = (which: number): boolean => {
    const { done, value } = walks[which]!.next()
    if (done === true) return false
    t.notOk(gone.has(value), 'who left is not met')
    t.notOk(met[which]!.has(value), `met once: ${value.name}`)
    met[which]!.add(value)
    change()
    return true
  }
  // The second comes later, and is the faster one.
  for (let n = 0; n < 20; n++) step(0)
  for (let goes = true; goes; ) {
    goes = step(0)
    for (let n = next(4); n > 0; n--) goes = step(1) || goes
  }
  t.ok(gone.size > 100, 'some went')
  const stayed = guests.filter(guest => !gone.has(guest))
  t.ok(stayed.length > 20, 'some stayed')
  for (const guest of stayed)
    t.ok(
      met.every(each => each.has(guest)),
      `met ${guest.name}`,
    )
  t.strictSame(new Set(sessions), new Set(all.filter(guest => !gone.has(guest))))
  for (const [seat, guest] of [...sessions].toReversed().entries()) t.equal(guest.seat, seat)
})

test('a walk that was given up is not looked after any more', async t => {
  const { sessions, guests } = full(3)
  const walk = sessions.values()
  t.equal(walk.next().value, guests[2])
  walk.return(undefined)
  // As it would without one: the last takes the seat.
  sessions.delete(guests[0]!)
  t.strictSame([...sessions], [guests[1], guests[2]])
})
