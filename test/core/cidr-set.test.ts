import fc from 'fast-check'
import { test } from 'tap'
import { formatAddress } from '../../src/core/address.ts'
import { type Cidr, CidrSet, parseCidr } from '../../src/core/cidr-set.ts'
import { addressOf } from '../support/memory.ts'

function setOf(blocks: Record<string, number>): CidrSet {
  const set = new CidrSet()
  for (const [text, value] of Object.entries(blocks)) set.add(parseCidr(text)!, value)
  return set
}

test('a block is an address and the bits that count, of 128', async t => {
  const cases: [string, string, number][] = [
    ['192.0.2.77/24', '192.0.2.0', 120],
    ['192.0.2.77', '192.0.2.77', 128],
    ['0.0.0.0/0', '0.0.0.0', 96],
    ['::/0', '::', 0],
    ['2001:db8:ffff::1/32', '2001:db8::', 32],
    ['::ffff:192.0.2.77/120', '192.0.2.0', 120],
  ]
  for (const [text, address, bits] of cases) {
    const cidr = parseCidr(text)
    t.equal(cidr && formatAddress(cidr.words), address, text)
    t.equal(cidr?.bits, bits, text)
  }
})

test('what is no block is refused', async t => {
  const texts = ['', '/', '/8', '10.0.0.0/', '10.0.0.0/33', '10/8', '10.0.0.0/-1', '10.0.0.0/8/8']
  const more = ['::/129', '::/1e1', '::/ 8', '::/+8', '10.0.0.0/08.0', '2001:db8::/a', 'x/8']
  for (const text of [...texts, ...more]) t.equal(parseCidr(text), null, JSON.stringify(text))
})

test('the longest block that holds an address decides', async t => {
  const set = setOf({ '10.0.0.0/8': 1, '10.1.0.0/16': 2, '10.1.2.3': 3, '2001:db8::/32': 4 })
  t.equal(set.find(addressOf('10.9.9.9')), 1)
  t.equal(set.find(addressOf('10.1.9.9')), 2)
  t.equal(set.find(addressOf('10.1.2.3')), 3)
  t.equal(set.find(addressOf('10.1.2.2')), 2)
  t.equal(set.find(addressOf('11.0.0.0')), 0)
  t.equal(set.find(addressOf('2001:db8:ffff::1')), 4)
  t.equal(set.find(addressOf('2001:db9::')), 0)
})

test('a block of no bits holds every address; all of IPv4 is not all of IPv6', async t => {
  t.equal(setOf({ '::/0': 7 }).find(addressOf('10.0.0.1')), 7)
  t.equal(setOf({ '0.0.0.0/0': 7 }).find(addressOf('10.0.0.1')), 7)
  t.equal(setOf({ '0.0.0.0/0': 7 }).find(addressOf('::1')), 0)
})

test('of two values for one block the larger stays, in either order', async t => {
  t.equal(setOf({ '10.0.0.0/8': 1, '10.1.0.0/8': 2 }).find(addressOf('10.0.0.1')), 2)
  t.equal(setOf({ '10.0.0.0/8': 2, '10.1.0.0/8': 1 }).find(addressOf('10.0.0.1')), 2)
})

test('property: answers as a walk over all blocks does', async () => {
  // Few bits that differ, so that blocks nest.
  const address = fc
    .array(fc.constantFrom(0, 1, 0x8000), { minLength: 8, maxLength: 8 })
    .map(groups => groups.map(group => group.toString(16)).join(':'))
  const block = fc.tuple(address, fc.nat(128), fc.integer({ min: 1, max: 3 }))
  fc.assert(
    fc.property(fc.array(block, { maxLength: 40 }), fc.array(address), (blocks, probes) => {
      const set = new CidrSet()
      const list: { cidr: Cidr; value: number }[] = []
      for (const [text, bits, value] of blocks) {
        const cidr = parseCidr(`${text}/${bits}`)!
        set.add(cidr, value)
        list.push({ cidr, value })
      }
      return probes.every(text => set.find(addressOf(text)) === walk(list, addressOf(text)))
    }),
    { numRuns: 300 },
  )
})

function walk(list: readonly { cidr: Cidr; value: number }[], address: Int32Array): number {
  const text = bits(address)
  const holding = list.filter(({ cidr }) => {
    return text.startsWith(bits(cidr.words).slice(0, cidr.bits))
  })
  const longest = Math.max(...holding.map(({ cidr }) => cidr.bits))
  const values = holding.filter(({ cidr }) => cidr.bits === longest).map(({ value }) => value)
  return Math.max(0, ...values)
}

function bits(words: Int32Array): string {
  return [...words].map(word => (word >>> 0).toString(2).padStart(32, '0')).join('')
}
