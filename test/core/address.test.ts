import { SocketAddress } from 'node:net'
import * as fc from 'fast-check'
import { test } from 'tap'
import { formatAddress, isIpv4, maskAddress, parseAddress } from '../../src/core/address.ts'

function parse(text: string): Int32Array | null {
  const words = new Int32Array(4)
  return parseAddress(text, words) ? words : null
}

test('reads and writes the canonical form', async t => {
  const cases = {
    '127.0.0.1': '127.0.0.1',
    '255.255.255.255': '255.255.255.255',
    '::': '::',
    '::1': '::1',
    '2001:DB8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
    '1:0:2:0:3:0:4:0': '1:0:2:0:3:0:4:0',
    '::ffff:192.0.2.1': '192.0.2.1',
    '::ffff:c000:201': '192.0.2.1',
    'fe80::1%eth0': 'fe80::1',
    '1:2:3:4:5:6:7::': '1:2:3:4:5:6:7:0',
    '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
  }
  for (const [text, canonical] of Object.entries(cases)) {
    const words = parse(text)
    t.ok(words, text)
    if (words !== null) t.equal(formatAddress(words), canonical, text)
  }
})

test('one client is one address, on an IPv4 and on a dual-stack socket', async t => {
  t.strictSame(parse('192.0.2.1'), parse('::ffff:192.0.2.1'))
  t.ok(isIpv4(parse('192.0.2.1')!))
  t.notOk(isIpv4(parse('::1')!))
})

test('refuses what is no address', async t => {
  const bad = [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4%1',
    'a',
    ':',
    ':::',
    '1::2::3',
  ]
  bad.push(
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '1:2:3:4:5:6:7:8::',
    '::1:',
    'g::',
    '::1.2.3',
    '1.2.3.4 ',
  )
  for (const text of bad) t.equal(parse(text), null, JSON.stringify(text))
})

test('agrees with the system on every address', async t => {
  fc.assert(
    fc.property(fc.ipV6(), text => {
      const expected = new SocketAddress({ address: text, family: 'ipv6' }).address
      const words = parse(text)
      const again = words === null ? null : parse(formatAddress(words))
      return (
        words !== null &&
        formatAddress(words) === formatAddress(parse(expected)!) &&
        again!.every((word, i) => word === words[i])
      )
    }),
  )
  fc.assert(fc.property(fc.ipV4(), text => formatAddress(parse(text)!) === text))
  t.pass()
})

test('never throws, whatever the text', async t => {
  fc.assert(
    fc.property(fc.string(), text => typeof parseAddress(text, new Int32Array(4)) === 'boolean'),
  )
  t.pass()
})

test('masks to a prefix', async t => {
  const mask = (text: string, bits: number) => {
    const words = parse(text)!
    maskAddress(words, bits)
    return formatAddress(words)
  }
  t.equal(mask('2001:db8:1:2:3:4:5:6', 64), '2001:db8:1:2::')
  t.equal(mask('2001:db8:1:2:3:4:5:6', 48), '2001:db8:1::')
  t.equal(mask('192.0.2.77', 96 + 24), '192.0.2.0')
  t.equal(mask('192.0.2.77', 128), '192.0.2.77')
  t.equal(mask('ffff::1', 0), '::')
})
