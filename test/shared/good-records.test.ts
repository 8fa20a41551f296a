import { test } from 'tap'
import { GoodRecords, RECORD_MINUTES } from '../../src/shared/good-records.ts'
import { HASH_KEY, numbered } from '../support/memory.ts'

function table(entries: number) {
  const memory = new SharedArrayBuffer(GoodRecords.bytes(entries))
  const view = (): GoodRecords => new GoodRecords(memory, 0, entries, HASH_KEY)
  return { records: view(), other: view() }
}

test('a good deed counts for an hour, in every view of the memory', async t => {
  const { records, other } = table(1024)
  t.notOk(records.has(numbered(1), 5))
  records.mark(numbered(1), 5)
  t.ok(other.has(numbered(1), 5))
  t.ok(other.has(numbered(1), 5 + RECORD_MINUTES - 1))
  t.notOk(other.has(numbered(1), 5 + RECORD_MINUTES))
  t.notOk(other.has(numbered(2), 5), 'of that address only')
})

test('a further deed makes it last longer, and takes no second entry', async t => {
  const { records } = table(8)
  for (let minute = 0; minute < 300; minute++) records.mark(numbered(1), minute)
  t.equal(records.count(299), 1)
  t.ok(records.has(numbered(1), 299 + RECORD_MINUTES - 1))
})

test('it is lost at once when it is to be forgotten, and that of no other', async t => {
  const { records, other } = table(8)
  records.mark(numbered(1), 0)
  records.mark(numbered(2), 0)
  other.forget(numbered(1))
  other.forget(numbered(3))
  t.notOk(records.has(numbered(1), 0))
  t.ok(records.has(numbered(2), 0))
})

test('a full set forgets whom it has not heard of for longest', async t => {
  const { records } = table(8)
  for (let n = 0; n < 8; n++) records.mark(numbered(n), n)
  records.mark(numbered(0), 8)
  records.mark(numbered(100), 9)
  t.ok(records.has(numbered(0), 9))
  t.notOk(records.has(numbered(1), 9))
  for (let n = 2; n < 8; n++) t.ok(records.has(numbered(n), 9), String(n))
})

test('there is room for about half of what it was made for before any is forgotten', async t => {
  const { records } = table(8192)
  for (let n = 0; n < 4096; n++) records.mark(numbered(n), 0)
  t.ok(records.count(0) > 3950, `${records.count(0)} of 4096`)
})

test('few strangers are taken for somebody who did well', async t => {
  const { records } = table(8192)
  for (let n = 0; n < 8192; n++) records.mark(numbered(n), 0)
  let wrong = 0
  for (let n = 0; n < 100_000; n++) if (records.has(numbered(1_000_000 + n), 0)) wrong++
  t.ok(wrong < 10, `${wrong} of 100000`)
})

test('what is over does not become young again when minutes wrap', async t => {
  const { records } = table(1024)
  records.mark(numbered(1), 0)
  const wrapped = 2 ** 12 + 1
  t.ok(records.has(numbered(1), wrapped), 'it would')
  // A step of the wheel each: far fewer than in an hour.
  for (let step = 0; step < 100; step++) records.sweep(RECORD_MINUTES)
  t.notOk(records.has(numbered(1), wrapped))
  records.mark(numbered(2), RECORD_MINUTES)
  for (let step = 0; step < 100; step++) records.sweep(RECORD_MINUTES)
  t.ok(records.has(numbered(2), RECORD_MINUTES), 'what counts still stays')
})
