import * as fc from 'fast-check'
import { test } from 'tap'
import { parseRequest } from '../../src/kernel/ban-protocol.ts'
import { parseBlock } from '../../src/kernel/block.ts'
import {
  changeElements,
  createSet,
  createTable,
  readCounters,
} from '../../src/kernel/nft-script.ts'

const block = (text: string) => parseBlock(text)!

test('a table drops to its ports only, before connections are tracked, and replaces another', async t => {
  const script = createTable('weir', [443, 8443])
  t.match(script, /^add table inet weir\ndelete table inet weir\nadd table inet weir\n/)
  t.match(script, 'add element inet weir ports { 443, 8443 }')
  t.match(script, 'type filter hook prerouting priority raw; policy accept;')
  t.match(script, 'add rule inet weir arriving tcp dport @ports jump banned')
})

test('a set holds the blocks of one length, asked with the masked address', async t => {
  t.match(createSet('w', block('192.0.2.1')), 'add rule inet w banned ip saddr @v4_32 fib daddr')
  t.match(createSet('w', block('192.0.2.0/24')), 'banned ip saddr & 255.255.255.0 @v4_24 fib')
  t.match(
    createSet('w', block('2001:db8::/64')),
    'banned ip6 saddr & ffff:ffff:ffff:ffff:: @v6_64 fib daddr type local counter name dropped6 drop',
  )
})

test('new ones are added, known ones renewed or removed, each set by itself', async t => {
  const script = changeElements('w', [
    { block: block('192.0.2.1'), seconds: 600, isKnown: false },
    { block: block('192.0.2.2'), seconds: 700, isKnown: true },
    { block: block('192.0.2.3'), seconds: 0, isKnown: true },
    { block: block('192.0.2.0/24'), seconds: 5, isKnown: false },
  ])
  t.strictSame(script.split('\n'), [
    'add element inet w v4_32 { 192.0.2.2 timeout 60s, 192.0.2.3 timeout 60s }',
    'delete element inet w v4_32 { 192.0.2.2, 192.0.2.3 }',
    'add element inet w v4_32 { 192.0.2.1 timeout 600s, 192.0.2.2 timeout 700s }',
    'add element inet w v4_24 { 192.0.2.0 timeout 5s }',
  ])
})

test('whatever is asked, nft reads only addresses, numbers and words of ours', async () => {
  const line =
    /^(?:add|delete) (?:set|rule|element) inet w [-a-z0-9_@ {},;&.:]+$|^(?:add|delete) element inet w v[46]_\d{1,3} \{ [0-9a-f:., timeouts]+ \}$/
  const text = fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(128), fc.nat(40_000_000))
  fc.assert(
    fc.property(fc.array(text), texts => {
      const requests = texts.map(([a, bits, s]) => {
        const canonical = parseBlock(`${a}/${bits}`)?.text ?? 'none'
        return parseRequest(`add ${canonical} ${s}`)
      })
      for (const request of requests) {
        if (request?.type !== 'add') continue
        const scripts = [
          createSet('w', request.block),
          changeElements('w', [{ ...request, isKnown: true }]),
        ]
        for (const each of scripts.join('\n').split('\n')) {
          if (!line.test(each)) throw new Error(each)
        }
      }
    }),
  )
})

test('counters are summed over both families', async t => {
  const counter = (packets: number, bytes: number) => ({ counter: { name: 'x', packets, bytes } })
  const json = { nftables: [{ metainfo: {} }, counter(1, 60), counter(2, 160)] }
  t.strictSame(readCounters(JSON.stringify(json)), { packets: 3, bytes: 220 })
  for (const text of ['', '{}', '{"nftables":[{"counter":{"packets":"x","bytes":1}}]}']) {
    t.equal(readCounters(text), null, text)
  }
})
