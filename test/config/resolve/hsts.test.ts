import { test } from 'tap'
import { readSettings } from '../../../src/config/settings.ts'
import type { Problem } from '../../../src/config/flag.ts'
import { hstsSettings, resolveHsts } from '../../../src/config/resolve/hsts.ts'

const where = (key: string): string => key

function read(values: Readonly<Record<string, unknown>>): string | Problem[] {
  const problems: Problem[] = []
  const settings = readSettings([{ values, where }], problems)
  const hsts = resolveHsts(settings, where, problems)
  return problems.length > 0 ? problems : hsts
}

test('off unless it is asked for, then as RFC 6797 writes it', async t => {
  t.equal(read({}), '')
  t.equal(read({ hsts: '1h' }), 'max-age=3600')
  t.equal(read({ hsts: '1h', 'hsts-subdomains': true }), 'max-age=3600; includeSubDomains')
  t.equal(
    read({ hsts: '365d', 'hsts-subdomains': true, 'hsts-preload': true }),
    'max-age=31536000; includeSubDomains; preload',
  )
})

test('preload below a year or without subdomains is refused', async t => {
  const told = [{ where: 'hsts-preload', message: /a year at least and for subdomains/ }]
  t.match(read({ hsts: '364d', 'hsts-subdomains': true, 'hsts-preload': true }), told)
  t.match(read({ hsts: '400d', 'hsts-preload': true }), told)
})

test('subdomains and preload without a time are refused', async t => {
  t.match(read({ 'hsts-subdomains': true }), [{ message: /says nothing without a time/ }])
  t.match(read({ 'hsts-preload': true }), [{ where: 'hsts-preload' }])
})

test('the same problem is told once', async t => {
  const problems: Problem[] = []
  const settings = readSettings([{ values: { 'hsts-preload': true }, where }], problems)
  resolveHsts(settings, where, problems)
  resolveHsts(settings, where, problems)
  t.equal(problems.length, 1)
})

test('what is printed reads back to the same', async t => {
  for (const hsts of ['', 'max-age=90', 'max-age=31536000; includeSubDomains; preload']) {
    t.equal(read(hstsSettings(hsts) as Record<string, unknown>), hsts)
  }
})
