import { test } from 'tap'
import { bad, good, ONE } from '../../support/config.ts'

test('more connections than descriptors, and bursts that take hours, are refused', async t => {
  t.match(bad(t, { ...ONE, 'connections-max': '9M' }), [
    /--connections-max: .* lower --connections-max to \d+/,
  ])
  t.match(bad(t, { ...ONE, 'connection-rate': '0.01', 'connection-burst': '40' }), [
    /--connection-burst: a burst of 40 at 0\.01 per second .* lower it to 36/,
  ])
})

test('the host has 500 handshakes a second for each worker, and four seconds of them at once, unless told', async t => {
  const handshakes = (flags: object): number[] => {
    const { guards } = good(t, { ...ONE, ...flags })
    return [guards.hostHandshakeRate, guards.hostHandshakeBurst]
  }
  t.strictSame(handshakes({ workers: '3' }), [1500, 6000])
  t.strictSame(handshakes({ 'host-handshake-rate': '0.1' }), [0.1, 1])
  t.strictSame(handshakes({ 'host-handshake-rate': '7', 'host-handshake-burst': '9' }), [7, 9])
  t.equal(handshakes({ 'host-handshake-rate': '0' })[0], 0)
  t.match(bad(t, { ...ONE, 'host-handshake-rate': '0.01', 'host-handshake-burst': '40' }), [
    /--host-handshake-burst: a burst of 40 at 0\.01 per second .* lower it to 36/,
  ])
})
