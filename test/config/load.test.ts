import assert from 'node:assert/strict'
import { test } from 'tap'
import { testAuthority } from '../support/certificates.ts'
import { bad, good, load, ONE } from '../support/config.ts'

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

test('a mistyped key hides no other problem, and makes none up', async t => {
  const file = `
lisen: tcp://:1
workers: 99
pools:
  a: { backends: [tcp://h], blance: source-hash }
`
  t.match(bad(t, {}, file).toSorted(), [
    /:2:\d+ lisen: unknown key lisen; did you mean listen\?/,
    /:3:\d+ workers: "99" is out of range/,
    /:5:\d+ pools\.a\.backends: "tcp:\/\/h": "h" is not HOST:PORT/,
    /:5:\d+ pools\.a\.blance: unknown key blance; did you mean balance\?/,
  ])
  t.match(bad(t, { workers: '0' }, 'a: [1'), [/weir\.yaml:/, /^--workers: /])
})

test('a file without a name is none, and is told', async t => {
  t.match(bad(t, { ...ONE, config: '' }), [/^--config: names no file/])
})
