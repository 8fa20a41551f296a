import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { endings } from '../../src/core/endings.ts'
import { refusalsPage } from '../../src/core/refusals-doc.ts'
import { ADMITTED, refusal, refusals } from '../../src/core/refusals.ts'

test('every refusal has one number and one name', async t => {
  t.equal(refusal('admitted'), ADMITTED)
  t.equal(new Set(refusals.map(([name]) => name)).size, refusals.length)
  for (const [i, [name]] of refusals.entries()) t.equal(refusal(name), i)
  t.equal(new Set(endings).size, endings.length)
})

test('docs/refusals.md is what the table makes', async t => {
  t.equal(readFileSync('docs/refusals.md', 'utf8'), refusalsPage(), 'run npm run docs')
})
