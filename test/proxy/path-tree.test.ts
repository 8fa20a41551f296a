import * as fc from 'fast-check'
import { test } from 'tap'
import { countSegments, PathTree, withoutSegments } from '../../src/proxy/path-tree.ts'

/** A tree whose routes are their own paths; an equals sign in front makes one exact. */
function tree(...paths: string[]): PathTree<string> {
  const made = new PathTree<string>()
  for (const path of paths) made.add(path.replace(/^=/, ''), path.startsWith('='), path)
  return made
}

test('a prefix is whole segments', async t => {
  const paths = tree('/v1', '/v1/users')
  const cases: [string, string | null][] = [
    ['/v1', '/v1'],
    ['/v1/', '/v1'],
    ['/v1/x', '/v1'],
    ['/v1x', null],
    ['/v', null],
    ['/V1', null],
    ['/', null],
    ['*', null],
    ['/v1/users', '/v1/users'],
    ['/v1/users/7', '/v1/users'],
    ['/v1/usersx', '/v1'],
    ['/v2/v1', null],
  ]
  for (const [path, route] of cases) t.equal(paths.find(path), route, path)
})

test('an exact path comes before the longest prefix, and is all of the path', async t => {
  const paths = tree('/', '/a', '=/a', '=/a/', '=/', '=/a/b')
  const cases: [string, string][] = [
    ['/', '=/'],
    ['/a', '=/a'],
    ['/a/', '=/a/'],
    ['/a/b', '=/a/b'],
    ['/a/b/', '/a'],
    ['/a/b/c', '/a'],
    ['/b', '/'],
    ['*', '/'],
  ]
  for (const [path, route] of cases) t.equal(paths.find(path), route, path)
})

test('parameters do not get past a route', async t => {
  const paths = tree('/', '/admin', '/admin/users', '=/login')
  const cases: [string, string][] = [
    ['/admin;x=1', '/admin'],
    ['/admin;x=1/', '/admin'],
    ['/login;x/', '/'],
    ['/admin;x=1/users', '/admin/users'],
    ['/admin;/users;y/7', '/admin/users'],
    ['/login;jsessionid=1', '=/login'],
    ['/adminx;/users', '/'],
  ]
  for (const [path, route] of cases) t.equal(paths.find(path), route, path)
})

test('what may stand in a segment as it is gets past no route by being encoded', async t => {
  const paths = tree('/', '/@me', "/rpc/$a!&'()*+,=:b", '/admin')
  const cases: [string, string][] = [
    ['/%40me/x', '/@me'],
    ['/rpc/%24a%21%26%27%28%29%2A%2B%2C%3D%3Ab', "/rpc/$a!&'()*+,=:b"],
    ['/admin%3Bx=1', '/admin'],
    ['/admin%3Bx/users', '/admin'],
    ['/%2540me', '/'],
    ['/admin%20', '/'],
  ]
  for (const [path, route] of cases) t.equal(paths.find(path), route, path)
})

test('many siblings are found as few are', async t => {
  const many = Array.from({ length: 1000 }, (_, i) => `/s${i}`)
  const paths = tree(...many)
  for (const path of many) {
    t.equal(paths.find(path), path)
    t.equal(paths.find(`${path};p/x`), path)
  }
  t.equal(paths.find('/s1000'), null)
})

const segment = fc.constantFrom('a', 'b', 'ab', 'c')
const path = fc.array(segment, { maxLength: 4 }).map(segments => `/${segments.join('/')}`)

test('it finds what trying all routes one by one finds', async t => {
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 12 }), fc.array(path), (routes, asked) => {
      const prefixes = routes.filter((_, i) => i % 2 === 0)
      const exact = routes.filter((_, i) => i % 2 === 1)
      const paths = tree(...prefixes, ...exact.map(each => `=${each}`))
      for (const each of asked) {
        const covering = prefixes.filter(
          prefix => prefix === '/' || each === prefix || each.startsWith(`${prefix}/`),
        )
        const longest = covering.toSorted((a, b) => b.length - a.length)[0] ?? null
        t.equal(paths.find(each), exact.includes(each) ? `=${each}` : longest, each)
      }
    }),
    { numRuns: 100 },
  )
})

test('what is left without the first segments begins with a slash', async t => {
  const cases: [string, number, string][] = [
    ['/v1', 1, '/'],
    ['/v1/', 1, '/'],
    ['/v1/x', 1, '/x'],
    ['/v1/x/', 1, '/x/'],
    ['/a/b/c', 2, '/c'],
    ['/a;p=1/b;q/c;r', 2, '/c;r'],
    ['/a;p', 1, '/'],
    ['/a', 0, '/a'],
  ]
  for (const [from, count, left] of cases) t.equal(withoutSegments(from, count), left, from)
  t.equal(countSegments('/a/b/'), 2)
  t.equal(countSegments('/'), 0)
})

test('a path of many segments costs no more than it is long', async t => {
  const paths = tree('/a', ...Array.from({ length: 20 }, (_, i) => `/x${'/y'.repeat(i)}`))
  for (const long of [`/a${'/'.repeat(8000)}`, '/;'.repeat(4000), `/x${'/y'.repeat(4000)}`]) {
    const started = performance.now()
    for (let i = 0; i < 100; i++) paths.find(long)
    t.ok(performance.now() - started < 1000, `${long.slice(0, 6)}…`)
  }
})
