import { test } from 'tap'
import { readRouteHost, readRoutePath } from '../../../src/config/resolve/route-match.ts'

test('hosts are compared in lower case, without the dot at their end', async t => {
  const cases: [string | undefined, string][] = [
    [undefined, ''],
    ['API.example.ORG', 'api.example.org'],
    ['example.org.', 'example.org'],
    ['*.Example.org', '*.example.org'],
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '[::1]'],
    ['[2001:DB8::1]', '[2001:db8::1]'],
  ]
  for (const [text, value] of cases) t.strictSame(readRouteHost(text), { value }, text ?? 'none')
})

test('what is no host says what to write', async t => {
  const cases: [string, RegExp][] = [
    ['', /leave host out to match any/],
    ['*', /leave host out to match any/],
    ['a.test:8080', /has a port, hosts are matched without; leave :8080 out/],
    ['a b', /write example\.org or \*\.example\.org/],
    ['a.*.test', /is no host/],
    ['**.test', /is no host/],
    ['*.10.0.0.1', /is no host/],
    ['http://a.test', /is no host/],
    ['ü.test', /is no host/],
  ]
  for (const [text, error] of cases) t.match(readRouteHost(text), { error }, text)
})

test('paths are kept in the form in which requests are compared', async t => {
  const cases: [string, boolean, string][] = [
    ['/', false, '/'],
    ['/', true, '/'],
    ['/v1/', false, '/v1'],
    ['/v1/', true, '/v1/'],
    ['/%7euser', false, '/~user'],
    ['/%c3%bc', true, '/%C3%BC'],
    ['/a/./b/../c', false, '/a/c'],
    ['/a//b', false, '/a/b'],
    ['/%40a%3a%2a', false, '/@a:*'],
  ]
  for (const [text, exact, value] of cases) {
    t.strictSame(readRoutePath(text, exact, false), { value }, text)
  }
})

test('what no request can match is no path', async t => {
  const cases: [string, RegExp][] = [
    ['v1', /begins with \//],
    ['', /begins with \//],
    ['/a;b=1', /has parameters/],
    ['/a%3bb=1', /has parameters/],
    ['/a?b', /has a query/],
    ['/ü', /holds "ü"; write it percent-encoded/],
    ['/a b', /percent-encoded/],
    ['/a/../..', /no request may have/],
    ['/a%00', /no request may have/],
    ['/a%2fb', /no request may have/],
  ]
  for (const [text, error] of cases) t.match(readRoutePath(text, false, false), { error }, text)
  t.strictSame(
    readRoutePath('/a%2fb', false, true),
    { value: '/a%2Fb' },
    'kept in requests as well',
  )
})
