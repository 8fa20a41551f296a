import { test } from 'tap'
import type { Problem } from '../../src/config/flag.ts'
import { environmentSource, readSettings, unknownVariables } from '../../src/config/settings.ts'

function flags(values: Record<string, unknown>) {
  return { values, where: (name: string) => `--${name}` }
}

test('the first source that says something wins, the default stands in for none', async t => {
  const problems: Problem[] = []
  const env = environmentSource({ WEIR_WORKERS: '3', WEIR_BALANCE: 'source-hash' })
  const settings = readSettings([flags({ workers: '2' }), env], problems)
  t.equal(settings.workers, 2)
  t.equal(settings.balance, 'source-hash')
  t.equal(settings['connect-timeout'], 5000)
  t.equal(settings.listen, undefined)
  t.strictSame(problems, [])
})

test('an empty variable says nothing', async t => {
  t.strictSame(environmentSource({ WEIR_WORKERS: '' }).values, {})
})

test('what cannot be read is told by its place, and the default stands in', async t => {
  const problems: Problem[] = []
  const env = environmentSource({ WEIR_PROBE_RISE: '0' })
  const settings = readSettings([flags({ 'idle-timeout': 'x' }), env], problems)
  t.match(problems.map(({ where }) => where).toSorted(), ['--idle-timeout', 'WEIR_PROBE_RISE'])
  t.ok(settings['idle-timeout']! > 0)
})

test('a section is read over a base, its own scope alone', async t => {
  const problems: Problem[] = []
  const base = readSettings([flags({ balance: 'round-robin', workers: '2' })], problems)
  const own = readSettings(
    [flags({ balance: 'source-hash', workers: '9' })],
    problems,
    ['pool'],
    base,
  )
  t.equal(own.balance, 'source-hash')
  t.equal(own.workers, 2)
})

test('variables that look like settings and are none are told', async t => {
  const env = { WEIR_WORKER: '1', WEIR_WORKERS: '1', WEIR_OPTIONS: '-x', PATH: '/bin' }
  t.match(unknownVariables(env), [
    { where: 'WEIR_WORKER', message: 'unknown setting; did you mean WEIR_WORKERS?' },
  ])
})
