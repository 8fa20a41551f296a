import { test } from 'tap'
import { AddressScan } from '../../src/control/address-scan.ts'
import { toPrefixWords } from '../../src/core/prefix-words.ts'
import { addressOf, makeShared, numbered } from '../support/memory.ts'

const PREFIXES = { ipv4Prefix: 32, ipv6Prefix: 64 }

test('who holds something is seen by address and by network, who was only seen is not', async t => {
  const { addresses } = makeShared({ addresses: 50_000 })
  for (let n = 0; n < 3; n++) addresses.acquire(numbered(7), 0)
  addresses.enterRequest(addresses.acquire(numbered(8), 0), 9)
  addresses.acquire(addressOf('2001:db8:1:2::'), 0)
  for (let n = 0; n < 30_000; n++) addresses.unpin(addresses.pin(numbered(1000 + n), 0))
  // Of identities and the like, and of networks, which are no addresses.
  addresses.acquire(Int32Array.of(0x0100_0000, 1, 2, 3), 0)
  const network = numbered(7)
  toPrefixWords(network, 24)
  addresses.acquire(network, 0)
  const scan = await new AddressScan(addresses, PREFIXES).look()
  t.strictSame(
    new Set(scan.addresses.keys()),
    new Set(['10.0.0.7', '10.0.0.8', '2001:db8:1:2::/64']),
  )
  t.match(scan.addresses.get('10.0.0.7'), { connections: 3, requests: 0 })
  t.match(scan.networks.get('10.0.0.0/24'), { connections: 4, requests: 1, addresses: 2 })
  t.match(scan.networks.get('2001:db8:1::/48'), { connections: 1 })
})

test('the largest are kept, however many there are', async t => {
  const { addresses } = makeShared({ addresses: 50_000 })
  for (let n = 0; n < 20_000; n++) addresses.acquire(numbered(n), 0)
  for (let n = 19_990; n < 20_000; n++) addresses.acquire(numbered(n), 0)
  const scan = await new AddressScan(addresses, PREFIXES).look()
  t.equal(scan.addresses.size, 4096)
  for (let n = 19_990; n < 20_000; n++) {
    t.equal(scan.addresses.get(`10.0.78.${n & 255}`)?.connections, 2, String(n))
  }
})

test('two who ask at once are answered by one look', t => {
  const scan = new AddressScan(makeShared().addresses, PREFIXES)
  t.equal(scan.look(), scan.look())
  t.end()
})
