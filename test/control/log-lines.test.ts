import { test } from 'tap'
import { LogLines } from '../../src/control/log-lines.ts'
import { LogRing } from '../../src/shared/log-ring.ts'

function setUp() {
  const ring = new LogRing(new SharedArrayBuffer(LogRing.bytes(1)), 0, 0)
  const written: { text: string; memory: ArrayBufferLike; done: () => void }[] = []
  const lines = new LogLines((bytes, done) => {
    written.push({ text: bytes.toString(), memory: bytes.buffer, done })
  })
  return { ring, written, lines }
}

const batch = (name: string): string => `${name.repeat(999)}\n`.repeat(20)

test('all that waits is written, in order', async t => {
  const { ring, written, lines } = setUp()
  lines.drain(ring)
  t.equal(written.length, 0)
  const all = 'abcdefghij'.split('').map(batch)
  for (const each of all) ring.write(each)
  lines.drain(ring)
  t.equal(written.map(({ text }) => text).join(''), all.join(''))
  for (const { text } of written) t.ok(text.endsWith('\n'), 'whole lines')
})

test('a buffer is used again when it was written, and not before', async t => {
  const { ring, written, lines } = setUp()
  for (const name of ['a', 'b']) {
    ring.write(batch(name))
    lines.drain(ring)
  }
  t.not(written[1]!.memory, written[0]!.memory)
  t.equal(written[0]!.text, batch('a'))
  written[0]!.done()
  ring.write(batch('c'))
  lines.drain(ring)
  t.equal(written[2]!.memory, written[0]!.memory)
})

test('few lines hold no large buffer until they are written', async t => {
  const { ring, written, lines } = setUp()
  for (const text of ['short\n', batch('a'), 'b\n']) {
    ring.write(text)
    lines.drain(ring)
  }
  t.strictSame(
    written.map(({ text }) => text),
    ['short\n', batch('a'), 'b\n'],
  )
  t.not(written[0]!.memory, written[1]!.memory)
  t.not(written[2]!.memory, written[1]!.memory)
})
