import { test } from 'tap'
import { formatAddress } from '../../src/core/address.ts'
import { CountedAddress } from '../../src/guard/counted-address.ts'
import { addressOf } from '../support/memory.ts'

const counted = (address: string, ipv4Prefix: number, ipv6Prefix: number): string =>
  formatAddress(new CountedAddress({ ipv4Prefix, ipv6Prefix }).of(addressOf(address)))

test('the bits below the prefix of its family do not count', async t => {
  const cases = [
    ['192.0.2.77', 32, 64, '192.0.2.77'],
    ['192.0.2.77', 24, 64, '192.0.2.0'],
    ['192.0.2.77', 8, 128, '192.0.0.0'],
    ['2001:db8:1:2:3:4:5:6', 32, 64, '2001:db8:1:2::'],
    ['2001:db8:1:2:3:4:5:6', 8, 128, '2001:db8:1:2:3:4:5:6'],
    ['2001:db8:1:2:3:4:5:6', 32, 48, '2001:db8:1::'],
    ['2001:db8:1:2:3:4:5:6', 32, 16, '2001::'],
    // A dual-stack socket says so: it is an IPv4 client, and not one of ::/64.
    ['::ffff:192.0.2.77', 32, 64, '192.0.2.77'],
  ] as const
  for (const [address, ipv4, ipv6, expected] of cases) {
    t.equal(counted(address, ipv4, ipv6), expected, `${address} by /${ipv4} and /${ipv6}`)
  }
})

test('what it is given stays as it is', async t => {
  const address = addressOf('192.0.2.77')
  new CountedAddress({ ipv4Prefix: 8, ipv6Prefix: 64 }).of(address)
  t.equal(formatAddress(address), '192.0.2.77')
})
