import { test } from 'tap'
import { latin1 } from '../../src/core/latin1.ts'

test('each byte is one letter, whichever it is', async t => {
  const bytes = Buffer.from(Array.from({ length: 0x100 }, (_, i) => i))
  t.equal(latin1(bytes, 0, bytes.length), String.fromCharCode(...bytes))
  t.equal(latin1(bytes, 0x41, 0x44), 'ABC')
  t.equal(latin1(bytes.subarray(0x41), 0, 2), 'AB')
  t.equal(latin1(bytes, 3, 3), '')
})
