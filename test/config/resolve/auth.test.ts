import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Config, RouteAuth } from '../../../src/config/config.ts'
import { bad, good } from '../../support/config.ts'

const HTTP = { listen: ['http://127.0.0.1:1'], backend: ['http://127.0.0.1:2'] }

function withKeys(t: Test, more: Record<string, unknown> = {}): Record<string, unknown> {
  const file = join(t.testdir(), 'keys.yaml')
  writeFileSync(file, 'keys: []\n', { mode: 0o600 })
  return { ...HTTP, 'api-keys': file, ...more }
}

/** Of the route whose name is `name`. */
function authOf({ routes }: Config, name: string): RouteAuth {
  const route = routes.find(each => each.name === name)
  if (route === undefined) throw new Error(routes.map(each => each.name).join())
  return route.auth
}

/** Its file beside that of the keys, which t.testdir() would remove. */
function routed(t: Test, file: string, more: Record<string, unknown> = {}): Config {
  const flags = withKeys(t, more)
  const config = join(t.testdirName, 'weir.yaml')
  writeFileSync(config, file)
  return good(t, { ...flags, config })
}

function wrong(t: Test, file: string, more: Record<string, unknown> = {}): string[] {
  const flags = withKeys(t, more)
  const config = join(t.testdirName, 'weir.yaml')
  writeFileSync(config, file)
  return bad(t, { ...flags, config }).map(each => each.replace(`${config}:`, ''))
}

const KEYS = { rule: 'any', schemes: ['api-key'], scopes: [], claims: [] }

test('where nothing is configured nobody is asked, and keys close every route', async t => {
  t.equal(authOf(good(t, HTTP), 'http://127.0.0.1:1').policy, null)
  t.strictSame(authOf(good(t, withKeys(t)), 'http://127.0.0.1:1'), {
    policy: KEYS,
    methods: [],
    passesPreflights: false,
    removesCredential: false,
    resourceMetadata: '',
  })
})

test('a rule is a word, a list, or both', async t => {
  const rules: readonly (readonly [written: string, policy: object | null])[] = [
    ['none', null],
    ['any', KEYS],
    ['all', { ...KEYS, rule: 'all' }],
    ['api-key', KEYS],
    ['any:api-key', KEYS],
    ['all:api-key', { ...KEYS, rule: 'all' }],
    [' api-key , api-key ', KEYS],
  ]
  for (const [auth, policy] of rules) {
    t.strictSame(authOf(good(t, withKeys(t, { auth })), 'http://127.0.0.1:1').policy, policy, auth)
  }
})

test('a rule that cannot be meant is told', async t => {
  const told = (auth: string) => bad(t, withKeys(t, { auth }))
  t.strictSame(told('api-keys'), [
    '--auth: "api-keys" is no scheme; write none, any, all, or a list of: api-key',
  ])
  t.match(told('any:'), ['--auth: "" is no scheme'])
  t.match(told('api-key,none'), ['--auth: "none" is no scheme'])
  t.match(bad(t, { ...HTTP, auth: 'any' }), [
    '--auth: any of no scheme; configure one: --api-keys FILE',
  ])
  t.match(bad(t, { ...HTTP, auth: 'api-key' }), [/^--auth: api-key is not configured/])
})

test('a route has its own, and a method its own of that', async t => {
  const config = routed(
    t,
    `
require-scope: usual
routes:
  - { path: /open, auth: none }
  - { path: /usual }
  - path: /v1
    name: v1
    require-scope: [read, write]
    require-claims: { tier: [gold, 7, true], email: { prefix: ops- } }
    credential: remove
    resource-metadata: 'https://A.test/.well-known/oauth-protected-resource/v1?"=1'
    cors-preflight: pass
    methods:
      GET: { require-scope: read }
      PUT: { require-claims: { tier: gold } }
      OPTIONS: { auth: none }
`,
  )
  t.equal(authOf(config, '*/open').policy, null)
  t.strictSame(authOf(config, '*/usual').policy, { ...KEYS, scopes: ['usual'] })
  const claims = [
    { name: 'tier', oneOf: ['gold', '7', 'true'], prefix: '' },
    { name: 'email', oneOf: [], prefix: 'ops-' },
  ]
  const gold = [{ name: 'tier', oneOf: ['gold'], prefix: '' }]
  t.strictSame(authOf(config, 'v1'), {
    policy: { ...KEYS, scopes: ['read', 'write'], claims },
    methods: [
      { method: 'GET', policy: { ...KEYS, scopes: ['read'], claims } },
      { method: 'PUT', policy: { ...KEYS, scopes: ['read', 'write'], claims: gold } },
      { method: 'OPTIONS', policy: null },
    ],
    passesPreflights: true,
    removesCredential: true,
    resourceMetadata: 'https://a.test/.well-known/oauth-protected-resource/v1?%22=1',
  })
})

test('flags win over routes, and over methods too', async t => {
  const file = `
routes:
  - { path: /v1, name: v1, auth: none, methods: { POST: { auth: none, require-scope: x } } }
`
  const { policy, methods } = authOf(routed(t, file, { auth: 'any', 'require-scope': 'y' }), 'v1')
  t.strictSame(policy, { ...KEYS, scopes: ['y'] })
  t.strictSame(methods, [{ method: 'POST', policy: { ...KEYS, scopes: ['y'] } }])
})

test('what nobody could have is told', async t => {
  t.strictSame(
    wrong(
      t,
      `
routes:
  - { path: /a, auth: none, require-scope: x }
  - { path: /b, auth: none, require-claims: { a: b } }
  - { path: /c, methods: { get: { require-scope: 'a"b' } } }
  - { path: /d, require-claims: { a: { prefix: "" } } }
`,
    ),
    [
      '3:44 routes.0.require-scope: nobody is asked who it is; see --auth',
      '4:45 routes.1.require-claims: nobody is asked who it is; see --auth',
      '5:33 routes.2.methods.get: "get" is no method; write it in capitals, as POST',
      '5:50 routes.2.methods.get.require-scope: "a\\"b" is no scope; write visible ASCII without quotes and backslashes',
      '6:38 routes.3.require-claims.a: an empty prefix fits everything; leave the claim out',
    ],
  )
  t.match(bad(t, { ...HTTP, 'require-scope': 'x' }), ['--require-scope: nobody is asked'])
})

test('settings that cannot work are told', async t => {
  t.match(bad(t, { ...HTTP, 'api-key-query': 'key', 'api-key-usage': '/tmp/x' }), [
    '--api-key-query: is of no use without --api-keys',
    '--api-key-usage: is of no use without --api-keys',
  ])
  t.match(bad(t, withKeys(t, { 'api-key-query': 'a b', 'auth-realm': 'a"b' })), [
    '--auth-realm: "a\\"b" cannot be a realm',
    '--api-key-query: "a b" cannot be a parameter',
  ])
  for (const url of ['http://a.test/', 'https://a.test/#x', 'https://u@a.test/', 'x']) {
    t.match(bad(t, withKeys(t, { 'resource-metadata': url })), [
      /^--resource-metadata: .* is no https:\/\/ URL/,
    ])
  }
  t.match(bad(t, withKeys(t, { 'auth-failure-rate': '0.01', 'auth-failure-burst': '100' })), [
    '--auth-failure-burst: a burst of 100 at 0.01 per second takes over an hour to refill; lower it to 36',
  ])
  t.match(bad(t, withKeys(t, { 'identity-rate': '0.01' })), [
    '--identity-burst: a burst of 200 at 0.01',
  ])
})

test('a mistyped key of a method names the nearest', async t => {
  t.match(wrong(t, 'routes:\n  - { path: /, methods: { POST: { require-scop: x } } }\n'), [
    /unknown key require-scop; did you mean require-scope\?$/,
  ])
})
