import { test } from 'tap'
import { actionsOf } from '../../src/core/actions.ts'
import { faults } from '../../src/core/faults.ts'
import { guardNames } from '../../src/core/governed.ts'
import { refusals } from '../../src/core/refusals.ts'
import { refusalsPage } from '../../src/core/refusals-doc.ts'

test('the page has a row for every refusal and every fault, and none for being admitted', async t => {
  const page = refusalsPage()
  for (const [name, cause] of [...refusals.slice(1), ...faults]) {
    t.ok(page.includes(`| \`${name}\` | ${cause} |\n`), name)
  }
  t.notMatch(page, /`admitted`/)
})

test('it says of every guard what it can do', async t => {
  const page = refusalsPage()
  for (const guard of guardNames) {
    t.ok(page.includes(`| \`${guard}\` | ${actionsOf(guard).join(', ')} |\n`), guard)
  }
})
