import { anything, assert, constantFrom, nat, property } from 'fast-check'
import { test } from 'tap'
import type { Flag, Kind } from '../../src/config/flag.ts'
import { formatDuration, isHost, readEndpoint, readValue } from '../../src/config/values.ts'

function flag(kind: Kind, rest: Partial<Flag> = {}): Flag {
  return { kind, group: 'x', scope: 'process', help: 'x', value: 'X', ...rest }
}

function value(of: Flag, written: unknown): unknown {
  const read = readValue(of, written)
  return 'error' in read ? `error: ${read.error}` : read.value
}

test('durations have units; a bare number is seconds', async t => {
  const duration = flag('duration', { min: 100, max: 3_600_000, zero: true })
  const good: [unknown, number][] = [
    ['500ms', 500],
    ['5s', 5000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['30', 30_000],
    [30, 30_000],
    ['0', 0],
    [' 5s ', 5000],
  ]
  for (const [written, ms] of good) t.equal(value(duration, written), ms, String(written))
  for (const written of ['', 's', '5 s', '-5s', '5sec', 'NaN', '1e3', 'Infinity', '0x10']) {
    t.match(value(duration, written), /^error: .* is no time; write 500ms, 5s, 2m or 1h/, written)
  }
  t.match(value(duration, '50ms'), /allowed are 100ms to 1h, or 0 for no limit$/)
  t.match(value(duration, '0.4ms'), /out of range/, 'it does not become 0, which is no limit')
  t.match(value(duration, '5000'), /a bare number is seconds, 5000ms is milliseconds$/)
})

test('durations are written the shortest way, and read back to the same', async t => {
  t.equal(formatDuration(90_000), '90s')
  t.equal(formatDuration(3_600_000), '1h')
  t.equal(formatDuration(1), '1ms')
  t.equal(formatDuration(0), '0s')
  const any = flag('duration', { zero: true })
  assert(property(nat(1_000_000_000), ms => value(any, formatDuration(ms)) === ms))
})

test('counts take k and M and stay within their bounds', async t => {
  const count = flag('count', { min: 1, max: 1_000_000 })
  t.equal(value(count, '20k'), 20_000)
  t.equal(value(count, '1M'), 1_000_000)
  t.equal(value(count, 7), 7)
  for (const written of ['1.5', '-1', '', 'k', '1K', '٣']) {
    t.match(value(count, written), /is no whole number; write 1 to 1000000$/, written)
  }
  t.match(value(count, '0'), /out of range; allowed are 1 to 1000000/)
  t.match(value(count, '9'.repeat(400)), /out of range/)
})

test('rates, percentages, booleans, choices, statuses', async t => {
  t.equal(value(flag('rate', { min: 0.001, max: 10 }), '0.5'), 0.5)
  t.match(value(flag('rate', { min: 0.001, max: 10, zero: true }), 'x'), /or 0 for no limit/)
  t.equal(value(flag('percent', { max: 100 }), '50%'), 50)
  t.match(value(flag('percent', { max: 100 }), '101'), /allowed are 0 to 100/)
  t.equal(value(flag('boolean'), 'on'), true)
  t.equal(value(flag('boolean'), false), false)
  t.match(value(flag('boolean'), 'maybe'), /neither true nor false/)
  const choice = flag('choice', { choices: ['intermediate', 'modern'] })
  t.equal(value(choice, 'modern'), 'modern')
  t.match(value(choice, 'modren'), /not one of intermediate, modern; did you mean modern\?/)
  t.strictSame(value(flag('statuses'), '200'), { min: 200, max: 200 })
  t.strictSame(value(flag('statuses'), '200-399'), { min: 200, max: 399 })
  for (const bad of ['399-200', '99', '600', 'ok']) t.match(value(flag('statuses'), bad), /^error/)
})

test('one value is not a list', async t => {
  t.match(value(flag('count'), ['1', '2']), /is given 2 times, it takes one value/)
  t.match(value(flag('text'), { a: 1 }), /takes one value/)
})

test('lists are split at commas and blanks, paths are not', async t => {
  t.strictSame(value(flag('urls'), 'a, b c'), ['a', 'b', 'c'])
  t.strictSame(value(flag('urls'), ['a,b', 'c']), ['a', 'b', 'c'])
  t.strictSame(value(flag('paths'), '/a b,c'), ['/a b,c'])
  t.strictSame(value(flag('texts'), 'h2,http/1.1'), ['h2', 'http/1.1'])
  t.match(value(flag('texts'), 'x'.repeat(256)), /is no protocol name/)
})

test('blocks of addresses are whole, or it says what was meant', async t => {
  const cidrs = flag('cidrs')
  const good = ['192.0.2.7', '192.0.2.0/24', '2001:db8::/32', '0.0.0.0/0', '::/0']
  t.strictSame(value(cidrs, good), good)
  const bad: [string, RegExp][] = [
    ['10.0.0.300', /is no address or network/],
    ['10.0.0.0/33', /no prefix length from 0 to 32/],
    ['::1/129', /no prefix length from 0 to 128/],
    ['10.0.0.0/', /no prefix length/],
    ['10.0.0.0/8/8', /is no address or network/],
    ['10.1.0.0/8', /bits set beyond its prefix; write 10\.0\.0\.0\/8/],
    ['::ffff:10.0.0.1', /IPv4 address in IPv6 form; write 10\.0\.0\.1/],
    ['fe80::1%eth0', /is no address or network/],
    ['example.org', /is no address or network/],
  ]
  for (const [written, message] of bad) t.match(value(cidrs, written), message, written)
})

test('endpoints are HOST:PORT, IPv6 in brackets', async t => {
  t.strictSame(readEndpoint('127.0.0.1:80'), { value: { host: '127.0.0.1', port: 80 } })
  t.strictSame(readEndpoint('[::1]:80'), { value: { host: '::1', port: 80 } })
  t.strictSame(readEndpoint('a.test:0'), { value: { host: 'a.test', port: 0 } })
  t.equal(value(flag('endpoint'), 'off'), null)
  const bad = [
    '::1:80',
    '[127.0.0.1]:80',
    'a.test',
    'a.test:',
    'a.test:65536',
    ':80',
    'a b:80',
    '1.2.3:80',
  ]
  for (const written of bad) t.ok('error' in readEndpoint(written), written)
})

test('host names are what DNS and a hosts file may hold', async t => {
  for (const good of ['localhost', 'a.test', 'a.test.', '_srv.a.test', '192.0.2.1', '::1']) {
    t.ok(isHost(good), good)
  }
  for (const bad of [
    '',
    '.',
    'a..b',
    '-a.test',
    'a-.test',
    '1.2.3',
    'a/b',
    'ä.test',
    'x'.repeat(64),
  ]) {
    t.notOk(isHost(bad), bad)
  }
})

test('nothing that is written makes a reader throw', async t => {
  const kinds: Kind[] = ['duration', 'count', 'rate', 'percent', 'boolean', 'choice', 'text']
  kinds.push('texts', 'paths', 'cidrs', 'urls', 'endpoint', 'statuses')
  assert(
    property(constantFrom(...kinds), anything(), (kind, written) => {
      // Objects without a text of their own come from YAML as plain data only.
      const plain: unknown = JSON.parse(JSON.stringify(written) ?? 'null')
      if (plain !== null) readValue(flag(kind), plain)
    }),
  )
  t.pass()
})

test('everything that is wrong in a list is told', async t => {
  t.match(
    value(flag('cidrs'), ['10.0.0.1/8', '10.0.0.0/8', 'x']),
    /"10\.0\.0\.1\/8" has bits set .*; "x" is no address/,
  )
})

test('a network that is empty is none, but no networks are', async t => {
  for (const written of ['', ' ', ['10.0.0.0/8', '']]) {
    t.match(value(flag('cidrs'), written), /is empty; write an address or a network/)
  }
  t.strictSame(value(flag('cidrs'), []), [])
})
