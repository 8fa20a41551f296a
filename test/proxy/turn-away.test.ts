import { test } from 'tap'
import { actions } from '../../src/core/actions.ts'
import { refusal, refusals } from '../../src/core/refusals.ts'
import { Actions, CLOSE, REJECT, RESET, TARPIT } from '../../src/guard/actions.ts'
import { TurnAway } from '../../src/proxy/turn-away.ts'
import { Deadlines } from '../../src/transport/deadlines.ts'
import { Tarpit } from '../../src/transport/tarpit.ts'

const RATE = refusal('connection-rate')

function turnAway(max: number) {
  const slice = new Float64Array(refusals.length * actions.length)
  const chosen = [
    { guard: 'connection-rate', action: 'tarpit' },
    { guard: 'request-rate', action: 'close' },
  ] as const
  const tarpit = new Tarpit(new Deadlines(() => {}), max, 1000)
  return { slice, it: new TurnAway(new Actions(chosen, slice, 0), tarpit) }
}

test('who is refused at the door is reset unless told, and where the tarpit is full', async t => {
  const { it, slice } = turnAway(1)
  t.equal(it.atDoor(refusal('denied')), RESET)
  t.equal(it.atDoor(RATE), TARPIT)
  t.equal(turnAway(0).it.atDoor(RATE), RESET)
  t.equal(slice[RATE * actions.length + TARPIT], 1)
  t.equal(slice[refusal('denied') * actions.length + RESET], 0, 'the usual is not counted')
})

test('a connection that others ask over, too, is not ended for one of them', async t => {
  const { it } = turnAway(1)
  t.equal(it.ofRequest(refusal('request-rate'), false), CLOSE)
  t.equal(it.ofRequest(refusal('request-rate'), true), REJECT)
})
