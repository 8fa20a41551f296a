import { test } from 'tap'
import { maskOf, parseBlock } from '../../src/kernel/block.ts'

test('a block has one spelling, and no bits beyond its prefix', async t => {
  const spellings: Record<string, string> = {
    '192.0.2.1': '192.0.2.1/32',
    '192.0.2.77/24': '192.0.2.0/24',
    '::ffff:192.0.2.1': '192.0.2.1/32',
    '2001:DB8:0::1/64': '2001:db8::/64',
    '2001:db8::1': '2001:db8::1/128',
  }
  for (const [text, written] of Object.entries(spellings)) {
    t.equal(parseBlock(text)?.text, written, text)
  }
})

test('what is no block, or as wide as a part of the internet, is none', async t => {
  for (const text of [
    ...['', 'a', '1.2.3', '1.2.3.4/33', '1.2.3.4/', '01.2.3.4', '1.2.3.4 ', 'fe80::1%eth0'],
    ...['0.0.0.0/0', '10.0.0.0/7', '::/0', '2000::/3', '1.2.3.4;', '1.2.3.4/-1'],
  ]) {
    t.equal(parseBlock(text), null, text)
  }
})

test('a mask has the notation of its family', async t => {
  t.equal(maskOf(parseBlock('10.0.0.0/8')!), '255.0.0.0')
  t.equal(maskOf(parseBlock('10.0.0.0/23')!), '255.255.254.0')
  t.equal(maskOf(parseBlock('2001:db8::/48')!), 'ffff:ffff:ffff::')
  t.equal(maskOf(parseBlock('2001:db8::/63')!), 'ffff:ffff:ffff:fffe::')
})
