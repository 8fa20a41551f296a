import { test } from 'tap'
import { ServerBreaker } from '../../src/auth/server-breaker.ts'

function opened(): ServerBreaker {
  const breaker = new ServerBreaker()
  for (let i = 0; i < 5; i++) breaker.failed(0)
  return breaker
}

test('five failures in a row open it, fewer do not', async t => {
  const breaker = new ServerBreaker()
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4; i++) t.notOk(breaker.failed(0))
    t.ok(breaker.mayAsk(0))
    t.notOk(breaker.answered())
  }
  for (let i = 0; i < 4; i++) t.notOk(breaker.failed(0))
  t.ok(breaker.failed(0), 'it says that it opens')
  t.notOk(breaker.mayAsk(999))
})

test('after a second one may ask, and its answer closes it', async t => {
  const breaker = opened()
  t.ok(breaker.mayAsk(1000))
  t.notOk(breaker.mayAsk(1000), 'one alone')
  t.ok(breaker.answered(), 'it says that it closes')
  t.ok(breaker.mayAsk(1000))
})

test('a trial that fails doubles the pause, up to half a minute', async t => {
  const breaker = opened()
  let now = 0
  for (const pause of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    t.notOk(breaker.mayAsk(now + pause - 1))
    now += pause
    t.ok(breaker.mayAsk(now))
    t.notOk(breaker.failed(now), 'it was open before')
  }
})

test('failures of questions from before it opened neither end a trial nor prolong the pause', async t => {
  const breaker = opened()
  t.notOk(breaker.failed(900))
  t.ok(breaker.mayAsk(1000))
})
