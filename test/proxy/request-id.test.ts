import { test } from 'tap'
import { nextRequestId } from '../../src/proxy/request-id.ts'

test('no two requests have the same name, and all have the same form', async t => {
  const names = new Set(Array.from({ length: 5000 }, nextRequestId))
  t.equal(names.size, 5000)
  for (const name of names) t.match(name, /^[0-9a-f]{24}$/)
})
