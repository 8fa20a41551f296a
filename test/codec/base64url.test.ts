import { randomBytes } from 'node:crypto'
import { test } from 'tap'
import { decodeBase64url } from '../../src/codec/base64url.ts'

test('bytes of any length come back', async t => {
  for (let length = 0; length < 70; length++) {
    const bytes = randomBytes(length)
    t.strictSame(decodeBase64url(bytes.toString('base64url')), bytes, `${length} bytes`)
  }
})

test('what is no canonical base64url is refused', async t => {
  for (const [text, why] of [
    ['QUJD=', 'padding'],
    ['QUI=', 'padding that would be right in base64'],
    ['QUJ', 'spare bits that are not zero'],
    ['QV', 'spare bits of a single byte'],
    ['QUJDR', 'a length no bytes have'],
    ['Q', 'one character'],
    ['-_+/', 'the other alphabet'],
    ['QU JD', 'a blank'],
    ['QUJD\n', 'a line end'],
    ['QUJD.', 'a dot'],
    ['QUJDé', 'not ASCII'],
    ['QU\0J', 'NUL'],
  ] as const) {
    t.equal(decodeBase64url(text), null, why)
  }
})
