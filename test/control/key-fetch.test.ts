import { test } from 'tap'
import { discoveryUrls, FETCH_BYTES_MAX, fetchKeySet } from '../../src/control/key-fetch.ts'
import { keySetText, makeKey } from '../support/tokens.ts'
import { sayByPath, sayJson, startWebServer } from '../support/web-server.ts'

const key = makeKey('ES256', 'a')
const set = JSON.parse(keySetText(key)) as object
const OPENID = '/.well-known/openid-configuration'
const OAUTH = '/.well-known/oauth-authorization-server'

async function discover(issuer: string): Promise<string> {
  const found = await fetchKeySet({ issuer, keys: { kind: 'discovery' } }, '')
  return typeof found === 'string' ? found : found.text
}

test('the documents are where the standards say', async t => {
  t.strictSame(discoveryUrls('https://a.example'), [
    `https://a.example${OPENID}`,
    `https://a.example${OAUTH}`,
  ])
  t.strictSame(discoveryUrls('https://a.example/'), [
    `https://a.example${OPENID}`,
    `https://a.example${OAUTH}`,
  ])
  t.strictSame(discoveryUrls('https://a.example/t/1'), [
    `https://a.example/t/1${OPENID}`,
    `https://a.example${OAUTH}/t/1`,
  ])
})

test('the discovery document names the set', async t => {
  const server = await startWebServer(t, () => {})
  const document = { issuer: server.url, jwks_uri: `${server.url}/keys` }
  server.answer = sayByPath({ [OPENID]: document, '/keys': set })
  t.equal(await discover(server.url), JSON.stringify(set))
  server.answer = sayByPath({ [OAUTH]: document, '/keys': set })
  t.equal(await discover(server.url), JSON.stringify(set), 'in the place of RFC 8414 too')
})

test('a document that will not do is said to be so', async t => {
  const server = await startWebServer(t, () => {})
  const { url } = server
  for (const [document, message] of [
    [{ issuer: `${url}/`, jwks_uri: url }, `is of the issuer "${url}/", not ${url}`],
    [{ jwks_uri: url }, `is of the issuer undefined, not ${url}`],
    [{ issuer: url }, 'names no jwks_uri'],
    [{ issuer: url, jwks_uri: 7 }, 'names no jwks_uri'],
    [
      { issuer: url, jwks_uri: 'http://keys.example/' },
      'names a jwks_uri, http://keys.example/, that is not encrypted',
    ],
    [{ issuer: url, jwks_uri: 'file:///etc/passwd' }, 'that is no https:// URL'],
    ['text', 'is no JSON object'],
  ] as const) {
    server.answer = sayByPath({ [OPENID]: document })
    const found = await discover(url)
    t.ok(found.startsWith(`${url}${OPENID} `), found)
    t.match(found, message)
  }
  server.answer = (_, response) => response.writeHead(404).end()
  t.equal(await discover(url), `${url}${OAUTH} answers 404`)
  server.answer = (_, response) => response.writeHead(200).end('<html>')
  t.equal(await discover(url), `${url}${OPENID} is no JSON object`)
  server.answer = (_, response) => response.writeHead(302, { Location: '/x' }).end()
  t.equal(await discover(url), `${url}${OPENID} answers 302`)
})

test('a set without a key that can be used is none', async t => {
  const server = await startWebServer(t, sayJson({ keys: [] }))
  const fetch = async () =>
    await fetchKeySet({ issuer: 'a', keys: { kind: 'url', url: server.url } }, '')
  t.equal(await fetch(), `${server.url} holds no key`)
  server.answer = sayJson({ keys: [{ kty: 'oct', k: 'AAAA', alg: 'HS256' }] })
  t.equal(
    await fetch(),
    `${server.url} holds no key that can be used: of #0, it is a secret (kty oct)`,
  )
  server.answer = sayJson({ a: 'x'.repeat(FETCH_BYTES_MAX) })
  t.equal(await fetch(), `${server.url} answers with more than ${FETCH_BYTES_MAX} bytes`)
  server.answer = sayJson(set)
  t.match(await fetch(), { text: JSON.stringify(set), isNamed: false })
})
