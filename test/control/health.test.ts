import { test } from 'tap'
import { Health } from '../../src/control/health.ts'

/** What state each verdict leads to: + is a good probe, - a bad one. */
function states(health: Health, verdicts: string): string {
  return Array.from(verdicts, verdict => {
    const before = health.state
    const changed = health.note(verdict === '+')
    return changed === (health.state !== before) ? health.state[0] : '!'
  }).join('')
}

test('the first probe decides', async t => {
  t.equal(states(new Health(3, 3), '+'), 'u')
  t.equal(states(new Health(3, 3), '-'), 'd')
})

test('fall bad ones in a row take it down, rise good ones bring it up', async t => {
  t.equal(states(new Health(2, 3), '+--+---'), 'uuuuuud')
  t.equal(states(new Health(2, 3), '-+-++'), 'ddddu')
  t.equal(states(new Health(1, 1), '+-+-'), 'udud')
})
