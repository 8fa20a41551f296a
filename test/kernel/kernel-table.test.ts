/** The order of things, with an nft that only writes down; the real one is asked in test/flows/kernel-bans. */
import { test } from 'tap'
import { parseBlock } from '../../src/kernel/block.ts'
import { KernelTable } from '../../src/kernel/kernel-table.ts'
import { until } from '../support/until.ts'

const block = (text: string) => parseBlock(text)!

function setup() {
  const scripts: string[] = []
  const failures: string[] = []
  const state = { failing: 0, packets: 0, rooms: 0 }
  const table = new KernelTable({
    name: 'w',
    ports: [443],
    run: async (args, script) => {
      if (state.failing > 0) {
        state.failing--
        throw new Error('no')
      }
      if (args[0] !== '-j') scripts.push(script)
      return JSON.stringify({ nftables: [{ counter: { packets: state.packets, bytes: 0 } }] })
    },
    onFailure: (_, message) => failures.push(message),
    onRoom: () => state.rooms++,
  })
  return { table, scripts, failures, state }
}

test('changes are gathered, and the last word on a block counts', async t => {
  const { table, scripts } = setup()
  await table.create()
  table.add(block('10.0.0.1'), 60)
  table.add(block('10.0.0.2'), 60)
  table.remove(block('10.0.0.1'))
  table.remove(block('10.0.0.3'))
  await until(() => scripts.length === 2, 'one transaction')
  t.notMatch(scripts[1], '10.0.0.1')
  t.notMatch(scripts[1], '10.0.0.3')
  t.match(
    scripts[1],
    /^add set inet w v4_32 .*\nadd rule .*\nadd element inet w v4_32 \{ 10.0.0.2 /,
  )
  t.equal((await table.counters()).elements, 1)
  table.remove(block('10.0.0.2'))
  await until(() => scripts.length === 3, 'another')
  t.match(scripts[2], 'delete element inet w v4_32 { 10.0.0.2 }')
  t.equal((await table.counters()).elements, 0)
})

test('a transaction that fails is made again, with the table and all that stood in it', async t => {
  const { table, scripts, failures, state } = setup()
  await table.create()
  table.add(block('10.0.0.1'), 60)
  await until(() => scripts.length === 2, 'the first is there')
  state.packets = 5
  t.equal((await table.counters()).packets, 5)
  state.failing = 2
  state.packets = 0
  table.add(block('10.0.0.2'), 60)
  await until(() => scripts.length === 4, 'all is there again')
  t.strictSame(failures, ['no', 'no'], 'each was told')
  t.match(scripts[2], 'delete table inet w')
  t.match(scripts[3], 'add set inet w v4_32')
  t.match(scripts[3], '10.0.0.1 timeout')
  t.match(scripts[3], '10.0.0.2 timeout')
  t.equal((await table.counters()).packets, 5, 'counted before is not forgotten')
})

test('a table that is gone is made anew once its counters are asked for', async t => {
  const { table, scripts, state } = setup()
  await table.create()
  table.add(block('10.0.0.1'), 60)
  await until(() => scripts.length === 2, 'it is there')
  state.failing = 1
  await t.rejects(table.counters(), { message: 'no' })
  await until(() => scripts.length === 4, 'it is there again')
  t.match(scripts[3], '10.0.0.1 timeout')
})

test('it says when it has enough, and when there is room', async t => {
  const { table, scripts, state } = setup()
  await table.create()
  for (let i = 0; i < 10_000; i++) table.add(block(`10.0.${i >> 8}.${i & 255}`), 60)
  t.ok(table.isFull)
  await until(() => state.rooms > 0, 'there is room')
  t.notOk(table.isFull)
  await until(() => scripts.length === 6, 'a few thousand at a time')
})

test('destroyed, it does nothing more', async t => {
  const { table, scripts } = setup()
  await table.create()
  table.add(block('10.0.0.1'), 60)
  await table.destroy()
  t.strictSame(scripts.slice(1), ['add table inet w\ndelete table inet w'])
  table.add(block('10.0.0.2'), 60)
  t.equal(scripts.length, 2)
})
