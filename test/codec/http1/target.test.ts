import { test } from 'tap'
import { normalizePath } from '../../../src/codec/http1/target.ts'

test('paths that mean the same have one form', async t => {
  const cases: [string, string][] = [
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a//b', '/a//b'],
    ['/%61%2e%7E', '/a.~'],
    ['/a%3ab', '/a%3Ab'],
    ['/a/./b/../c', '/a/c'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/a%2fb', '/a%2Fb'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/...', '/a/...'],
    ['/%2e/x', '/x'],
  ]
  for (const [path, normal] of cases) {
    t.equal(normalizePath(path), normal, path)
    t.equal(normalizePath(normal), normal, 'and it stays')
  }
})

test('paths that hide something are refused', async t => {
  for (const path of [
    '/..',
    '/a/../../b',
    '/%2e%2e/a',
    '/a%00',
    '/a%',
    '/a%4',
    '/a%zz',
    '/a\\..\\b',
    '/public%2F..%2Fadmin',
    '/public/..%2fadmin',
    '/public%5c..%5cadmin',
    '/public/..;/admin',
    '/public/..%3b/admin',
    '/public/%2e%2e;x=1/admin',
    '/public/.;/admin',
    '/a%2f..',
  ]) {
    t.equal(normalizePath(path), null, path)
  }
})
