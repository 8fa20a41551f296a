import { test } from 'tap'
import type { RequestHead } from '../../src/codec/http1/request-head.ts'
import { hostOf, Routes } from '../../src/proxy/routes.ts'
import { testRoute } from '../support/route.ts'

/** Routes written `host path`, with `*` for any host and `=` before a path that is exact. */
function routes(...written: string[]): (authority: string, path: string) => string {
  const made = written.map(name => {
    const [host = '', path = ''] = name.split(' ')
    return testRoute({
      name,
      host: host === '*' ? '' : host,
      path: path.replace(/^=/, ''),
      exact: path.startsWith('='),
    })
  })
  const all = new Routes([...made, testRoute()])
  return (authority, path) => all.find(authority, path).config.name
}

test('an exact host comes before the longest suffix, and that before any', async t => {
  const find = routes('* /', 'a.test /', '*.test /', '*.b.a.test /', '*.a.test /')
  const cases: [string, string][] = [
    ['a.test', 'a.test /'],
    ['b.test', '*.test /'],
    ['x.a.test', '*.a.test /'],
    ['x.b.a.test', '*.b.a.test /'],
    ['y.x.b.a.test', '*.b.a.test /'],
    ['b.a.test', '*.a.test /'],
    ['test', '* /'],
    ['xtest', '* /'],
    ['', '* /'],
    ['.test', '*.test /'],
  ]
  for (const [host, route] of cases) t.equal(find(host, '/'), route, host)
})

test('a host that has no route for the path is passed over', async t => {
  const find = routes('a.b.test /v1', '*.b.test /v2', '*.test /v3', '* =/v4')
  const cases: [string, string][] = [
    ['/v1', 'a.b.test /v1'],
    ['/v2/x', '*.b.test /v2'],
    ['/v3', '*.test /v3'],
    ['/v4', '* =/v4'],
    ['/v4/x', 'last'],
    ['/', 'last'],
  ]
  for (const [path, route] of cases) t.equal(find('a.b.test', path), route, path)
})

test('hosts are compared without case, port and the dot of a full name', async t => {
  const find = routes('a.test /', '[::1] /', '127.0.0.1 /')
  for (const host of ['a.test', 'A.Test', 'a.test:80', 'a.test.', 'A.TEST.:8443', 'a.test:']) {
    t.equal(find(host, '/'), 'a.test /', host)
  }
  t.equal(find('[::1]:80', '/'), '[::1] /')
  t.equal(find('[::1]', '/'), '[::1] /')
  t.equal(find('127.0.0.1:8', '/'), '127.0.0.1 /')
  t.equal(find('a.test..', '/'), 'last')
  t.equal(hostOf('[2001:DB8::1]:443'), '[2001:db8::1]')
})

test('a thousand hosts are found, and one that is not there is not', async t => {
  const hosts = Array.from({ length: 1000 }, (_, i) => `h${i}.test`)
  const find = routes(...hosts.map(host => `${host} /p`))
  for (const host of hosts) t.equal(find(host, '/p/x'), `${host} /p`)
  t.equal(find('h1000.test', '/p'), 'last')
})

test('without routes all is the last one', async t => {
  t.equal(routes()('a.test', '/x'), 'last')
})

test('what a request costs is said by its route', async t => {
  const of = (path: string) => ({ authority: 'a.test', target: { path } as RequestHead['target'] })
  const dear = testRoute({ path: '/dear', requestCost: 20 })
  const free = testRoute({ path: '/free', requestCost: 0 })
  const all = new Routes([dear, free, testRoute()])
  t.equal(all.costOf(of('/dear/x')), 20)
  t.equal(all.costOf(of('/free')), 0)
  t.equal(all.costOf(of('/')), 1)
  t.equal(new Routes([testRoute({ path: '/dear' }), testRoute()]).costOf(of('/dear')), 1)
})
