import { test } from 'tap'
import { flags } from '../../src/config/flags.ts'
import {
  governed,
  guardNames,
  shadowedGuards,
  untried,
  whyNotTried,
} from '../../src/core/governed.ts'
import { refusals } from '../../src/core/refusals.ts'

test('each guard is a refusal, and each flag that governs it is one', async t => {
  const names: readonly string[] = refusals.map(([name]) => name)
  for (const [name, by] of Object.entries(governed)) {
    t.ok(names.includes(name), name)
    for (const flag of by) t.ok(Object.hasOwn(flags, flag), `--${flag}`)
  }
})

test('a refusal whose cause names the flag of a limit is one that can be tried', async t => {
  const deciding = /faster than --|holds --|has --|more often than --|covers the address/
  for (const [name, cause] of refusals) {
    if (deciding.test(cause)) t.ok((guardNames as readonly string[]).includes(name), name)
  }
})

test('all stands for each of them', async t => {
  t.strictSame(shadowedGuards(['all']), guardNames)
  t.strictSame(shadowedGuards(['request-rate']), ['request-rate'])
  t.strictSame(shadowedGuards([]), [])
})

test('each refusal is that of a guard, or it is said why it cannot be tried', async t => {
  const [, ...names] = refusals.map(([name]) => name)
  const guards: readonly string[] = guardNames
  for (const name of names) {
    t.equal(
      whyNotTried(name) === null,
      guards.includes(name),
      `${name} is in one of both, and not in both`,
    )
  }
  t.strictSame(
    Object.keys(untried).filter(name => guards.includes(name)),
    [],
  )
  t.equal(whyNotTried('admitted'), null)
})
