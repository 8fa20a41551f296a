import * as fc from 'fast-check'
import { test } from 'tap'
import { normalizePath, readTarget } from '../../../src/codec/http1/target.ts'

const RULES = { keepsEncodedSlash: false, isSecure: false }

test('paths that mean the same have one form', async t => {
  const cases: [string, string][] = [
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a//b', '/a/b'],
    ['//a///b//', '/a/b/'],
    ['/a//../b', '/b'],
    ['/%61%2e%7E', '/a.~'],
    ['/a%3ab', '/a%3Ab'],
    ['/a/./b/../c', '/a/c'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/...', '/a/...'],
    ['/%2e/x', '/x'],
    ['/a/%2e%2e/b', '/b'],
    ['/{a}|^`', '/%7Ba%7D%7C%5E%60'],
    ['/%7ba%7d', '/%7Ba%7D'],
    ['/a;x=1/b', '/a;x=1/b'],
    ['/%E4%B8%AD', '/%E4%B8%AD'],
    ['/%fc', '/%FC'],
    ['/%252e%252e%252f', '/%252e%252e%252f'],
  ]
  for (const [path, normal] of cases) {
    t.equal(normalizePath(path, false), normal, path)
    t.equal(normalizePath(normal, false), normal, 'and it stays')
  }
})

const hiding = [
  '/..',
  '/a/../../b',
  '/%2e%2e/a',
  '//..//a',
  '/a%00',
  '/a%0d%0aX:%20y',
  '/a%1f',
  '/a%7F',
  '/a%',
  '/a%4',
  '/a%zz',
  '/a%%41',
  '/a%u0041',
  '/a\\..\\b',
  '/public%2F..%2Fadmin',
  '/public/..%2fadmin',
  '/public%5c..%5cadmin',
  '/public/..;/admin',
  '/public/..;x=1/admin',
  '/public/..%3b/admin',
  '/public/..%3fadmin',
  '/public/..%23admin',
  '/public/%2e%2e;x=1/admin',
  '/public/.;/admin',
  '/;/admin',
  '/;x=1/admin',
  '/%3b/admin',
  '/public//;/../admin',
  '/a%2f..',
  '/public/..%c0%afadmin',
  '/public/%c0%ae%c0%ae/admin',
  '/%e0%80%af',
  '/%f0%80%80%af',
]

test('paths that hide something are refused, with encoded slashes too', async t => {
  for (const path of hiding) {
    t.equal(normalizePath(path, false), null, path)
    t.equal(normalizePath(path, true), null, `${path}, slashes kept`)
  }
})

test('an encoded slash or backslash is refused, or kept as it is', async t => {
  for (const [path, kept] of [
    ['/a%2fb', '/a%2Fb'],
    ['/a%5Cb', '/a%5Cb'],
    ['/a/%2Fb', '/a/%2Fb'],
  ] as const) {
    t.equal(normalizePath(path, false), null, path)
    t.equal(normalizePath(path, true), kept, `${path}, kept`)
    t.equal(normalizePath(kept, true), kept, 'and it stays')
  }
})

test('a normal form is its own, whatever it was made of', async t => {
  const part = fc.constantFrom(
    ...[
      '/',
      '/',
      '.',
      '..',
      'a',
      ';',
      '%2e',
      '%2F',
      '%5c',
      '%25',
      '%3b',
      '%',
      '4',
      '{',
      '%7e',
      '%c0',
      '%af',
    ],
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.boolean(), (parts, keeps) => {
      const path = `/${parts.join('')}`
      const normal = normalizePath(path, keeps)
      if (normal === null) return
      t.equal(normalizePath(normal, keeps), normal, path)
      t.notMatch(normal, /\/\/|\/\.{1,2}(?:\/|$)|[\\{}|^`]|%2e/i, path)
      if (!keeps) t.notMatch(normal, /%2F|%5C/i)
    }),
    { numRuns: 3000 },
  )
})

test('each form of a target, and what is none', async t => {
  const cases: [string, string, ReturnType<typeof readTarget>][] = [
    ['GET', '/a?b?c', { authority: '', path: '/a', query: '?b?c' }],
    ['GET', '/?', { authority: '', path: '/', query: '?' }],
    ['GET', 'http://a.test', { authority: 'a.test', path: '/', query: '' }],
    ['GET', 'HTTP://a.test?x=/../', { authority: 'a.test', path: '/', query: '?x=/../' }],
    ['GET', 'http://a.test:81//x/../%62', { authority: 'a.test:81', path: '/b', query: '' }],
    ['OPTIONS', '*', { authority: '', path: '*', query: '' }],
    ['OPTIONS', 'http://a.test', { authority: 'a.test', path: '*', query: '' }],
    ['OPTIONS', 'http://a.test/', { authority: 'a.test', path: '/', query: '' }],
    ['GET', '*', null],
    ['GET', 'a.test:80', null],
    ['GET', 'x', null],
    ['GET', '?x', null],
    ['GET', 'ftp://a.test/', null],
    ['GET', 'http:/a.test/', null],
    ['GET', 'http:///x', null],
    ['GET', 'http://u@a.test/', null],
    ['GET', 'http://u:p@a.test/', null],
    ['GET', 'http://a%2etest/', null],
    ['GET', 'http://a.test\\x/', null],
    ['GET', 'http://a.test/../x', null],
    ['GET', 'https://a.test/', 'insecure'],
  ]
  for (const [method, target, wanted] of cases) {
    t.strictSame(readTarget(method, target, RULES), wanted, `${method} ${target}`)
  }
  t.match(readTarget('GET', 'https://a.test/', { ...RULES, isSecure: true }), { path: '/' })
})
