import { test } from 'tap'
import { ExemptAddresses } from '../../src/guard/exempt-addresses.ts'
import { addressOf } from '../support/memory.ts'

const PREFIXES = { ipv4Prefix: 32, ipv6Prefix: 64 }

test('a block exempts what lies in it, and all of a client of which it is a part', async t => {
  const exempt = new ExemptAddresses(['10.0.0.0/24', '2001:db8:0:1::7', 'nonsense'], PREFIXES)
  for (const [address, isExempt] of [
    ['10.0.0.9', true],
    ['10.0.1.0', false],
    ['2001:db8:0:1::8', true],
    ['2001:db8:0:2::7', false],
  ] as const) {
    t.equal(exempt.has(addressOf(address)), isExempt, address)
  }
})

test('loopback of IPv6 is no IPv4 address, everybody is everybody', async t => {
  const loopback = new ExemptAddresses(['::1'], PREFIXES)
  t.strictSame(
    [loopback.has(addressOf('::1')), loopback.has(addressOf('192.0.2.1'))],
    [true, false],
  )
  t.ok(new ExemptAddresses(['::/0'], PREFIXES).has(addressOf('192.0.2.1')))
})
