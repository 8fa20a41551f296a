import * as fc from 'fast-check'
import { test } from 'tap'
import { formatAddress } from '../../src/core/address.ts'
import { CidrSet, parseCidr } from '../../src/core/cidr-set.ts'
import {
  type ChainsRead,
  DOUBTFUL,
  FOUND,
  findClient,
  HOPS_MAX,
  PEER,
} from '../../src/proxy/forwarded-chain.ts'
import { requestHead } from '../support/head.ts'

const forwarders = new CidrSet()
for (const block of ['10.0.0.0/8', '2001:db8:aaaa::/48']) forwarders.add(parseCidr(block)!, 1)

/** Who asks, by the fields: an address, 'peer' or 'doubtful'. */
function client(...fields: string[]): string {
  return clientBy({ readsXForwarded: true, readsForwarded: true }, ...fields)
}

function clientBy(reads: ChainsRead, ...fields: string[]): string {
  const found = new Int32Array(4)
  const result = findClient(requestHead(fields), reads, forwarders, found)
  if (result === FOUND) return formatAddress(found)
  return result === PEER ? 'peer' : result === DOUBTFUL ? 'doubtful' : String(result)
}

const byFor = (value: string): string => client(`X-Forwarded-For: ${value}`)
const byForwarded = (value: string): string => client(`Forwarded: ${value}`)

test('X-Forwarded-For is walked from the right, past the trusted, to the first that is not', async t => {
  const cases = {
    '192.0.2.1': '192.0.2.1',
    '6.6.6.6, 192.0.2.1': '192.0.2.1',
    '6.6.6.6, 192.0.2.1, 10.1.1.1, 10.2.2.2': '192.0.2.1',
    // Nobody else is there: the client is one of ours.
    '10.1.1.1, 10.2.2.2': '10.1.1.1',
    '6.6.6.6,192.0.2.1 ,\t10.1.1.1': '192.0.2.1',
    ',, 192.0.2.1,,10.1.1.1, ,': '192.0.2.1',
    '2001:DB8::1': '2001:db8::1',
    '192.0.2.1, 2001:db8:aaaa::7': '192.0.2.1',
    '::ffff:192.0.2.1, ::ffff:10.1.1.1': '192.0.2.1',
    '192.0.2.1:4711': '192.0.2.1',
    '[2001:db8::1]:4711': '2001:db8::1',
    '[2001:db8::1]': '2001:db8::1',
  }
  for (const [value, expected] of Object.entries(cases)) t.equal(byFor(value), expected, value)
})

test('a hop without an address ends the walk at the hop before', async t => {
  const unreadable = [
    'unknown',
    '_hidden',
    'a.test',
    '192.0.2',
    '192.0.2.1.',
    '0192.0.2.1',
    '192.0.2.256',
    '192.0.2.1:',
    '192.0.2.1:x',
    '192.0.2.1:123456',
    '[2001:db8::1',
    '[2001:db8::1]x',
    '[192.0.2.1]',
    '[]',
    '[',
    'fe80::1%eth0',
    '2001:db8::1]',
    '"192.0.2.1"',
    'for=192.0.2.1',
    '192.0.2.1 192.0.2.2',
    '1'.repeat(500),
  ]
  for (const hop of unreadable) {
    t.equal(byFor(hop), 'peer', hop)
    t.equal(byFor(`6.6.6.6, ${hop}`), 'peer', `what stands left of ${hop} is no better`)
    t.equal(byFor(`6.6.6.6, ${hop}, 10.1.1.1`), '10.1.1.1', `${hop} behind a trusted one`)
  }
  t.equal(byFor(''), 'peer')
  t.equal(byFor(', ,'), 'peer')
})

test('Forwarded is walked alike, whatever else it says', async t => {
  const cases = {
    'for=192.0.2.1': '192.0.2.1',
    'for=6.6.6.6, for=192.0.2.1;proto=https;by=10.0.0.1': '192.0.2.1',
    'for=6.6.6.6, for=192.0.2.1, for=10.1.1.1': '192.0.2.1',
    'FOR="192.0.2.1:4711"': '192.0.2.1',
    'proto=http;For="[2001:db8:cafe::17]:4711"': '2001:db8:cafe::17',
    'for="[2001:db8::1]"': '2001:db8::1',
    'for="[2001:db8::1]:_hidden"': '2001:db8::1',
    'for=192.0.2.1 , for="[2001:db8:aaaa::1]"\t': '192.0.2.1',
    // A comma and a quote that are no end.
    'for=192.0.2.1;by="a, for=6.6.6.6", for=10.1.1.1': '192.0.2.1',
    'for=192.0.2.1;x="\\", for=6.6.6.6"': '192.0.2.1',
    ',for=192.0.2.1,,': '192.0.2.1',
    'for=192.0.2.1;': '192.0.2.1',
    // Hidden, unknown, or nobody at all.
    'for=_gazonk': 'peer',
    'for=unknown': 'peer',
    'for="_gazonk:80"': 'peer',
    'proto=https': 'peer',
    'for=6.6.6.6, proto=https': 'peer',
    'for=6.6.6.6, for=_hidden, for=10.1.1.1': '10.1.1.1',
    // IPv6 needs brackets, so this names nobody.
    'for="2001:db8::1"': 'peer',
    'for="\\192.0.2.1"': 'peer',
    'for=""': 'peer',
  }
  for (const [value, expected] of Object.entries(cases)) {
    t.equal(byForwarded(value), expected, value)
  }
})

test('of a Forwarded that is malformed nothing counts, wherever it is', async t => {
  const malformed = [
    'for',
    'for=',
    'for=;proto=http',
    '=192.0.2.1',
    'for=[2001:db8::1]',
    'for=2001:db8::1',
    'for=192.0.2.1:80',
    'for="192.0.2.1',
    'for="192.0.2.1\\',
    'for="192.0.2.1"x',
    'for=192.0.2.1 proto=http',
    'for=192.0.2.1;for=192.0.2.1',
    'for = 192.0.2.1',
    'for= 192.0.2.1',
    '192.0.2.1',
    'for=192.0.2.1;"proto"=http',
    '\xe9=1',
  ]
  for (const value of malformed) {
    t.equal(byForwarded(value), 'doubtful', value)
    t.equal(byForwarded(`${value}, for=192.0.2.1`), 'doubtful', `${value}, and on`)
    const fields = [`Forwarded: ${value}`, 'Forwarded: for=192.0.2.1']
    t.equal(client(...fields), 'doubtful', `${value} in a field of its own`)
    t.equal(client(...fields, 'X-Forwarded-For: 192.0.2.1'), 'doubtful', `${value}, and both`)
  }
})

test('several fields are one list', async t => {
  const x = (...values: string[]): string =>
    client(...values.map(value => `X-Forwarded-For: ${value}`))
  t.equal(x('6.6.6.6', '192.0.2.1', '10.1.1.1'), '192.0.2.1')
  t.equal(x('6.6.6.6, 192.0.2.1', '10.1.1.1, 10.2.2.2', ''), '192.0.2.1')
  t.equal(x('6.6.6.6', 'unknown', '10.1.1.1'), '10.1.1.1')
  t.equal(
    client('Forwarded: for=6.6.6.6', 'X-Other: 1', 'Forwarded: for=192.0.2.1, for=10.1.1.1'),
    '192.0.2.1',
  )
})

test('both fields count if they agree, and neither if they do not', async t => {
  const both = (x: string, forwarded: string): string =>
    client(`X-Forwarded-For: ${x}`, `Forwarded: ${forwarded}`)
  t.equal(both('6.6.6.6, 192.0.2.1', 'for=192.0.2.1, for=10.1.1.1'), '192.0.2.1')
  t.equal(both('unknown', 'for=_hidden'), 'peer')
  t.equal(both('192.0.2.1', 'for=192.0.2.2'), 'doubtful')
  t.equal(both('192.0.2.1', 'for=unknown'), 'doubtful')
  t.equal(both('unknown', 'for=192.0.2.1'), 'doubtful')
  t.equal(both('2001:db8::1', 'for="[2001:db8::2]"'), 'doubtful')
})

test('a field that nobody trusted writes does not count', async t => {
  const lie = ['X-Forwarded-For: 192.0.2.1', 'Forwarded: for=192.0.2.2', 'Forwarded: for="']
  const x = { readsXForwarded: true, readsForwarded: false }
  t.equal(clientBy(x, ...lie), '192.0.2.1')
  t.equal(clientBy(x, 'Forwarded: for=6.6.6.6'), 'peer')
  const forwarded = { readsXForwarded: false, readsForwarded: true }
  t.equal(clientBy(forwarded, ...lie.slice(0, 2)), '192.0.2.2')
  t.equal(clientBy(forwarded, ...lie), 'doubtful')
  t.equal(clientBy(forwarded, 'X-Forwarded-For: 6.6.6.6'), 'peer')
})

test('without either the peer is the client', async t => {
  t.equal(client(), 'peer')
  t.equal(client('X-Real-IP: 6.6.6.6', 'X-Forwarded: for=6.6.6.6', 'X_Forwarded_For: 6'), 'peer')
})

test('no more than 100 hops are walked', async t => {
  const trusted = (n: number, as: (address: string) => string): string =>
    Array.from({ length: n }, (_, i) => as(`10.0.0.${i + 1}`)).join(',')
  const x = (address: string): string => address
  const forwarded = (address: string): string => `for=${address}`
  t.equal(byFor(`192.0.2.1,${trusted(HOPS_MAX - 1, x)}`), '192.0.2.1')
  t.equal(byFor(`192.0.2.1,${trusted(HOPS_MAX, x)}`), '10.0.0.1')
  t.equal(byForwarded(`for=192.0.2.1,${trusted(HOPS_MAX - 1, forwarded)}`), '192.0.2.1')
  t.equal(byForwarded(`for=192.0.2.1,${trusted(HOPS_MAX, forwarded)}`), '10.0.0.1')
  t.equal(byForwarded(`for=192.0.2.1,${trusted(HOPS_MAX * 2, forwarded)}`), '10.0.0.101')
  const split = [trusted(HOPS_MAX / 2, x), trusted(HOPS_MAX / 2, x)]
  t.equal(
    client('X-Forwarded-For: 192.0.2.1', ...split.map(v => `X-Forwarded-For: ${v}`)),
    '10.0.0.1',
  )
  // Commas alone are hops as well, so that they cost no more.
  t.equal(byFor(`192.0.2.1${','.repeat(HOPS_MAX + 1)}`), 'peer')
})

const text = fc
  .string({ unit: fc.constantFrom(...Array.from('0123456789.:,;="[]\\_ %abfor\t')), maxLength: 60 })
  .map(value => value.trim())

test('nothing that a client sends says who it is, as long as a trusted proxy appends it', async t => {
  fc.assert(
    fc.property(text, lie => {
      const told = [lie, '192.0.2.1', '10.1.1.1'].join(', ')
      return (
        byFor(told) === '192.0.2.1' &&
        client(`X-Forwarded-For: ${lie}`, 'X-Forwarded-For: 192.0.2.1') === '192.0.2.1'
      )
    }),
  )
  fc.assert(
    fc.property(text, lie => {
      const result = byForwarded([lie, 'for=192.0.2.1', 'for=10.1.1.1'].join(', '))
      return result === '192.0.2.1' || result === 'doubtful'
    }),
  )
  t.pass('for any lie')
})
