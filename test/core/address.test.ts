import { isIP } from 'node:net'
import fc from 'fast-check'
import { test } from 'tap'
import {
  ADDRESS_WORDS,
  formatAddress,
  isIpv4,
  maskAddress,
  parseAddress,
} from '../../src/core/address.ts'
import { addressOf } from '../support/memory.ts'

const words = new Int32Array(ADDRESS_WORDS)
/** Groups with many zeros, so that there are runs to shorten. */
const groups = fc.array(
  fc.oneof(fc.constant(0), fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)),
  { minLength: 8, maxLength: 8 },
)
const hex = (group: number) => group.toString(16)

function reformat(text: string): string {
  return parseAddress(text, words) ? formatAddress(words) : 'refused'
}

test('an address is written in its canonical form, however it was given', async t => {
  const canonical = {
    '0.0.0.0': '0.0.0.0',
    '255.255.255.255': '255.255.255.255',
    '::ffff:192.0.2.1': '192.0.2.1',
    '::FFFF:c000:0201': '192.0.2.1',
    '::': '::',
    '::1': '::1',
    '1::': '1::',
    '0:0:0:0:0:0:0:1': '::1',
    '2001:DB8::A': '2001:db8::a',
    '2001:0db8:0000:0000:0001:0000:0000:0001': '2001:db8::1:0:0:1',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '1:0:0:2:0:0:0:3': '1:0:0:2::3',
    '1:2:3:4:5:6:7::': '1:2:3:4:5:6:7:0',
    '::2:3:4:5:6:7:8': '0:2:3:4:5:6:7:8',
    '64:ff9b::192.0.2.1': '64:ff9b::c000:201',
    '1:2:3:4:5:6:1.2.3.4': '1:2:3:4:5:6:102:304',
    'fe80::1%eth0': 'fe80::1',
    'fe80::1%a:b.c': 'fe80::1',
  }
  for (const [text, expected] of Object.entries(canonical)) t.equal(reformat(text), expected, text)
})

test('the four words are the 128 bits, most significant first', async t => {
  t.strictSame([...addressOf('2001:db8::ffff:1')], [0x20010db8, 0, 0, -0xffff])
  t.strictSame([...addressOf('255.0.0.1')], [0, 0, 0xffff, 0xff000001 | 0])
})

test('what is no address is refused', async t => {
  const texts =
    '|1.2.3|1.2.3.4.5|01.2.3.4|1.2.3.00|256.1.1.1|1.2.3.4.|.1.2.3.4|1..2.3|1.2.3.a|1.2.3.-4| 1.2.3.4|' +
    '1.2.3.4 |+1.2.3.4|0x1.2.3.4|1.2.3.4%eth0|1.2.3.4%:|99999999999999999999.1.1.1|:|:::|::1::|1:::2|' +
    '::1:|:1|:1:2:3:4:5:6:7|1:|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8:|1::2:3:4:5:6:7:8|' +
    '12345::|1:00000::|g::|::g|::1.2.3|::1.2.3.4.5|::1.2.3.4:5|1.2.3.4::|1:2:3:4:5:6:7:1.2.3.4|' +
    '::01.2.3.4|::1/64|[::1]|%|%eth0|%::1|::\u0661|\u0661.2.3.4|localhost'
  for (const text of texts.split('|')) t.equal(reformat(text), 'refused', JSON.stringify(text))
})

test('property: every IPv4 address comes back as it was', async () => {
  fc.assert(
    fc.property(fc.ipV4(), text => {
      return reformat(text) === text && isIpv4(words)
    }),
  )
})

test('property: every IPv6 address comes back as the URL standard writes it', async () => {
  fc.assert(
    fc.property(groups, parts => {
      const text = parts.map(hex).join(':')
      const expected = new URL(`http://[${text}]`).hostname.slice(1, -1)
      const shown = reformat(text)
      return (shown === expected || isIpv4(words)) && reformat(shown) === shown
    }),
    { numRuns: 1000 },
  )
})

test('property: an IPv6 address is IPv4 exactly if it is mapped', async () => {
  fc.assert(
    fc.property(groups, parts => {
      parseAddress(parts.map(hex).join(':'), words)
      return isIpv4(words) === /^0,0,0,0,0,65535,/.test(parts.join())
    }),
  )
})

test('property: takes and refuses the same texts as Node', async t => {
  const token = fc.constantFrom(':', '::', '.', '0', '1', '12', 'ffff', '255', '256', 'g', '00')
  const text = fc.array(token, { maxLength: 18 }).map(tokens => tokens.join(''))
  const near = fc.tuple(fc.ipV6(), text, fc.nat(40)).map(([address, noise, at]) => {
    return address.slice(0, at) + noise.slice(0, 2) + address.slice(at)
  })
  let taken = 0
  fc.assert(
    fc.property(fc.oneof(text, near, fc.ipV4(), fc.ipV6()), candidate => {
      const parsed = parseAddress(candidate, words)
      if (parsed) taken++
      return parsed === (isIP(candidate) !== 0)
    }),
    { numRuns: 5000 },
  )
  t.ok(taken > 500, `${taken} of them were addresses`)
})

test('masking keeps the first bits and zeroes the rest', async t => {
  const cases: [string, number, string][] = [
    ['192.0.2.255', 96 + 24, '192.0.2.0'],
    ['192.0.2.255', 96 + 32, '192.0.2.255'],
    ['192.0.2.255', 96 + 31, '192.0.2.254'],
    ['192.0.2.255', 96 + 8, '192.0.0.0'],
    ['192.0.2.255', 96, '0.0.0.0'],
    ['2001:db8:ffff:ffff::1', 32, '2001:db8::'],
    ['2001:db8:ffff:ffff::1', 33, '2001:db8:8000::'],
    ['2001:db8:ffff:ffff::1', 64, '2001:db8:ffff:ffff::'],
    ['2001:db8::1', 0, '::'],
    ['2001:db8::1', 128, '2001:db8::1'],
  ]
  for (const [text, bits, expected] of cases) {
    const address = addressOf(text)
    maskAddress(address, bits)
    t.equal(formatAddress(address), expected, `${text} to ${bits} bits`)
  }
})
