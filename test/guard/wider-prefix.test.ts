import { test } from 'tap'
import { formatCounted } from '../../src/core/prefix-words.ts'
import { prefixLimits, WiderPrefix } from '../../src/guard/wider-prefix.ts'
import { NO_LIMITS } from '../support/limits.ts'
import { addressOf } from '../support/memory.ts'

const ON = { ...NO_LIMITS, prefixMultiple: 16 }

function networkOf(address: string, limits: object = {}): string {
  const words = new WiderPrefix({ ...ON, ...limits }).of(addressOf(address))
  return words === null ? 'none' : formatCounted(words)
}

test('the network of an address, where it is wider than what is one client', async t => {
  t.equal(networkOf('203.0.113.9'), '203.0.113.0/24')
  t.equal(networkOf('2001:db8:1:2::3'), '2001:db8:1::/48')
  t.equal(networkOf('203.0.113.9', { prefixIpv4: 16 }), '203.0.0.0/16')
  t.equal(networkOf('203.0.113.9', { ipv4Prefix: 24 }), 'none')
  t.equal(networkOf('2001:db8:1:2::3', { ipv6Prefix: 48 }), 'none')
  t.equal(networkOf('2001:db8:1:2::3', { ipv4Prefix: 24 }), '2001:db8:1::/48')
  t.equal(networkOf('203.0.113.9', { prefixMultiple: 0 }), 'none')
  t.equal(networkOf('2001:db8:1:2::3', { prefixMultiple: 0 }), 'none')
})

test('the address that is asked for stays as it is', async t => {
  const address = addressOf('203.0.113.9')
  new WiderPrefix(ON).of(address)
  t.strictSame(address, addressOf('203.0.113.9'))
})

test('a network has so many times the limits, as far as a bucket can count; off stays off', async t => {
  const limits = prefixLimits(
    {
      ...NO_LIMITS,
      requestRate: 100,
      requestBurst: 200,
      connectionsPerAddress: 100,
      errorRate: 2,
      errorBurst: 5,
      authFailureRate: 0.5,
      authFailureBurst: 3,
    },
    64,
  )
  t.match(limits, { requestRate: 6400, requestBurst: 12_800, connectionsPerAddress: 6400 })
  t.match(limits, { errorRate: 128, errorBurst: 320 })
  t.match(limits, { authFailureRate: 32, authFailureBurst: 192 })
  t.match(limits, { connectionRate: 0, handshakeRate: 0, requestsPerAddress: 0 })
  const large = prefixLimits({ requestRate: 4000, requestBurst: 1_000_000 }, 65_536)
  t.equal(large.requestRate, 65_536)
  t.equal(large.requestBurst / large.requestRate, 3600, 'an hour to fill up at most')
})
