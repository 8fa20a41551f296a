import assert from 'node:assert/strict'
import { test } from 'tap'
import { formatListenUrl, readListenUrl } from '../../src/config/listen-url.ts'

test('mode, address, port and pool', async t => {
  const cases: [string, object][] = [
    ['tcp://127.0.0.1:80', { mode: 'tcp', host: '127.0.0.1', port: 80, pool: null }],
    ['TLS://[::1]:443', { mode: 'tls', host: '::1', port: 443, pool: null }],
    ['sni://:443?pool=web', { mode: 'sni', host: '::', port: 443, pool: 'web' }],
    ['tls://*:443', { mode: 'tls', host: '::', port: 443, pool: null }],
    ['tcp://localhost:0', { mode: 'tcp', host: 'localhost', port: 0, pool: null }],
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
    ['tls://:443?pol=x', /unknown parameter pol; known is pool/],
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
