import { test } from 'tap'
import { bad, ONE } from '../../support/config.ts'

test('more connections than descriptors, and bursts that take hours, are refused', async t => {
  t.match(bad(t, { ...ONE, 'connections-max': '9M' }), [
    /--connections-max: .* lower --connections-max to \d+/,
  ])
  t.match(bad(t, { ...ONE, 'connection-rate': '0.01', 'connection-burst': '40' }), [
    /--connection-burst: a burst of 40 at 0\.01 per second .* lower it to 36/,
  ])
})
