import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as fc from 'fast-check'
import { test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { flagNames } from '../../src/config/flags.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { FieldEditsSection, RouteSection } from '../../src/config/schema.ts'
import { configToYaml } from '../../src/config/yaml.ts'
import { testAuthority } from '../support/certificates.ts'

function load(flags: Record<string, unknown>): Config {
  const loaded = loadConfig({ flags, env: {} })
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

test('what is printed reads back to the same config', async t => {
  const { cert, key } = testAuthority(t).issue('a', ['a.test'])
  const configs: Record<string, unknown>[] = [
    { listen: ['tcp://[::]:0'], backend: ['tcp://[::1]:2?weight=3&backup'], admin: 'off' },
    {
      listen: ['tls://127.0.0.1:1', 'tls://127.0.0.1:2'],
      backend: ['tls://a.test:2?insecure&sni=b.test', 'tcp://10.0.0.1:3?drain'],
      cert: [cert],
      key: [key],
      alpn: ['h2', 'http/1.1'],
      allow: ['10.0.0.0/8', '2001:db8::/32'],
      deny: ['10.1.0.0/16'],
      admin: '[::1]:9',
      'connection-rate': '0.5',
      'probe-status': '204',
      'idle-timeout': '90s',
      'proxy-protocol-from': ['10.0.0.1'],
      'strict-sni': 'true',
      overload: 'false',
      'overload-memory': '57',
      'overload-loop-delay': '2s',
    },
    {
      listen: ['http://:1?redirect=https:8443', 'https://:2'],
      backend: ['https://10.0.0.1:443'],
      cert: [cert],
      key: [key],
      hsts: '365d',
      'hsts-subdomains': 'true',
      'body-max': '1M',
      'exchange-timeout': '90s',
      'adaptive-concurrency': 'true',
      'adaptive-concurrency-max': '50',
      'adaptive-concurrency-interval': '90s',
      'error-page': [`5xx=${cert}`, `404=${key}`],
    },
  ]
  const keys = join(dirname(cert), 'keys.yaml')
  writeFileSync(keys, 'keys: []\n', { mode: 0o600 })
  const file = join(dirname(cert), 'routes.yaml')
  writeFileSync(
    file,
    `
api-keys: ${keys}
api-key-query: key
api-key-usage: /tmp/used
auth-realm: the realm
auth-failure-rate: 0.5
auth-failure-burst: 7
identity-rate: 3
identity-burst: 4
identity-concurrency: 5
require-scope: usual
cors-preflight: pass
credential: remove
resource-metadata: https://a.test/meta
listen: http://:1
backend: http://10.0.0.1:2
routes:
  - { path: /open, auth: none, cors-preflight: check, credential: pass }
  - path: /all
    auth: all:api-key
    require-scope: [a, b]
    require-claims: { tier: [gold, silver], level: 7, email: { prefix: "ops-" } }
    methods:
      GET: { auth: none }
      POST: { require-scope: c }
      PUT: { require-claims: { tier: gold } }
listeners:
  - { listen: "http://:3", routes: [{ path: /x, auth: api-key, require-scope: [] }] }
`,
  )
  for (const [i, flags] of [...configs, { config: file }].entries()) {
    const config = load(flags)
    const path = join(dirname(cert), `${i}.yaml`)
    writeFileSync(path, configToYaml(config))
    t.strictSame(load({ config: path }), config)
  }
})

test('no setting is missing in what is printed', async t => {
  const { cert, key } = testAuthority(t).issue('a', ['a.test'])
  const config = load({
    listen: ['https://:1'],
    backend: ['http://10.0.0.1:2'],
    cert: [cert],
    key: [key],
  })
  const printed = configToYaml(config)
  // What is printed as listeners, pools and backends; and the file itself.
  const elsewhere = ['listen', 'backend', 'config']
  for (const name of flagNames) {
    if (!elsewhere.includes(name)) t.match(printed, new RegExp(`^ *(?:- )?${name}:`, 'm'), name)
  }
})

const host = fc.constantFrom(undefined, 'a.test', '*.a.test', 'B.test.', '::1', '10.0.0.1')
const segment = fc.constantFrom('a', 'b', '%7e', 'x%2dy', '.', '*', "'", '$&')
const value = fc
  .string({ unit: 'grapheme-ascii', maxLength: 12 })
  .map(text => text.trim().replaceAll(/[^\x20-\x7e]/g, ''))
const header = fc.constantFrom('X-A', 'x-b', 'Set-Cookie', 'Via', '1', 'true', '~', "x'y")
const names = fc.uniqueArray(header, { selector: name => name.toLowerCase() })

const edits = fc
  .record({ names, value, added: fc.dictionary(header, fc.array(value, { minLength: 1 })) })
  .map(({ names, value, added }): FieldEditsSection => {
    const half = Math.floor(names.length / 2)
    return {
      remove: names.slice(0, half),
      set: Object.fromEntries(names.slice(half).map(name => [name, value])),
      add: added,
    }
  })

const route = fc.record(
  {
    host,
    path: fc.array(segment, { maxLength: 3 }).map(segments => `/${segments.join('/')}`),
    exact: fc.boolean(),
    pool: fc.constantFrom('web', 'api'),
    'rewrite-host': fc.constantFrom('inner.test', 'inner.test:81', '[::1]:82'),
    'request-headers': edits,
    'response-headers': edits,
    'body-max': fc.nat(100_000),
    'body-timeout': fc.constantFrom('1s', '1500ms', '2m'),
    'exchange-timeout': fc.constantFrom('0', '3s'),
  },
  { requiredKeys: ['pool'] },
) as fc.Arbitrary<RouteSection>

/** Names are given to every second one, so that both kinds stand next to each other. */
function named(routes: readonly RouteSection[], prefix: string): RouteSection[] {
  const seen = new Set<string>()
  const distinct = routes.filter(({ host = '', path = '/', exact = false }) => {
    const key = JSON.stringify([host, path, exact])
    return !seen.has(key) && seen.add(key)
  })
  return distinct.map((each, i) => (i % 2 === 0 ? { ...each, name: `${prefix} ${i}` } : each))
}

test('any routes that are taken are printed so that they read back to the same', async t => {
  const dir = t.testdir()
  let taken = 0
  fc.assert(
    fc.property(
      fc.array(route, { maxLength: 4 }),
      fc.array(route, { maxLength: 4 }),
      fc.boolean(),
      (shared, own, pooled) => {
        const path = join(dir, 'weir.yaml')
        const file = {
          routes: named(shared, 'shared'),
          listeners: [
            { listen: 'http://:1', ...(pooled ? { pool: 'web' } : {}), routes: named(own, 'own') },
            { listen: 'http://:2', name: 'two', pool: 'api' },
          ],
          pools: { web: { backends: 'http://a.test:1' }, api: { backends: 'http://b.test:1' } },
        }
        writeFileSync(path, JSON.stringify(file))
        const first = loadConfig({ flags: { config: path }, env: {} })
        // Two spellings of one path, or none for the rest: told, and nothing to print.
        if ('problems' in first) return
        taken++
        writeFileSync(path, configToYaml(first.config))
        t.strictSame(load({ config: path }), first.config)
      },
    ),
    { numRuns: 200 },
  )
  t.ok(taken > 50, `${taken} of 200 were taken`)
})
