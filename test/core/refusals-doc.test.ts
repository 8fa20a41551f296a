import { test } from 'tap'
import { faults } from '../../src/core/faults.ts'
import { refusals } from '../../src/core/refusals.ts'
import { refusalsPage } from '../../src/core/refusals-doc.ts'

test('the page has a row for every refusal and every fault, and none for being admitted', async t => {
  const page = refusalsPage()
  for (const [name, cause] of [...refusals.slice(1), ...faults]) {
    t.ok(page.includes(`| \`${name}\` | ${cause} |\n`), name)
  }
  t.notMatch(page, /`admitted`/)
})
