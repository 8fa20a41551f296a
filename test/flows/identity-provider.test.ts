/** weir and a real identity provider: discovery, new keys under load, introspection, and a provider that is down. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { ask, askWith } from '../support/ask.ts'
import { sayName, startHttpBackend } from '../support/http-backend.ts'
import {
  ASKER,
  type IdentityProvider,
  JWT_RESOURCE,
  OPAQUE_RESOURCE,
  startIdentityProvider,
} from '../support/identity-provider.ts'
import { makeKey } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { startWeir, withoutLimits } from '../support/weir.ts'

async function start(t: Test, ...flags: string[]) {
  const backend = await startHttpBackend(t, sayName('a'))
  const weir = await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url],
      ...(flags.includes('--workers') ? [] : ['--workers', '2']),
      ...['--request-rate', '0', '--auth-failure-rate', '0'],
      ...flags,
    ),
  )
  return { weir, port: weir.ports[0]!, backend }
}

function believing({ issuer }: IdentityProvider): string[] {
  return ['--jwt-issuer', issuer, '--jwt-audience', JWT_RESOURCE, '--jwt-type', 'at+jwt']
}

/** Flags to ask the provider about opaque tokens. */
function asking(t: Test, { issuer }: IdentityProvider, ...more: string[]): string[] {
  const client = join(t.testdir(), 'client')
  writeFileSync(client, `${ASKER.id}:${ASKER.secret}\n`)
  chmodSync(client, 0o600)
  return [
    ...['--introspection-url', `${issuer}/token/introspection`, '--introspection-client', client],
    ...['--jwt-audience', OPAQUE_RESOURCE],
    ...more,
  ]
}

test('its tokens are believed by what it publishes, and no others', async t => {
  const provider = await startIdentityProvider(t, makeKey('ES256', 'one'))
  const { port, backend } = await start(t, ...believing(provider))
  const token = await provider.token(JWT_RESOURCE, 'read write')
  t.equal(await askWith(port, token), '200')
  t.match(backend.seen[0]!.headers, { 'x-weir-subject': 'app', 'x-weir-scopes': 'read write' })
  t.strictSame(
    provider.server.seen.filter(each => each.startsWith('GET')),
    ['GET /.well-known/openid-configuration', 'GET /jwks'],
    'asked once, for all workers',
  )
  const stranger = await startIdentityProvider(t, makeKey('ES256', 'one'))
  t.equal(await askWith(port, await stranger.token(JWT_RESOURCE)), '401 token-issuer')
})

test('keys change under load without one token turned away that was good', async t => {
  const keys = ['one', 'two', 'three'].map(kid => makeKey('ES256', kid))
  const provider = await startIdentityProvider(t, keys[0]!)
  const { port } = await start(t, ...believing(provider))
  const verdicts = new Map<string, number>()
  const load = { isOver: false }
  // Each client gets itself a token, uses it a few times, and then another.
  const client = async (): Promise<void> => {
    while (!load.isOver) {
      const token = await provider.token(JWT_RESOURCE)
      for (let i = 0; i < 4; i++) {
        const verdict = await askWith(port, token)
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
      }
    }
  }
  const count = () => [...verdicts.values()].reduce((sum, each) => sum + each, 0)
  const clients = Array.from({ length: 8 }, client)
  const atLeast = async (more: number) => {
    const end = count() + more
    await until(() => count() >= end, `${more} more requests`, 60_000)
  }
  await atLeast(100)
  for (const next of [1, 2]) {
    // At once: it signs with a key that nobody has seen, and publishes the one before as well.
    provider.useKeys(keys[next]!, keys[next - 1]!)
    await atLeast(100)
  }
  load.isOver = true
  await Promise.all(clients)
  t.strictSame([...verdicts.keys()], ['200'], JSON.stringify([...verdicts]))
})

test('while it is down its tokens are believed by the last keys, and it is found again', async t => {
  const provider = await startIdentityProvider(t, makeKey('ES256', 'one'))
  const { port, weir } = await start(t, ...believing(provider), '--jwks-refresh', '1s')
  const tokens = await Promise.all([1, 2].map(async () => await provider.token(JWT_RESOURCE)))
  t.equal(await askWith(port, tokens[0]!), '200')
  await provider.server.stop()
  await weir.line(({ msg }) => msg === 'keys of the issuer cannot be had', 'told once')
  t.equal(await askWith(port, tokens[0]!), '200')
  t.equal(await askWith(port, tokens[1]!), '200', 'also one that nobody saw before')
  await provider.server.restart()
  await weir.line(({ msg }) => msg === 'keys of the issuer are there again', 'back')
})

test('a provider that is down at start keeps its own tokens out, and nothing else', async t => {
  const provider = await startIdentityProvider(t, makeKey('ES256', 'one'))
  const token = await provider.token(JWT_RESOURCE)
  await provider.server.stop()
  const { port } = await start(t, ...believing(provider), '--jwks-cooldown', '1s')
  const { status, reason, head } = await ask(port, `Authorization: Bearer ${token}`)
  t.equal(`${status} ${reason}`, '503 keys-unavailable')
  t.match(head, /\r\nRetry-After: \d/)
  await provider.server.restart()
  await until(async () => (await askWith(port, token)) === '200', 'it lets in again')
})

test('an opaque token is asked about, and remembered for a while', async t => {
  const provider = await startIdentityProvider(t, makeKey('ES256', 'one'))
  const { port, backend, weir } = await start(
    t,
    ...asking(t, provider, '--introspection-cache', '2s', '--workers', '1'),
  )
  const token = await provider.token(OPAQUE_RESOURCE)
  const asked = () => provider.server.seen.filter(each => each.includes('introspection')).length
  const verdicts = await Promise.all(
    Array.from({ length: 20 }, async () => await askWith(port, token)),
  )
  t.strictSame([...new Set(verdicts)], ['200'])
  t.equal(asked(), 1, 'twenty requests at once, one question')
  t.match(backend.seen[0]!.headers, { 'x-weir-client': 'app', 'x-weir-auth': 'introspection' })
  await provider.revoke(token)
  await until(async () => (await askWith(port, token)) === '401 token-inactive', 'revoked', 5000)
  t.equal(await askWith(port, 'made-up'), '401 token-inactive')
  t.equal(await weir.metric('weir_introspections_total', { answer: 'active' }), 1)
  t.notMatch(JSON.stringify(weir.lines), ASKER.secret)
  t.notMatch(JSON.stringify(weir.lines), token)
})

test('while it is down nobody is let in, and at once; then it is asked again', async t => {
  const provider = await startIdentityProvider(t, makeKey('ES256', 'one'))
  const { port, weir } = await start(t, ...asking(t, provider, '--workers', '1'))
  const token = await provider.token(OPAQUE_RESOURCE)
  await provider.server.stop()
  for (let i = 0; i < 8; i++) t.equal(await askWith(port, token), '503 introspection-down')
  await weir.line(({ msg }) => msg === 'introspection server is down', 'told')
  await provider.server.restart()
  await until(async () => (await askWith(port, token)) === '200', 'it lets in again')
  await weir.line(({ msg }) => msg === 'introspection server answers again', 'told')
})

test('who was let in lately stays so while it is down, if the operator says so', async t => {
  const provider = await startIdentityProvider(t, makeKey('ES256', 'one'))
  const flags = ['--introspection-cache', '1s', '--introspection-grace', '1h', '--workers', '1']
  const { port, weir } = await start(t, ...asking(t, provider, ...flags))
  const [known = '', other = ''] = await Promise.all(
    [1, 2].map(async () => await provider.token(OPAQUE_RESOURCE)),
  )
  t.equal(await askWith(port, known), '200')
  await provider.server.stop()
  await until(async () => {
    t.equal(await askWith(port, known), '200')
    return (await weir.metric('weir_introspections_total', { answer: 'failed' })) > 0
  }, 'it is asked again, in vain')
  t.equal(await askWith(port, known), '200')
  t.equal(await askWith(port, other), '503 introspection-down')
})

test('JSON Web Tokens are verified, and others asked about, side by side', async t => {
  const provider = await startIdentityProvider(t, makeKey('ES256', 'one'))
  const { port } = await start(t, ...believing(provider), ...asking(t, provider))
  const asked = () => provider.server.seen.filter(each => each.includes('introspection')).length
  t.equal(await askWith(port, await provider.token(JWT_RESOURCE)), '200')
  t.equal(asked(), 0)
  t.equal(await askWith(port, await provider.token(OPAQUE_RESOURCE)), '200')
  t.equal(asked(), 1)
})
