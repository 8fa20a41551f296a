import { test } from 'tap'
import { ExchangeDeadline } from '../../src/proxy/exchange-deadline.ts'
import { Deadlines, STEP_MS } from '../../src/transport/deadlines.ts'

const YEAR_MS = 365 * 86_400_000

function start() {
  let now = 0
  const wheel = new Deadlines(() => {})
  const seen = { expired: 0 }
  const deadline = new ExchangeDeadline(wheel, { onExchangeDeadline: () => seen.expired++ })
  const pass = (ms: number): void => {
    for (const end = now + ms; now < end; ) wheel.wake((now += STEP_MS))
  }
  return { deadline, seen, pass }
}

test('what is waited for is waited for so long, and not once it is suspended', async t => {
  const { deadline, seen, pass } = start()
  deadline.waitFor(500)
  pass(400)
  t.equal(seen.expired, 0)
  pass(300)
  t.equal(seen.expired, 1)
  t.equal(deadline.isOver, false, 'it was the next thing that was late, not the whole')

  deadline.waitFor(500)
  deadline.suspend()
  pass(2000)
  t.equal(seen.expired, 1)
})

test('without a time for the whole, waiting for nothing in particular never ends', async t => {
  const { deadline, seen, pass } = start()
  deadline.waitFor(500)
  deadline.waitFor(0)
  pass(60_000)
  t.equal(seen.expired, 0)
})

test('the whole cuts what is waited for short', async t => {
  const { deadline, seen, pass } = start()
  deadline.begin(performance.now() + 1000)
  deadline.waitFor(YEAR_MS)
  pass(1200)
  t.equal(seen.expired, 1)
  t.equal(deadline.isOver, true, 'whatever another clock says, whose second is not yet over')

  deadline.waitFor(0)
  pass(1200)
  t.equal(seen.expired, 2, 'and waits where nothing else does')
  t.equal(deadline.isOver, true)

  deadline.waitFor(500)
  pass(700)
  t.equal(seen.expired, 3)
  t.equal(deadline.isOver, false, 'what comes next had its own time')
})

test('the next exchange has no end before it is told one', async t => {
  const { deadline, seen, pass } = start()
  deadline.begin(performance.now() - 1)
  t.equal(deadline.isOver, true)
  deadline.suspend()
  t.equal(deadline.isOver, false)
  deadline.waitFor(0)
  pass(60_000)
  t.equal(seen.expired, 0)
})
