import * as fc from 'fast-check'
import { test } from 'tap'
import { parseAddress } from '../../src/core/address.ts'
import { type Cidr, CidrSet, parseCidr } from '../../src/core/cidr-set.ts'

function address(text: string): Int32Array {
  const words = new Int32Array(4)
  parseAddress(text, words)
  return words
}

test('the longest block that holds an address decides', async t => {
  const set = new CidrSet()
  set.add(parseCidr('10.0.0.0/8')!, 1)
  set.add(parseCidr('10.1.0.0/16')!, 2)
  set.add(parseCidr('2001:db8::/32')!, 3)
  t.equal(set.find(address('10.9.9.9')), 1)
  t.equal(set.find(address('10.1.9.9')), 2)
  t.equal(set.find(address('2001:db8::1')), 3)
  t.equal(set.find(address('11.0.0.1')), 0)
  t.equal(set.find(address('::1')), 0)
})

test('0.0.0.0/0 is all of IPv4 and nothing of IPv6', async t => {
  const set = new CidrSet()
  set.add(parseCidr('0.0.0.0/0')!, 1)
  t.equal(set.find(address('203.0.113.7')), 1)
  t.equal(set.find(address('2001:db8::1')), 0)
})

test('IPv6 blocks that hold all of IPv4 count for it', async t => {
  const set = new CidrSet()
  set.add(parseCidr('::/0')!, 1)
  t.equal(set.find(address('203.0.113.7')), 1)
  set.add(parseCidr('::ffff:0:0/90')!, 2)
  t.equal(set.find(address('203.0.113.7')), 2)
  set.add(parseCidr('203.0.113.0/24')!, 3)
  t.equal(set.find(address('203.0.113.7')), 3)
  t.equal(set.find(address('203.0.114.7')), 2)
})

test('agrees with looking at every block in turn', async t => {
  const block = fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(128)).map(([text, bits]) => {
    const v4 = !text.includes(':')
    return parseCidr(`${text}/${v4 ? bits % 33 : bits}`)!
  })
  const holds = ({ words, bits }: Cidr, client: Int32Array): boolean => {
    for (let bit = 0; bit < bits; bit++) {
      const at = (of: Int32Array) => (of[bit >> 5]! >>> (31 - (bit & 31))) & 1
      if (at(words) !== at(client)) return false
    }
    return true
  }
  fc.assert(
    fc.property(
      fc.array(block, { maxLength: 40 }),
      fc.oneof(fc.ipV4(), fc.ipV6()),
      (blocks, text) => {
        const set = new CidrSet()
        for (const [i, each] of blocks.entries()) set.add(each, i + 1)
        const client = address(text)
        let best = 0
        for (const [i, each] of blocks.entries()) {
          if (holds(each, client) && (best === 0 || each.bits >= blocks[best - 1]!.bits))
            best = i + 1
        }
        return set.find(client) === best
      },
    ),
  )
  t.pass()
})

test('refuses what is no block', async t => {
  for (const text of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    'x/8',
    '10.0.0.0/',
  ]) {
    t.equal(parseCidr(text), null, text)
  }
})
