import { test } from 'tap'
import { endOfHost, isAuthority } from '../../../src/codec/http1/authority.ts'

test('a name or an address, and perhaps a port', async t => {
  for (const text of [
    'a',
    'a.test',
    'A.Test.',
    'my_service-1',
    '127.0.0.1:8080',
    'a:1',
    'a:65535',
    '[::1]',
    '[::1]:80',
    '[::ffff:127.0.0.1]',
    'a'.repeat(254),
  ]) {
    t.equal(isAuthority(text), true, text)
  }
})

test('what readers differ about is none', async t => {
  for (const text of [
    '',
    ':80',
    'a:',
    'a:0',
    'a:080',
    'a:65536',
    'a:123456',
    'a:8a',
    'a:80:80',
    'a:+80',
    '.',
    '.a',
    'a..b',
    'a/b',
    'a b',
    'a,b',
    'u@a',
    'a?b',
    'a#b',
    'a\\b',
    'a%2eb',
    'a%00',
    '\xe4.test',
    '[::1',
    '::1',
    '[]',
    '[::1]x',
    '[::1]:',
    '[fe80::1%25eth0]',
    '[fe80::1%eth0]',
    '[v1.x]',
    '[127.0.0.1]',
    'a'.repeat(255),
  ]) {
    t.equal(isAuthority(text), false, text)
  }
})

test('a host ends before its port, and a colon within brackets is none', async t => {
  for (const [authority, host] of [
    ['a.test:80', 'a.test'],
    ['a.test', 'a.test'],
    ['[::1]:80', '[::1]'],
    ['[::1]', '[::1]'],
    ['', ''],
  ] as const) {
    t.equal(authority.slice(0, endOfHost(authority)), host)
  }
})
