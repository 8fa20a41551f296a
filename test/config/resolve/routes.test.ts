import { test } from 'tap'
import { bad, good } from '../../support/config.ts'

const POOLS = `
pools:
  web: { backends: [http://127.0.0.1:3] }
  api: { backends: [http://127.0.0.1:4] }
  db: { backends: [tcp://127.0.0.1:5] }
`

const FILE = `
body-max: 10
routes:
  - { host: api.test, path: /v1/, pool: api, strip-prefix: true, body-max: 1k, response-timeout: 5s }
  - { path: /health, exact: true, pool: web, name: health }
listeners:
  - listen: http://127.0.0.1:1
    pool: web
    routes:
      - host: api.test
        path: /v1
        pool: web
        rewrite-host: inner.test:81
        request-headers: { set: { X-A: "1" }, remove: Cookie }
  - { listen: "http://127.0.0.1:2", name: two, routes: { "db.test": api, "*.test": web } }
${POOLS}`

test('a listener has its own routes, the shared ones they leave, and one for the rest', async t => {
  const { listeners, routes } = good(t, {}, FILE)
  const names = (i: number): string[] => listeners[i]!.httpRoutes.map(each => routes[each]!.name)
  t.strictSame(names(0), ['http://127.0.0.1:1 api.test/v1', 'health', 'http://127.0.0.1:1'])
  t.strictSame(names(1), ['two db.test/', 'two *.test/', 'api.test/v1', 'health', 'two'])
  t.match(routes.slice(0, 2), [
    { shared: true, host: 'api.test', path: '/v1', exact: false, pool: 1, stripPrefix: true },
    { shared: true, host: '', path: '/health', exact: true, pool: 0 },
  ])
  t.match(
    routes.find(({ name }) => name === 'http://127.0.0.1:1 api.test/v1'),
    {
      shared: false,
      pool: 0,
      rewriteHost: 'inner.test:81',
      requestFields: { set: [{ name: 'X-A', value: '1' }], remove: ['cookie'], add: [] },
    },
  )
})

test('a listener with routes has no pool for the rest unless it names one', async t => {
  const { listeners, routes } = good(t, {}, FILE)
  t.match(
    listeners.map(({ pool, httpRoutes }) => [pool, routes[httpRoutes.at(-1)!]!.pool]),
    [
      [0, 0],
      [-1, -1],
    ],
  )
})

test('limits are those of the route, else those of the top, and flags win over both', async t => {
  const { routes } = good(t, {}, FILE)
  t.match(routes[0], { bodyMax: 1000, responseTimeoutMs: 5000, bodyTimeoutMs: 15_000 })
  t.match(routes[1], { bodyMax: 10, responseTimeoutMs: 60_000 })
  t.equal(routes.at(-1)!.bodyMax, 10)
  for (const { bodyMax } of good(t, { 'body-max': '7' }, FILE).routes) t.equal(bodyMax, 7)
})

test('all that is wrong is told at once, each at its place', async t => {
  const file = `
routes:
  - { host: "a.test:80", path: v1, pool: wbe }
  - { host: a.test, path: /x, pool: db }
  - { path: /y }
  - { path: /, pool: web, strip-prefix: true, rewrite-host: "a b" }
  - path: /z
    pool: web
    body-max: much
    response-headers: { set: { Content-Length: "1" }, remove: ["a b"] }
listeners: [{ listen: "http://127.0.0.1:1", pool: web }]
${POOLS}`
  t.match(bad(t, {}, file), [
    /weir\.yaml:3:\d+ routes\.0\.host: "a\.test:80" has a port/,
    /weir\.yaml:3:\d+ routes\.0\.path: "v1" is no path/,
    /routes\.0\.pool: there is no pool wbe; did you mean web\?/,
    /routes\.1\.pool: an http listener needs http:\/\/ or https:\/\/ backends, pool db has tcp:/,
    /routes\.2\.pool: there are 3 pools; say which/,
    /routes\.3\.strip-prefix: there is no path to leave out/,
    /routes\.3\.rewrite-host: "a b" cannot be a Host field/,
    /weir\.yaml:9:\d+ routes\.4\.body-max: "much" is no whole number/,
    /weir\.yaml:10:\d+ routes\.4\.response-headers\.remove: "a b" is no field name/,
    /weir\.yaml:10:\d+ routes\.4\.response-headers\.set\.Content-Length: /,
  ])
})

test('what matches the same is refused within a listener and within the shared ones', async t => {
  const file = `
routes:
  - { path: /a, pool: web }
  - { path: /a/, pool: api }
  - { path: /a, exact: true, pool: api }
listeners:
  - listen: http://127.0.0.1:1
    pool: web
    routes: [{ host: A.test, pool: web }, { host: a.test., path: /, pool: api }, { path: /a, pool: web }]
${POOLS}`
  t.match(bad(t, {}, file), [
    /weir\.yaml:4:\d+ routes\.1\.path: \*\/a is routed twice; the other one is \*\/a/,
    /weir\.yaml:9:\d+ listeners\.0\.routes\.1\.path: a\.test\/ is routed twice/,
  ])
})

test('names are taken once, by routes and listeners together', async t => {
  const file = `
routes: [{ path: /a, pool: web, name: x }, { path: /b, pool: web, name: x }]
listeners: [{ listen: "http://127.0.0.1:1", pool: web, name: x }]
${POOLS}`
  t.match(bad(t, {}, file), [
    /routes\.1\.name: a route or listener is called x already/,
    /listeners\.0\.name: a route or listener is called x already/,
  ])
})

test('shared routes that no listener could have are told', async t => {
  const file = `
routes: [{ path: /a, pool: web }]
listeners: [{ listen: "tcp://127.0.0.1:1", pool: db }, { listen: "http://:2?redirect=https" }]
${POOLS}`
  t.match(bad(t, {}, file), [/routes: there is no http:\/\/ or https:\/\/ listener/])
})
