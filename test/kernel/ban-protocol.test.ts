import * as fc from 'fast-check'
import { test } from 'tap'
import {
  formatReply,
  formatRequest,
  isTableName,
  parseReply,
  parseRequest,
  type Reply,
  REPLY_MAX,
  REQUEST_MAX,
} from '../../src/kernel/ban-protocol.ts'
import { parseBlock } from '../../src/kernel/block.ts'

const line = (text: string): string => text.slice(0, -1)

test('each request reads back as it was', async t => {
  const block = parseBlock('2001:db8::/64')!
  const ports = Array.from({ length: 64 }, () => 65_535)
  for (const request of [
    { type: 'hello', ports },
    { type: 'add', block, seconds: 31_536_000 },
    { type: 'add', block: parseBlock('192.0.2.1')!, seconds: 1 },
    { type: 'remove', block },
    { type: 'counters' },
  ] as const) {
    const text = formatRequest(request)
    t.ok(text.length <= REQUEST_MAX + 1, text)
    t.strictSame(parseRequest(line(text)), request)
  }
})

test('what is not exactly a request is none', async t => {
  for (const text of [
    ...['', 'hello', 'hello 1', 'hello 1 ', 'hello 2 80', 'hello 1 0', 'hello 1 65536'],
    ...['hello 1 80,', 'hello 1 80, 81', `hello 1 ${'1,'.repeat(64)}1`, 'Hello 1 80'],
    ...['add', 'add 192.0.2.1 5', 'add 192.0.2.1/32', 'add 192.0.2.1/32 0', 'add 192.0.2.1/32 01'],
    ...['add 192.0.2.1/24 5', 'add 192.0.2.0/24 5 ', 'add 192.0.2.0/24 -5', 'add 0.0.0.0/0 5'],
    ...['add 192.0.2.0/24 31536001', 'add 192.0.2.0/24 5s', 'add  192.0.2.0/24 5'],
    ...['add 2001:DB8::/64 5', 'add 2001:db8:0::/64 5', 'add fe80::1%lo/128 5'],
    ...['add 192.0.2.1/32 5; flush ruleset', 'add 192.0.2.1/32 5\r', 'add { 192.0.2.1/32 } 5'],
    ...['remove', 'remove 192.0.2.1', 'remove 192.0.2.1/32 5', 'counters ', 'COUNTERS'],
  ]) {
    t.equal(parseRequest(text), null, JSON.stringify(text))
  }
})

test('garbage is no request, and what is one is written as it was', async () => {
  const words = fc.constantFrom(
    ...['add', 'remove', 'hello', 'counters', ' ', '1', '/32', '192.0.2.1', '::', 'ff', ';', '}'],
    ...['\n', '\0', '600', '443', ',', 'flush ruleset', '$(id)', '%lo', '🙂'],
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(words).map(each => each.join('')),
    fc.array(words).map(each => each.join(' ')),
  )
  fc.assert(
    fc.property(texts, text => {
      const request = parseRequest(text)
      if (request !== null && formatRequest(request) !== `${text}\n`) throw new Error(text)
    }),
    { numRuns: 20_000 },
  )
})

test('each reply reads back as it was; a text is one line of ASCII, and not long', async t => {
  for (const reply of [
    { type: 'ready', table: 'weir_2' },
    { type: 'error', text: 'nft is not installed; apt install nftables' },
    { type: 'failed', total: 3, text: '' },
    { type: 'counters', packets: 1, bytes: 2, elements: 3 },
  ] satisfies Reply[]) {
    t.strictSame(parseReply(line(formatReply(reply))), reply)
  }
  const long = formatReply({ type: 'failed', total: 1, text: `a\nb\t‘ü’${'x'.repeat(1000)}` })
  t.ok(long.length <= REPLY_MAX)
  t.match(long, /^failed 1 a b [\x20-\x7e]*\n$/)
  for (const text of ['', 'ready', 'ready a b', 'counters 1 2', 'failed x', 'counters 1 2 -3']) {
    t.equal(parseReply(text), null, text)
  }
})

test('a table has a name that nft reads as one', async t => {
  for (const name of ['weir', 'W', 'weir_2', 'a'.repeat(32)]) t.ok(isTableName(name), name)
  for (const name of ['', '2', 'a-b', 'a b', 'a;', 'ä', 'a'.repeat(33), 'a\n']) {
    t.notOk(isTableName(name), name)
  }
})
