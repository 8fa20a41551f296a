import * as fc from 'fast-check'
import { test } from 'tap'
import { describeLabels, readPem, writePem } from '../../src/certificate/pem.ts'

const readsBack = () =>
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 })), parts => {
      const text = parts.map(der => `a comment\n${writePem('CERTIFICATE', der)}`).join('\r\n')
      const blocks = readPem(text)
      const bodies = blocks.map(block => block.text.split('\n').slice(1, -1).join(''))
      return (
        blocks.every(({ label, isWhole }) => label === 'CERTIFICATE' && isWhole) &&
        JSON.stringify(bodies) ===
          JSON.stringify(parts.map(der => Buffer.from(der).toString('base64')))
      )
    }),
  )

test('what was written is read back, whatever stands between the blocks', async t => {
  t.doesNotThrow(readsBack)
})

test('lines are 64 characters long, as RFC 7468 asks', async t => {
  const lines = writePem('X', new Uint8Array(100)).split('\n')
  t.same(
    lines.map(line => line.length),
    [17, 64, 64, 8, 15, 0],
  )
})

test('a block that does not end is not whole, and does not swallow the next', async t => {
  const good = writePem('CERTIFICATE', Uint8Array.of(1, 2, 3))
  const cut = good.slice(0, good.indexOf('-----END'))
  t.same(
    readPem(cut + good).map(({ isWhole }) => isWhole),
    [false, true],
  )
  t.same(
    readPem(good + cut).map(({ isWhole }) => isWhole),
    [true, false],
  )
  const mixed = good.replace('END CERTIFICATE', 'END PRIVATE KEY')
  t.equal(readPem(mixed)[0]?.isWhole, false, 'ended by another label')
})

test('a file is described by its labels, never by what they hold', async t => {
  t.equal(describeLabels(readPem('nothing')), 'no PEM block at all')
  const key = writePem('PRIVATE KEY', Uint8Array.of(1))
  t.equal(describeLabels(readPem(key + key + writePem('X', Uint8Array.of(1)))), 'PRIVATE KEY, X')
})
