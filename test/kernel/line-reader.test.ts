import * as fc from 'fast-check'
import { test } from 'tap'
import { LineReader } from '../../src/kernel/line-reader.ts'

test('lines are the same however the bytes come', async t => {
  const text = 'one\n\ntwo\nthree'
  for (let cut = 0; cut <= text.length; cut++) {
    const lines: string[] = []
    const reader = new LineReader(5, line => lines.push(line))
    t.ok(reader.take(Buffer.from(text.slice(0, cut))))
    t.ok(reader.take(Buffer.from(text.slice(cut))))
    t.strictSame(lines, ['one', '', 'two'], `cut at ${cut}`)
  }
})

test('a line that is too long is refused before its end', async t => {
  const reader = new LineReader(5, () => {})
  t.ok(reader.take(Buffer.from('12345')))
  t.notOk(reader.take(Buffer.from('6')))
})

test('it never hands on more than a line may have', async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 40 }))
  fc.assert(
    fc.property(chunks, each => {
      const reader = new LineReader(16, line => {
        if (line.length > 16 || line.includes('\n')) throw new Error(JSON.stringify(line))
      })
      for (const chunk of each) if (!reader.take(Buffer.from(chunk))) return
    }),
  )
})
