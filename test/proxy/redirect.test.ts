import { test } from 'tap'
import { OK } from '../../src/codec/http1/head.ts'
import { RequestHead } from '../../src/codec/http1/request-head.ts'
import { httpsLocation, writeRedirect } from '../../src/proxy/redirect.ts'

function location(head: string, port = 443): string {
  const request = new RequestHead()
  const bytes = Buffer.from(`${head}\r\n\r\n`)
  if (request.parse(bytes, 0, bytes.length, 0) !== OK) throw new Error(head)
  return httpsLocation(request, port)
}

test('host, path and query stay, the port is that of https', async t => {
  const cases: [string, number, string][] = [
    ['GET /a/b?c=d HTTP/1.1\r\nHost: a.test', 443, 'https://a.test/a/b?c=d'],
    ['GET / HTTP/1.1\r\nHost: a.test:8080', 443, 'https://a.test/'],
    ['GET /? HTTP/1.1\r\nHost: a.test:8080', 8443, 'https://a.test:8443/?'],
    ['GET / HTTP/1.1\r\nHost: [::1]:8080', 8443, 'https://[::1]:8443/'],
    ['GET / HTTP/1.1\r\nHost: [::1]', 443, 'https://[::1]/'],
    ['GET http://b.test:1/x HTTP/1.1\r\nHost: a.test', 443, 'https://b.test/x'],
    ['OPTIONS * HTTP/1.1\r\nHost: a.test', 443, 'https://a.test/'],
    ['GET /a/../%7eb HTTP/1.1\r\nHost: a.test', 443, 'https://a.test/~b'],
  ]
  for (const [head, port, to] of cases) t.equal(location(head, port), to, head)
})

test('without a host there is nowhere to go', async t => {
  t.equal(location('GET / HTTP/1.0'), '')
})

test('the answer has no body, and says whether the connection stays', async t => {
  t.match(
    writeRedirect('https://a.test/', 'id1', true),
    /^HTTP\/1.1 308 Permanent Redirect\r\nDate: [^\r]+ GMT\r\nLocation: https:\/\/a.test\/\r\nContent-Length: 0\r\nX-Request-Id: id1\r\nConnection: keep-alive\r\n\r\n$/,
  )
  t.match(writeRedirect('https://a.test/', 'id1', false), /\r\nConnection: close\r\n\r\n$/)
})
