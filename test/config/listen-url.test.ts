import assert from 'node:assert/strict'
import { test } from 'tap'
import { formatListenUrl, formatRedirect, readListenUrl } from '../../src/config/listen-url.ts'

test('mode, address, port and pool', async t => {
  const cases: [string, object][] = [
    [
      'tcp://127.0.0.1:80',
      { mode: 'tcp', host: '127.0.0.1', port: 80, pool: null, redirectPort: 0 },
    ],
    ['TLS://[::1]:443', { mode: 'tls', host: '::1', port: 443, pool: null, redirectPort: 0 }],
    ['sni://:443?pool=web', { mode: 'sni', host: '::', port: 443, pool: 'web', redirectPort: 0 }],
    ['tls://*:443', { mode: 'tls', host: '::', port: 443, pool: null, redirectPort: 0 }],
    ['tcp://localhost:0', { mode: 'tcp', host: 'localhost', port: 0, pool: null, redirectPort: 0 }],
  ]
  for (const [url, value] of cases) t.strictSame(readListenUrl(url), { value }, url)
})

test('what is wrong is named, with what to write', async t => {
  const cases: [string, RegExp][] = [
    ['443', /is no listener; write tls:\/\/\[::\]:443/],
    ['ftp://:443', /ftp is not one of tcp, tls, sni, http, https/],
    ['tsl://:443', /did you mean tls\?/],
    ['tls://::1:443', /is not HOST:PORT/],
    ['tls://:99999', /port 99999 is above 65535/],
    ['tls://:443?pol=x', /unknown parameter pol; known are pool and redirect/],
    ['tls://:443/path', /is no listener/],
  ]
  for (const [url, message] of cases) t.match(readListenUrl(url), { error: message }, url)
})

test('it is written as it is read', async t => {
  for (const url of ['tcp://127.0.0.1:80', 'tls://[::]:443']) {
    const read = readListenUrl(url)
    assert(!('error' in read))
    const { mode, host, port } = read.value
    t.equal(formatListenUrl(mode, host, port), url)
  }
})

test('a redirect names the port of https, 443 unless given, and is written as it is read', async t => {
  for (const [query, redirectPort] of [
    ['?redirect=https', 443],
    ['?redirect=https:8443', 8443],
    ['', 0],
  ] as const) {
    t.match(readListenUrl(`http://:80${query}`), { value: { redirectPort } })
    t.equal(formatRedirect(redirectPort), query)
  }
})

test('a redirect is for http alone, to https alone, and goes to no pool', async t => {
  const cases: [string, RegExp][] = [
    [
      'http://:80?redirect=http',
      /redirect is "http"; write redirect=https, or redirect=https:8443/,
    ],
    ['http://:80?redirect=', /write redirect=https/],
    ['http://:80?redirect=https:0', /write redirect=https/],
    ['http://:80?redirect=https:70000', /write redirect=https/],
    ['https://:443?redirect=https', /only an http:\/\/ listener redirects/],
    ['http://:80?redirect=https&pool=a', /goes to no pool/],
  ]
  for (const [url, error] of cases) t.match(readListenUrl(url), { error }, url)
})
