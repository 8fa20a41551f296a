import { test } from 'tap'
import { pino } from 'pino'
import { type Cidr, parseCidr } from '../../src/core/cidr-set.ts'
import { seconds } from '../../src/core/clock.ts'
import { refusal } from '../../src/core/refusals.ts'
import { type Ban, type BanListener, Bans, formatCidr } from '../../src/control/bans.ts'
import type { BannedBlock } from '../../src/core/ban.ts'
import { ExemptAddresses } from '../../src/guard/exempt-addresses.ts'
import { addressOf, makeShared } from '../support/memory.ts'
import { until } from '../support/until.ts'

const RATE = refusal('connection-rate')
const PREFIXES = { ipv4Prefix: 32, ipv6Prefix: 64 }

function block(text: string): Cidr {
  return parseCidr(text)!
}

function setup(exempt: readonly string[] = []) {
  const { addresses, goodRecords } = makeShared()
  const told: (readonly BannedBlock[])[] = []
  const exemptions = new ExemptAddresses(exempt, PREFIXES)
  const bans = new Bans({
    addresses,
    goodRecords,
    prefixes: PREFIXES,
    isExempt: address => exemptions.has(address),
    banTimeMs: 10_000,
    banTimeMaxMs: 40_000,
    log: pino({ level: 'silent' }),
    onBlocks: blocks => told.push(blocks),
  })
  const notice = (address: string, until = seconds() + 10) =>
    bans.made([{ address: addressOf(address), until, isDirect: true, refused: RATE }])
  const bannedUntil = (address: string): number => {
    const slot = addresses.pinKnown(addressOf(address))
    return slot === -1 ? 0 : addresses.bannedUntil(slot)
  }
  return { bans, told, notice, bannedUntil, addresses, goodRecords }
}

function near(actual: number, wanted: number): boolean {
  return actual === wanted || actual === wanted + 1 || actual === wanted - 1
}

test('bans of guards are listed, each in a row twice as long, up to the longest', async t => {
  const { bans, notice, bannedUntil } = setup()
  for (const [count, length] of [
    [1, 10],
    [2, 20],
    [3, 40],
    [4, 40],
  ] as const) {
    notice('10.0.0.1')
    const [ban] = bans.list()
    t.match(ban, { cidr: '10.0.0.1', origin: 'guard', cause: 'connection-rate', count })
    t.ok(near(ban!.until - seconds(), length), `${ban!.until - seconds()} s`)
    // The first one holds already: the worker made it.
    if (count > 1) t.ok(near(bannedUntil('10.0.0.1') - seconds(), length))
  }
  t.equal(bans.size, 1)
})

test('one that was long ago counts no more', async t => {
  const { bans, notice } = setup()
  const past = { origin: 'guard', cause: 'connection-rate', count: 3, isDirect: true } as const
  bans.restore([
    { ...past, cidr: '10.0.0.1', since: -200, until: -100 },
    { ...past, cidr: '10.0.0.2', since: -200, until: -10 },
  ])
  t.equal(bans.size, 0)
  notice('10.0.0.1')
  notice('10.0.0.2')
  t.strictSame(
    bans.list().map(({ cidr, count }) => [cidr, count]),
    [
      ['10.0.0.2', 4],
      ['10.0.0.1', 1],
    ],
  )
})

test('one that has become so old is forgotten, and a younger one is not', async t => {
  const { bans } = setup()
  const past = { origin: 'guard', cause: 'connection-rate', count: 3, isDirect: true } as const
  const now = seconds()
  bans.restore([
    { ...past, cidr: '10.0.0.1', since: now - 100, until: now - 38 },
    { ...past, cidr: '10.0.0.2', since: now - 100, until: now - 1 },
  ])
  const kept = (): string[] => bans.all().map(({ cidr }) => cidr)
  t.strictSame(kept(), ['10.0.0.1', '10.0.0.2'])
  bans.start()
  t.teardown(() => bans.stop())
  await until(() => kept().length === 1, 'the older one is forgotten')
  t.strictSame(kept(), ['10.0.0.2'])
})

test('those of an operator go to the workers, and for a single client into the table', async t => {
  const { bans, told, bannedUntil } = setup()
  t.equal(bans.add(block('10.0.0.9/24'), 60, 'scans').cidr, '10.0.0.0/24')
  t.equal(bans.add(block('10.1.0.9'), 60, '').cidr, '10.1.0.9')
  t.equal(told.length, 2)
  t.strictSame(
    told[1]!.map(({ cidr }) => cidr),
    ['10.0.0.0/24', '10.1.0.9'],
  )
  t.equal(bannedUntil('10.0.0.9'), 0)
  t.ok(near(bannedUntil('10.1.0.9') - seconds(), 60))
  t.equal(bans.list()[0]?.cause, 'scans')
})

test('a guard does not shorten the ban of an operator', async t => {
  const { bans, notice } = setup()
  bans.add(block('10.0.0.1'), 600, 'by hand')
  notice('10.0.0.1')
  t.match(bans.list(), [{ origin: 'operator', cause: 'by hand' }])
})

test('lifting a block lifts all in it, and those that hold unlisted', async t => {
  const { bans, told, notice, bannedUntil, addresses } = setup()
  for (const address of ['10.0.0.1', '10.0.0.2', '10.0.1.1']) notice(address)
  bans.add(block('10.0.0.128/25'), 60, '')
  const lifted = bans.remove(block('10.0.0.0/24')).map(({ cidr }) => cidr)
  t.strictSame(lifted.toSorted(), ['10.0.0.1', '10.0.0.128/25', '10.0.0.2'])
  t.strictSame(told.at(-1), [])
  t.strictSame(
    bans.list().map(({ cidr }) => cidr),
    ['10.0.1.1'],
  )
  const slot = addresses.acquire(addressOf('10.2.0.1'), 0)
  addresses.ban(slot, seconds() + 60)
  t.strictSame(bans.remove(block('10.2.0.1')), [])
  t.equal(bannedUntil('10.2.0.1'), 0)
})

test('whoever listens hears of all there are, of new ones, and of those lifted', async t => {
  const { bans, notice } = setup()
  notice('10.0.0.1')
  const heard: string[] = []
  const listener: BanListener = {
    added: ({ cidr }: Ban) => heard.push(`+${cidr}`),
    removed: cidr => heard.push(`-${cidr}`),
  }
  bans.listen(listener)
  notice('10.0.0.2')
  bans.remove(block('10.0.0.1'))
  t.strictSame(heard, ['+10.0.0.1', '+10.0.0.2', '-10.0.0.1'])
})

test("workers hear of the end of an operator's ban, and not of a guard's", async t => {
  const { bans, told, notice } = setup()
  const over: string[] = []
  bans.listen({ added: () => {}, removed: cidr => over.push(cidr) })
  notice('10.1.0.1', seconds() + 1)
  bans.add(block('10.0.0.0/24'), 3600, '')
  bans.start()
  t.teardown(() => bans.stop())
  await until(() => over.length === 1, 'that of the guard is over')
  t.strictSame(over, ['10.1.0.1'])
  t.equal(told.length, 1, 'they never had it')

  bans.add(block('10.2.0.0/24'), 1, '')
  await until(() => over.length === 2, 'that of the operator is over')
  t.strictSame(over, ['10.1.0.1', '10.2.0.0/24'])
  t.strictSame(
    told.map(blocks => blocks.map(({ cidr }) => cidr)),
    [['10.0.0.0/24'], ['10.0.0.0/24', '10.2.0.0/24'], ['10.0.0.0/24']],
  )
})

test('bans that are kept hold as before', async t => {
  const { bans, bannedUntil } = setup()
  bans.restore([
    {
      cidr: '10.0.0.1',
      origin: 'guard',
      cause: 'x',
      count: 2,
      since: -5,
      until: seconds() + 30,
      isDirect: true,
    },
    {
      cidr: '10.3.0.0/16',
      origin: 'operator',
      cause: '',
      count: 1,
      since: 0,
      until: seconds() + 9,
      isDirect: true,
    },
  ])
  t.ok(near(bannedUntil('10.0.0.1') - seconds(), 30))
  t.strictSame(
    bans.blocks().map(({ cidr }) => cidr),
    ['10.3.0.0/16'],
  )
})

test('a block has one spelling', async t => {
  for (const [text, spelling] of [
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1/32', '10.0.0.1'],
    ['10.0.0.1/8', '10.0.0.0/8'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:db8::1/64', '2001:db8::/64'],
  ] as const) {
    t.equal(formatCidr(block(text)), spelling)
  }
})

test('who is banned by hand loses a good record', async t => {
  const { bans, goodRecords } = setup()
  goodRecords.mark(addressOf('10.0.0.1'), 0)
  goodRecords.mark(addressOf('10.0.0.2'), 0)
  bans.add(block('10.0.0.1'), 10, 'by hand')
  t.notOk(goodRecords.has(addressOf('10.0.0.1'), 0))
  t.ok(goodRecords.has(addressOf('10.0.0.2'), 0))
})

test('however many bans guards make, those of an operator stay', async t => {
  const { bans, notice, told } = setup()
  bans.add(block('10.0.0.0/24'), 3600, 'scans')
  const words = addressOf('11.0.0.0')
  const until = seconds() + 10
  for (let i = 0; i < 100_001; i++) {
    words[3] = words[3]! + 1
    bans.made([{ address: words, until, isDirect: true, refused: RATE }])
  }
  t.equal(bans.dropped, 1)
  notice('10.9.0.1')
  t.match(bans.list()[0], { cidr: '10.0.0.0/24', cause: 'scans' })
  bans.add(block('10.1.0.0/24'), 60, '')
  t.strictSame(
    told.at(-1)!.map(({ cidr }) => cidr),
    ['10.0.0.0/24', '10.1.0.0/24'],
    'workers still know it',
  )
})

test('a ban of one address of a network that is one client is no ban of that client', async t => {
  const { bans, bannedUntil } = setup()
  bans.add(block('2001:db8:0:1::'), 60, '')
  t.equal(bannedUntil('2001:db8:0:1::'), 0)
  bans.add(block('2001:db8:0:1::/64'), 60, '')
  t.ok(bannedUntil('2001:db8:0:1::') > 0)
  bans.remove(block('2001:db8:0:1::'))
  t.ok(bannedUntil('2001:db8:0:1::') > 0, 'and lifting it does not let the client in')
})

test('who is exempt is never held, though a ban of before was kept or an operator says so', async t => {
  const { bans, bannedUntil, goodRecords } = setup(['10.0.0.0/24', '2001:db8::1'])
  goodRecords.mark(addressOf('10.0.0.1'), 0)
  const kept = (cidr: string, origin: Ban['origin']): Ban => ({
    ...{ cidr, origin, cause: 'x', count: 1, since: seconds() - 1, isDirect: true },
    until: seconds() + 60,
  })
  bans.restore([
    kept('10.0.0.1', 'guard'),
    kept('2001:db8::/64', 'guard'),
    kept('10.0.0.2', 'operator'),
    kept('10.0.1.1', 'guard'),
  ])
  bans.add(block('10.0.0.3'), 60, 'x')
  const held = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:db8::', '10.0.1.1'].map(
    address => bannedUntil(address) > 0,
  )
  t.strictSame(held, [false, false, false, false, true])
  t.ok(goodRecords.has(addressOf('10.0.0.1'), 0))
  const listed = bans.list().map(({ cidr }) => cidr)
  t.strictSame(listed.toSorted(), ['10.0.0.2', '10.0.0.3', '10.0.1.1'])
})

test('one that is lifted is told of, though it is on the list no more', async t => {
  const { bans } = setup()
  const removed: string[] = []
  bans.listen({ added() {}, removed: cidr => void removed.push(cidr) })
  bans.remove(block('10.0.0.9'))
  bans.add(block('10.0.0.1'), 60, 'x')
  bans.remove(block('10.0.0.1'))
  t.strictSame(removed, ['10.0.0.9', '10.0.0.1'], 'once')
})
