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

test('it says of every other reason why it cannot be tried, in one row for all of a kind', async t => {
  const [, shadow] = refusalsPage().split('## Shadow')
  const [rows] = shadow!.split('## Faults')
  for (const [name] of refusals.slice(1)) {
    const isGuard = (guardNames as readonly string[]).includes(name)
    t.equal(rows!.split(`\`${name}\``).length - 1, isGuard ? 0 : 1, name)
  }
  t.match(rows, /\| `draining` \| weir is about to end \|/)
})
