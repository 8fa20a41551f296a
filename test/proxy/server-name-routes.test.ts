import { test } from 'tap'
import { routeServerName, serverNameRoutes } from '../../src/proxy/server-name-routes.ts'

const OTHERWISE = 9
const routes = serverNameRoutes([
  { serverName: '*.example.org', pool: 1 },
  { serverName: 'db.example.org', pool: 2 },
  { serverName: '*.eu.example.org', pool: 3 },
  { serverName: 'Upper.Example.net', pool: 4 },
])

test('an exact name wins, then the longest suffix, then the listener', async t => {
  const cases: [string, number][] = [
    ['db.example.org', 2],
    ['a.example.org', 1],
    ['a.b.example.org', 1],
    ['a.eu.example.org', 3],
    ['eu.example.org', 1],
    ['example.org', OTHERWISE],
    ['notexample.org', OTHERWISE],
    ['upper.example.net', 4],
    ['', OTHERWISE],
  ]
  for (const [name, pool] of cases) t.equal(routeServerName(routes, name, OTHERWISE), pool, name)
})

test('without routes there is the listener', async t => {
  t.equal(routeServerName(serverNameRoutes([]), 'a.test', OTHERWISE), OTHERWISE)
})

test('names of the language itself are no routes', async t => {
  t.equal(routeServerName(routes, 'constructor', OTHERWISE), OTHERWISE)
  t.equal(routeServerName(routes, '__proto__', OTHERWISE), OTHERWISE)
})
