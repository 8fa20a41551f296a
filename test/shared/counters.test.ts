import { test } from 'tap'
import {
  type CounterName,
  counterRows,
  histogramWords,
  labelValues,
  observe,
} from '../../src/shared/counters.ts'
import { makeShared } from '../support/memory.ts'

test('each worker writes its own slice and main sums them', async t => {
  const { counters } = makeShared()
  const { at } = counters
  counters.slice(0)[at.accepted + 1]! += 2
  counters.slice(1)[at.accepted + 1]! += 3
  t.equal(counters.sum('accepted', 1), 5)
  t.equal(counters.sum('accepted', 0), 0)
})

test('of what goes down as well main can ask for the largest', async t => {
  const { counters } = makeShared()
  counters.slice(0)[counters.at.heldBytesMax] = 5
  counters.slice(1)[counters.at.heldBytesMax] = 3
  t.equal(counters.max('heldBytesMax', 0), 5)
})

test('no two rows share a word', async t => {
  const { counters } = makeShared({ backends: 3, listeners: 2 })
  const slice = counters.slice(0)
  const names = Object.keys(counterRows) as CounterName[]
  for (const name of names) {
    for (let i = 0; i < counters.size(name); i++) slice[counters.at[name] + i]!++
  }
  t.ok(slice.length >= names.reduce((sum, name) => sum + counters.size(name), 0))
  for (const name of names) {
    for (let i = 0; i < counters.size(name); i++) {
      if (slice[counters.at[name] + i] !== 1) t.fail(`${name}[${i}] is counted elsewhere too`)
    }
  }
  t.ok(
    counters.slice(1).every(word => word === 0),
    "and none is another worker's",
  )
})

test('a row has a word per combination of its labels', async t => {
  const { counters } = makeShared({ backends: 3, listeners: 2 })
  t.equal(counters.size('accepted'), 2)
  t.equal(counters.size('refused'), 2 * labelValues.reason.length)
  t.equal(counters.size('handshakes'), 2 * labelValues.group.length * 2)
  t.equal(counters.size('dialSeconds'), 3 * histogramWords(counterRows.dialSeconds))
  t.equal(counters.size('queued'), 1)
  const many = makeShared({ routes: 5 }).counters
  t.equal(many.size('requests'), 5 * labelValues.method.length * labelValues.status.length)
  t.equal(makeShared({ routes: 0 }).counters.size('requests'), 0, 'none where nothing speaks HTTP')
})

test('an observation falls into the first bucket that holds it, bounds included', async t => {
  const words = new Float64Array(5)
  for (const seconds of [0.1, 1, 1.5, 100]) observe(words, 0, [0.1, 1, 10], seconds)
  t.strictSame([...words], [1, 1, 1, 1, 102.6])
})

test('metric names are unique and follow the conventions of Prometheus', async t => {
  const rows = Object.values(counterRows)
  t.equal(new Set(rows.map(({ metric }) => metric)).size, rows.length)
  for (const row of rows) {
    const gauge = /^weir_(?:[a-z_]+_bytes(?:_max)?|tarpitted|delayed)$/
    const counted = 'buckets' in row ? /^weir_[a-z_]+_seconds$/ : /^weir_[a-z_]+_total$/
    t.match(row.metric, 'gauge' in row ? gauge : counted)
    t.notMatch(row.help, /\.$/)
  }
})
