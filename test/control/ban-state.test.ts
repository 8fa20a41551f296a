import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import { type Test, test } from 'tap'
import { parseCidr } from '../../src/core/cidr-set.ts'
import { seconds } from '../../src/core/clock.ts'
import { BanState, putAside, readBanState } from '../../src/control/ban-state.ts'
import { Bans } from '../../src/control/bans.ts'
import { makeShared } from '../support/memory.ts'

const log = pino({ level: 'silent' })

function fileOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bans-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return join(folder, 'bans.json')
}

function bansOf(): Bans {
  const shared = makeShared()
  const times = { banTimeMs: 1000, banTimeMaxMs: 1000, onBlocks() {} }
  return new Bans({
    ...{ ...shared, prefixes: { ipv4Prefix: 32, ipv6Prefix: 64 }, log, ...times },
    isExempt: () => false,
  })
}

test('what is saved is read again, with the time that is left', async t => {
  const file = fileOf(t)
  const bans = bansOf()
  const state = new BanState(file, bans, log)
  bans.listen(state)
  bans.add(parseCidr('10.0.0.0/24')!, 600, 'scans, "all night"')
  state.save()
  t.equal(statSync(file).mode & 0o777, 0o600)
  const kept = readBanState(file)
  t.match(kept, [
    { cidr: '10.0.0.0/24', origin: 'operator', cause: 'scans, "all night"', count: 1 },
  ])
  const left = typeof kept === 'string' ? 0 : kept[0]!.until - seconds()
  t.ok(left >= 598 && left <= 601, `${left} s`)
})

test('an address that was banned very often does not make the file unreadable', async t => {
  const file = fileOf(t)
  const bans = bansOf()
  const state = new BanState(file, bans, log)
  bans.listen(state)
  const address = new Int32Array([0, 0, 0xffff, 0x0a00_0001])
  for (let i = 0; i < 1001; i++) {
    bans.made([{ address, until: seconds() + 1, isDirect: true, refused: 1 }])
  }
  state.save()
  t.match(readBanState(file), [{ cidr: '10.0.0.1', count: 1001 }])
})

test('nothing is written while nothing changes', async t => {
  const file = fileOf(t)
  new BanState(file, bansOf(), log).save()
  t.strictSame(readBanState(file), [], 'there is no file, and so no bans')
})

test('a clock that was set back makes no ban longer', async t => {
  const file = fileOf(t)
  const far = Date.now() + 30 * 86_400_000
  const ban = { cidr: '10.0.0.1', origin: 'guard', cause: 'x', count: 1 }
  const times = { since: new Date(far - 60_000), until: new Date(far) }
  writeFileSync(file, JSON.stringify({ version: 1, bans: [{ ...ban, ...times }] }))
  const kept = readBanState(file)
  t.ok(typeof kept !== 'string' && kept[0]!.until - seconds() <= 60)
})

test('what is no such file is told, with what is wrong', async t => {
  const file = fileOf(t)
  for (const [text, problem] of [
    ['', /JSON/],
    ['{"version":1,"bans":', /JSON/],
    ['[]', /expected object/],
    ['{"version":2,"bans":[]}', /^version: /],
    ['{"version":1,"bans":[{"cidr":"10.0.0.300"}]}', /^bans\.0\./],
    ['{"version":1,"bans":[],"more":1}', /more/],
  ] as const) {
    writeFileSync(file, text)
    t.match(readBanState(file), problem, text)
  }
})

test('a folder that cannot be written to is told once, and nothing ends', async t => {
  const lines: string[] = []
  const told = pino({}, { write: (line: string) => lines.push(line) })
  const bans = bansOf()
  const file = join(dirname(fileOf(t)), 'no', 'bans.json')
  const state = new BanState(file, bans, told)
  bans.listen(state)
  for (const address of ['10.0.0.1', '10.0.0.2']) {
    bans.add(parseCidr(address)!, 60, '')
    state.save()
  }
  t.equal(lines.length, 1)
  t.match(lines[0], /bans could not be saved/)
  mkdirSync(dirname(file))
  state.save()
  t.match(readBanState(file), [{ cidr: '10.0.0.1' }, { cidr: '10.0.0.2' }], 'without a change')
  t.match(lines[1], /bans are saved again/)
})

test('what it writes is for people as well', async t => {
  const file = fileOf(t)
  const bans = bansOf()
  const state = new BanState(file, bans, log)
  bans.listen(state)
  bans.add(parseCidr('10.0.0.1')!, 60, '')
  state.save()
  t.match(readFileSync(file, 'utf8'), /"until": "20\d\d-/)
})

test('a file that is no use is put aside, and not written over', async t => {
  const file = fileOf(t)
  t.equal(putAside(file), '', 'there is none')
  writeFileSync(file, '{"version":')
  t.type(readBanState(file), 'string')
  t.equal(putAside(file), `${file}.bad`)
  t.equal(readFileSync(`${file}.bad`, 'utf8'), '{"version":')
  t.strictSame(readBanState(file), [], 'weir begins anew')
})
