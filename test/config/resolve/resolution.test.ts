import { test } from 'tap'
import { readSettings } from '../../../src/config/settings.ts'
import { sectionSettings } from '../../../src/config/resolve/resolution.ts'

const where = (key: string): string => `file ${key}`
const base = readSettings([{ values: { 'body-max': '5', hsts: '2h' }, where }], [])

test('a section wins over the top, and what was given wins over the section', async t => {
  const section = { 'body-max': 7, 'body-timeout': '1s' }
  const resolve = (given: string[]) => {
    const resolution = { settings: base, file: null, given: new Set(given), problems: [] }
    return sectionSettings(resolution, 'route', section, where)
  }
  t.match(resolve([]), { 'body-max': 7, 'body-timeout': 1000, hsts: 7_200_000 })
  t.match(resolve(['body-max']), { 'body-max': 5, 'body-timeout': 1000 })
})

test('only settings of the scope are read, and what is wrong has its place', async t => {
  const resolution = { settings: base, file: null, given: new Set<string>(), problems: [] }
  const own = sectionSettings(resolution, 'route', { hsts: '9h', 'body-max': 'x' }, where)
  t.equal(own.hsts, 7_200_000)
  t.match(resolution.problems, [{ where: 'file body-max', message: /no whole number/ }])
})
