import { test } from 'tap'
import { testRoute } from '../support/route.ts'

const HEAD = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

test('a route that changes nothing gives back what it was given', async t => {
  const route = testRoute()
  t.equal(route.forwardedPath('/a/b'), '/a/b')
  t.equal(route.forwardedHost('a.test:80'), 'a.test:80')
  t.equal(route.editRequest(HEAD), HEAD)
  t.equal(route.editResponse(HEAD), HEAD)
})

test('its path is left out, its host written, each direction has its own edits', async t => {
  const route = testRoute({
    path: '/v1/api',
    stripPrefix: true,
    rewriteHost: 'inner.test',
    requestFields: { remove: [], set: [], add: [{ name: 'X-Q', value: '1' }] },
    responseFields: { remove: [], set: [], add: [{ name: 'X-R', value: '2' }] },
  })
  t.equal(route.forwardedPath('/v1/api'), '/')
  t.equal(route.forwardedPath('/v1;x/api/users'), '/users')
  t.equal(route.forwardedHost('a.test'), 'inner.test')
  t.equal(route.editRequest(HEAD), 'GET / HTTP/1.1\r\nHost: a\r\nX-Q: 1\r\n\r\n')
  t.equal(route.editResponse(HEAD), 'GET / HTTP/1.1\r\nHost: a\r\nX-R: 2\r\n\r\n')
})
