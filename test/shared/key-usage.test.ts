import { test } from 'tap'
import { KeyUsage } from '../../src/shared/key-usage.ts'

test('what one view notes another one of the same memory sees', async t => {
  const main = KeyUsage.forKeys(3)
  const worker = new KeyUsage(main.memory)
  t.equal(main.last(1), 0)
  worker.note(1, 1_800_000_000)
  worker.note(2, 4_000_000_000)
  t.strictSame([main.last(0), main.last(1), main.last(2)], [0, 1_800_000_000, 4_000_000_000])
  worker.note(1, 1_800_000_001)
  t.equal(main.last(1), 1_800_000_001)
})

test('a place beyond the set was never used', async t => {
  t.equal(KeyUsage.forKeys(0).last(7), 0)
})
