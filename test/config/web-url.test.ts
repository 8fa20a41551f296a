import { test } from 'tap'
import { whyNoWebUrl } from '../../src/config/web-url.ts'

test('https to anywhere will do, and http to this host', async t => {
  for (const url of [
    'https://issuer.example',
    'https://issuer.example:8443/a?b=c',
    'https://[2001:db8::1]/',
    'http://127.0.0.1:8080/x',
    'http://127.9.9.9',
    'http://[::1]:1',
    'http://localhost:8080',
  ]) {
    t.equal(whyNoWebUrl(url), '', url)
  }
})

test('anything else is told what is wrong with it', async t => {
  for (const [url, why] of [
    ['issuer.example', 'is no https:// URL'],
    ['ftp://issuer.example', 'is no https:// URL'],
    ['file:///etc/passwd', 'is no https:// URL'],
    ['', 'is no https:// URL'],
    ['https://', 'is no https:// URL'],
    ['https://a:b@issuer.example', 'holds a user or password'],
    ['https://issuer.example/#x', 'has a fragment'],
    ['http://issuer.example', 'is not encrypted'],
    ['http://127.example', 'is not encrypted'],
    ['http://127.0.0.1.example', 'is not encrypted'],
    ['http://192.0.2.1', 'is not encrypted'],
    ['http://localhost.example', 'is not encrypted'],
  ] as const) {
    t.match(whyNoWebUrl(url), why, url)
  }
})
