import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { testAuthority } from '../support/certificates.ts'

type T = Parameters<typeof testAuthority>[0]

/** The config of flags and a file, or its problems. */
function load(t: T, flags: Record<string, unknown>, file = '') {
  if (file === '') return loadConfig({ flags, env: {} })
  const path = join(t.testdir(), 'weir.yaml')
  writeFileSync(path, file)
  return loadConfig({ flags: { ...flags, config: path }, env: {} })
}

function good(t: T, flags: Record<string, unknown>, file = ''): Config {
  const loaded = load(t, flags, file)
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

function bad(t: T, flags: Record<string, unknown>, file = ''): string[] {
  const loaded = load(t, flags, file)
  return 'problems' in loaded ? loaded.problems.map(each => `${each.where}: ${each.message}`) : []
}

const ONE = { listen: ['tcp://127.0.0.1:1'], backend: ['tcp://127.0.0.1:2'] }

test('flags alone serve one pool, with the guards on', async t => {
  const config = good(t, ONE)
  t.match(config.listeners, [{ name: 'tcp://127.0.0.1:1', mode: 'tcp', pool: 0, routes: [] }])
  t.match(config.pools, [{ name: 'default', balance: 'least-connections' }])
  t.match(config.admin, { host: '127.0.0.1', port: 9090 })
  const { guards } = config
  for (const limit of [guards.connectionRate, guards.connectionsPerAddress, guards.handshakeRate]) {
    t.ok(limit > 0)
  }
  t.ok(guards.connectionsMax > 0 && guards.connectionsMax <= 20_000)
})

const FILE = `
balance: round-robin
listeners:
  - listen: sni://127.0.0.1:1
    routes: { "db.test": db, "*.test": web }
  - { listen: "tcp://127.0.0.1:2", pool: web, name: plain }
pools:
  web: { backends: [tcp://127.0.0.1:3], probe: http, probe-status: 204 }
  db: { backends: "tcp://127.0.0.1:4 tcp://127.0.0.1:5", balance: source-hash }
`

test('a file has pools and listeners with settings of their own', async t => {
  const { listeners, pools } = good(t, {}, FILE)
  t.match(pools, [
    {
      name: 'web',
      balance: 'round-robin',
      probe: { kind: 'http', statusMin: 204, statusMax: 204 },
    },
    { name: 'db', balance: 'source-hash', backends: { length: 2 } },
  ])
  t.match(listeners, [
    {
      mode: 'sni',
      pool: -1,
      routes: [
        { serverName: 'db.test', pool: 1 },
        { serverName: '*.test', pool: 0 },
      ],
    },
    { name: 'plain', pool: 0 },
  ])
})

test('a flag wins over every section', async t => {
  const { pools } = good(t, { balance: 'random-two-choices' }, FILE)
  for (const { balance } of pools) t.equal(balance, 'random-two-choices')
})

test('what does not fit together is told, all at once', async t => {
  const file = `
listeners:
  - { listen: "tcp://127.0.0.1:1", pool: wbe }
  - { listen: "tcp://127.0.0.1:1" , routes: { "a.test": web } }
  - { listen: "sni://127.0.0.1:2", routes: { "a b": web, "c.test": dbb } }
pools:
  web: { backends: [tcp://127.0.0.1:3, tcp://127.0.0.1:3] }
  db: { backends: [nonsense], probe-path: "no slash" }
`
  const told = bad(t, {}, file)
  for (const message of [
    /listeners\.0\.listen: there is no pool wbe; did you mean web\?/,
    /listeners\.1\.listen: .*is listened on twice/,
    /route "a b" is no server name/,
    /route c\.test names pool dbb, which there is not; did you mean db\?/,
    /pools\.web\.backends: 127\.0\.0\.1:3 is twice in pool web; use \?weight=/,
    /pools\.db\.backends: "nonsense" is no backend/,
    /--probe-path: "no slash" is no path/,
  ]) {
    t.ok(
      told.some(each => message.test(each)),
      String(message),
    )
  }
})

test('which pool is meant must be said where there are several', async t => {
  const file = 'pools:\n  a: { backends: tcp://a.test:1 }\n  b: { backends: tcp://a.test:1 }\n'
  t.match(bad(t, { listen: ['tcp://:1'] }, file), [/there are 2 pools; say which/])
  t.equal(good(t, { listen: ['tcp://:1?pool=b'] }, file).listeners[0]!.pool, 1)
})

test('certificates and keys come in pairs, or keys are in the same file', async t => {
  const { cert, key } = testAuthority(t).issue('a', ['a.test'])
  const tls = { ...ONE, listen: ['tls://127.0.0.1:1'] }
  t.match(bad(t, tls), [/--cert: a tls:\/\/ or https:\/\/ listener needs a certificate/])
  t.match(bad(t, { ...tls, cert: [cert, cert], key: [key] }), [/--key: 2 --cert and 1 --key/])
  t.strictSame(good(t, { ...tls, cert: [cert], key: [key] }).tls.certificates, [{ cert, key }])
})

test('an expired certificate, or one not valid yet, serves with a warning', async t => {
  const ca = testAuthority(t)
  const day = 86_400_000
  const now = Date.now()
  const dates = {
    expired: { notBefore: new Date(now - 3 * day), notAfter: new Date(now - day) },
    'not valid': { notBefore: new Date(now + day), notAfter: new Date(now + 3 * day) },
  }
  for (const [word, validity] of Object.entries(dates)) {
    const { cert, key } = ca.issue(word.replace(' ', ''), ['a.test'], validity)
    const loaded = load(t, { ...ONE, listen: ['tls://127.0.0.1:1'], cert: [cert], key: [key] })
    assert(!('problems' in loaded))
    t.match(loaded.warnings.join(), new RegExp(word), word)
  }
})

test('more connections than descriptors, and bursts that take hours, are refused', async t => {
  t.match(bad(t, { ...ONE, 'connections-max': '9M' }), [
    /--connections-max: .* lower --connections-max to \d+/,
  ])
  t.match(bad(t, { ...ONE, 'connection-rate': '0.01', 'connection-burst': '40' }), [
    /--connection-burst: a burst of 40 at 0\.01 per second .* lower it to 36/,
  ])
})
