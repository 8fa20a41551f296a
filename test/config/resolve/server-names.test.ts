import { test } from 'tap'
import { bad, good } from '../../support/config.ts'

test('the names of a sni listener lead to pools, others are refused unless there is a pool', async t => {
  const file = `
listeners:
  - { listen: "sni://127.0.0.1:1", routes: { "DB.test": db, "*.test": web } }
  - { listen: "sni://127.0.0.1:2", pool: web, routes: { "db.test": db } }
pools:
  web: { backends: [tcp://127.0.0.1:3] }
  db: { backends: [tcp://127.0.0.1:4] }
`
  t.match(good(t, {}, file).listeners, [
    {
      pool: -1,
      routes: [
        { serverName: 'db.test', pool: 1 },
        { serverName: '*.test', pool: 0 },
      ],
    },
    { pool: 0, routes: [{ serverName: 'db.test', pool: 1 }] },
  ])
})

test('what names no server or no pool is told, and a listener that sees no name', async t => {
  const file = `
listeners:
  - { listen: "tcp://127.0.0.1:1", routes: { "a.test": web } }
  - { listen: "sni://127.0.0.1:2", routes: { "a b": web, "c.test": dbb } }
  - { listen: "sni://127.0.0.1:3", pool: web, routes: [{ host: a.test }] }
pools:
  web: { backends: [tcp://127.0.0.1:3] }
  db: { backends: [tcp://127.0.0.1:3] }
`
  t.match(bad(t, {}, file), [
    /listeners\.0\.routes: a tcp listener sees no name to route by/,
    /listeners\.1\.routes: route "a b" is no server name/,
    /route c\.test names pool dbb, which there is not; did you mean db\?/,
    /listeners\.2\.routes: a list of routes is for http:\/\/ and https:\/\/ listeners/,
  ])
})
