import { test } from 'tap'
import { fileSchema } from '../../src/config/schema.ts'
import { readable, type Tree } from '../../src/config/file-rest.ts'

function rest(raw: Tree): unknown {
  const checked = fileSchema.safeParse(raw)
  return checked.success ? 'nothing is wrong with it' : readable(raw, checked.error.issues)
}

test('only what is wrong is left out', async t => {
  const raw = { workrs: 2, workers: 3, admin: null, pools: { a: { backends: 'tcp://a:1', x: 1 } } }
  const before = structuredClone(raw)
  t.strictSame(rest(raw), { workers: 3, pools: { a: { backends: 'tcp://a:1' } } })
  t.strictSame(raw, before, 'the file itself stays as it was')
})

test('what lacks a key goes whole, and so does a list with something wrong in it', async t => {
  t.strictSame(rest({ pools: { a: {}, b: { backends: 'tcp://b:1' } }, workers: 1 }), {
    pools: { b: { backends: 'tcp://b:1' } },
    workers: 1,
  })
  t.strictSame(rest({ listeners: [{ listen: 'tcp://:1' }, {}], workers: 1 }), { workers: 1 })
  t.strictSame(rest({ listeners: [{ listen: 'tcp://:1', x: 1 }] }), {
    listeners: [{ listen: 'tcp://:1' }],
  })
})
