import { test } from 'tap'
import {
  formatCounted,
  isRouteWord,
  NO_ADDRESS,
  setRouteWords,
  toPrefixWords,
} from '../../src/core/prefix-words.ts'
import { addressOf } from '../support/memory.ts'

function networkOf(address: string, bits: number): Int32Array {
  const words = addressOf(address)
  toPrefixWords(words, bits)
  return words
}

test('addresses of one network have one name, and no address has it', async t => {
  t.strictSame(networkOf('203.0.113.9', 24), networkOf('203.0.113.200', 24))
  t.notSame(networkOf('203.0.113.9', 24), networkOf('203.0.114.9', 24))
  t.notSame(networkOf('203.0.113.0', 24), networkOf('203.0.113.0', 25))
  t.strictSame(networkOf('2001:db8:1:2::3', 48), networkOf('2001:db8:1:ffff::1', 48))
  t.notSame(networkOf('2001:db8:1:2::3', 48), networkOf('2001:db8:2:2::3', 48))
  t.notSame(networkOf('2001:db8:1:2:3::', 80), networkOf('2001:db8:1:2:4::', 80))
  for (const words of [networkOf('203.0.113.9', 24), networkOf('2001:db8::1', 96)]) {
    t.equal(words[0]! >>> 24, NO_ADDRESS >>> 24)
    t.not(words[0], NO_ADDRESS, 'nor any identity')
  }
})

test('what is counted is told as what it is', async t => {
  t.equal(formatCounted(addressOf('203.0.113.9')), '203.0.113.9')
  t.equal(formatCounted(addressOf('2001:db8::1')), '2001:db8::1')
  t.equal(formatCounted(networkOf('203.0.113.9', 24)), '203.0.113.0/24')
  t.equal(formatCounted(networkOf('203.0.113.255', 31)), '203.0.113.254/31')
  t.equal(formatCounted(networkOf('2001:db8:1:2::3', 48)), '2001:db8:1::/48')
  t.equal(formatCounted(networkOf('2001:db8:1:2:3:4:5:6', 96)), '2001:db8:1:2:3:4::/96')
  t.equal(formatCounted(Int32Array.of(NO_ADDRESS, 1, 2, 3)), '', 'an identity')
})

test('an address on a route has words that nothing else has', async t => {
  const words = new Int32Array(4)
  setRouteWords(words, 3, Int32Array.of(8, 9))
  t.equal(words[0]! >>> 24, NO_ADDRESS >>> 24)
  t.ok(isRouteWord(words[0]!))
  t.strictSame([...words.slice(1)], [3, 8, 9])
  t.equal(formatCounted(words), '')
  for (const other of [addressOf('203.0.113.9'), networkOf('203.0.113.9', 24), [NO_ADDRESS]]) {
    t.notOk(isRouteWord(other[0]!))
  }
})
