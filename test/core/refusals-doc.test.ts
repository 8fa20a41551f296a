import { test } from 'tap'
import { refusals } from '../../src/core/refusals.ts'
import { refusalsPage } from '../../src/core/refusals-doc.ts'

test('the page has a row for every refusal, and none for being admitted', async t => {
  const page = refusalsPage()
  for (const [name, cause] of refusals.slice(1)) {
    t.ok(page.includes(`| \`${name}\` | ${cause} |\n`), name)
  }
  t.notMatch(page, /`admitted`/)
})
