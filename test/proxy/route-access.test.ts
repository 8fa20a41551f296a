import { test } from 'tap'
import { Policy } from '../../src/auth/policy.ts'
import { RouteAccess, type RouteAccessParts } from '../../src/proxy/route-access.ts'
import { requestHead } from '../support/head.ts'

const rules = { rule: 'any', schemes: ['api-key'], scopes: [], claims: [] } as const
const usual = new Policy(rules, [], '')
const strict = new Policy(rules, [], '')

function policyFor(parts: Partial<RouteAccessParts>, method: string, ...fields: string[]) {
  const whole = { policy: usual, methods: new Map(), passesPreflights: false, ...parts }
  return new RouteAccess(whole).policyFor(requestHead(fields, `${method} / HTTP/1.1`))
}

test('a method has its own policy, in any case, and HEAD that of GET', async t => {
  const methods = new Map([
    ['POST', strict],
    ['GET', null],
  ])
  t.equal(policyFor({ methods }, 'POST'), strict)
  t.equal(policyFor({ methods }, 'Post'), strict)
  t.equal(policyFor({ methods }, 'GET'), null)
  t.equal(policyFor({ methods }, 'HEAD'), null)
  t.equal(policyFor({ methods }, 'PUT'), usual)
  t.equal(policyFor({ methods: new Map([...methods, ['HEAD', strict]]) }, 'HEAD'), strict)
  t.equal(policyFor({}, 'POST'), usual)
})

test('only a whole preflight passes, and only where it may', async t => {
  const origin = 'Origin: https://a.test'
  const asks = 'access-control-REQUEST-method: PUT'
  const open = { passesPreflights: true }
  t.equal(policyFor(open, 'OPTIONS', origin, asks), null)
  t.equal(policyFor({}, 'OPTIONS', origin, asks), usual)
  t.equal(policyFor(open, 'GET', origin, asks), usual)
  t.equal(policyFor(open, 'OPTIONS', origin), usual)
  t.equal(policyFor(open, 'OPTIONS', asks), usual)
  t.equal(policyFor(open, 'OPTIONS', origin, asks, 'Content-Length: 1'), usual)
  t.equal(policyFor(open, 'OPTIONS', origin, asks, 'x-http-METHOD-override: PUT'), usual)
})

test('what has a credential, or says another method, is no preflight', async t => {
  const open = { passesPreflights: true }
  const whole = ['Origin: https://a.test', 'Access-Control-Request-Method: PUT']
  for (const field of [
    'X-HTTP-Method-Override: DELETE',
    'x-http-method: DELETE',
    'X-METHOD-OVERRIDE: DELETE',
    'Authorization: Bearer made-up',
    'X-API-Key: made-up',
    'DPoP: made-up',
  ]) {
    t.equal(policyFor(open, 'OPTIONS', ...whole, field), usual, field)
  }
})
