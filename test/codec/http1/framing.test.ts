import { test } from 'tap'
import { BAD_FRAMING, readLength } from '../../../src/codec/http1/framing.ts'

test('a length is up to fifteen digits and nothing else', async t => {
  t.equal(readLength('0'), 0)
  t.equal(readLength('007'), 7)
  t.equal(readLength('9'.repeat(15)), 999_999_999_999_999)
  for (const text of [
    '',
    '9'.repeat(16),
    '+1',
    '-1',
    ' 1',
    '1 ',
    '0x1',
    '1e3',
    '1_0',
    '\xb2',
    '1,1',
  ]) {
    t.equal(readLength(text), BAD_FRAMING, text)
  }
})
