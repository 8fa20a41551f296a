import { test } from 'tap'
import { isIdempotent, isShareable } from '../../src/proxy/methods.ts'

test('only what is safe to do twice is idempotent, in exactly that spelling', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE', 'QUERY']) {
    t.ok(isIdempotent(method), method)
  }
  for (const method of ['POST', 'PATCH', 'get', 'Put', 'LOCK', ''])
    t.notOk(isIdempotent(method), method)
})

test('what changes something stands in line with nobody', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS']) t.ok(isShareable(method), method)
  for (const method of ['PUT', 'DELETE', 'POST', 'TRACE']) t.notOk(isShareable(method), method)
})
