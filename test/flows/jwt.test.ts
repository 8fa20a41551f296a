/** JSON Web Tokens in front of a real backend: what is wrong gets no further, and new keys are everywhere soon. */
import { createSecretKey } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { ask, askWith } from '../support/ask.ts'
import { type HttpBackend, sayName, startHttpBackend } from '../support/http-backend.ts'
import {
  AUDIENCE,
  forge,
  goodClaims,
  ISSUER,
  issue,
  keySetText,
  makeKey,
  type SigningKey,
} from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { startWebServer, sayJson } from '../support/web-server.ts'
import { runWeir, startWeir, withoutLimits } from '../support/weir.ts'
import { wrongTokens } from '../support/wrong-tokens.ts'

const es = makeKey('ES256', 'es')
const rs = makeKey('RS256', 'rs')
/** What a worker takes of a token. */
const LENGTH_MAX = 8192

const now = () => Math.floor(Date.now() / 1000)

function writeKeys(path: string, ...keys: readonly SigningKey[]): void {
  writeFileSync(`${path}.new`, keySetText(...keys))
  renameSync(`${path}.new`, path)
}

async function start(t: Test, backend: HttpBackend, ...flags: string[]) {
  return await startWeir(
    t,
    withoutLimits(
      ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '3'],
      ...['--request-rate', '0', '--auth-failure-rate', '0'],
      ...['--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE],
      ...flags,
    ),
  )
}

test('every wrong token is refused by its name, and nothing of it reaches the backend', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const path = join(t.testdir(), 'keys.json')
  writeKeys(path, es, rs)
  const weir = await start(t, backend, '--jwks', path)
  const port = weir.ports[0]!
  const counts = new Map<string, number>()
  for (const [name, cases] of Object.entries(wrongTokens(es, rs, now(), LENGTH_MAX))) {
    for (const [what, token] of cases) {
      // What no field value may hold does not get as far as that.
      if (/[^\x21-\x7e]/.test(token) && !token.includes(' ')) continue
      const { status, reason, head } = await ask(port, `Authorization: Bearer ${token}`)
      t.equal(`${status} ${reason}`, `401 ${name}`, what)
      t.match(head, 'WWW-Authenticate: Bearer realm="weir", error="invalid_token"')
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  t.equal(backend.seen.length, 0)
  for (const [reason, count] of counts)
    await weir.metricIs('weir_refusals_total', { reason }, count)
  t.equal(await askWith(port, await issue(es, goodClaims(now()))), '200')
  t.equal(backend.seen.length, 1)
})

test('no token is no error, and two of them are one too many', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const path = join(t.testdir(), 'keys.json')
  writeKeys(path, es)
  const weir = await start(t, backend, '--jwks', path)
  const { status, reason, head } = await ask(weir.ports[0]!)
  t.equal(`${status} ${reason}`, '401 credential-missing')
  t.match(head, /WWW-Authenticate: Bearer realm="weir"\r\n/)
  const good = await issue(es, goodClaims(now()))
  const field = `Authorization: Bearer ${good}`
  t.equal((await ask(weir.ports[0]!, field, field)).reason, 'credential-ambiguous')
  t.equal((await ask(weir.ports[0]!, `Authorization: Basic ${good}`)).reason, 'credential-missing')
  t.equal(backend.seen.length, 0)
})

test('the backend is told who it is, whatever the client says of itself', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const path = join(t.testdir(), 'keys.json')
  writeKeys(path, es)
  const weir = await start(t, backend, '--jwks', path)
  const token = await issue(es, goodClaims(now(), { client_id: 'app', scope: 'read write' }))
  await ask(weir.ports[0]!, `Authorization: Bearer ${token}`, 'X-Weir-Subject: admin')
  t.match(backend.seen[0]!.headers, {
    'x-weir-subject': 'someone',
    'x-weir-client': 'app',
    'x-weir-scopes': 'read write',
    'x-weir-auth': 'jwt',
  })
  t.notMatch(JSON.stringify(weir.lines), token, 'no token in the log')
  await weir.line(({ msg }) => msg === 'request', 'an access line')
  t.notMatch(JSON.stringify(weir.lines), token.split('.')[2]!)
})

test('a key set that is replaced counts in every worker within a second', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const path = join(t.testdir(), 'keys.json')
  writeKeys(path, es)
  const weir = await start(t, backend, '--jwks', path)
  const port = weir.ports[0]!
  const old = await issue(es, goodClaims(now()))
  const next = await issue(rs, goodClaims(now()))
  // Each connection is another worker's, as the kernel has it: thirty reach all three.
  const everywhere = async (token: string) =>
    new Set(await Promise.all(Array.from({ length: 30 }, async () => await askWith(port, token))))
  t.strictSame([...(await everywhere(old))], ['200'])
  const replacedMs = Date.now()
  writeKeys(path, rs)
  const told = await weir.line(({ msg }) => msg === 'keys of the issuer changed', 'the new set')
  // By the clock of weir: how fast this test asks thirty times is no matter of it.
  t.ok(Number(told['time']) - replacedMs < 1000, 'within a second')
  await until(async () => {
    const verdicts = [...(await everywhere(old)), ...(await everywhere(next))].toSorted()
    return verdicts.join() === '200,401 token-key-unknown'
  }, 'the old key is gone, and the new one there')
})

test('a storm of unknown kids makes main look once', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const server = await startWebServer(t, sayJson(JSON.parse(keySetText(es))))
  const weir = await start(t, backend, '--jwks', server.url, '--jwks-cooldown', '1h')
  const port = weir.ports[0]!
  t.equal(server.seen.length, 1)
  const storm = async (i: number) =>
    await askWith(port, forge(es, { alg: 'ES256', kid: `k${i}` }, goodClaims(now())))
  for (let round = 0; round < 10; round++) {
    const verdicts = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => await storm(round * 30 + i)),
    )
    t.strictSame([...new Set(verdicts)], ['401 token-key-unknown'])
  }
  t.equal(server.seen.length, 2, '300 tokens, one look')
  t.equal(await askWith(port, await issue(es, goodClaims(now()))), '200')
})

test('a secret is one only where the operator wrote it down', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const path = join(t.testdir(), 'key.json')
  const secret = Buffer.alloc(32, 9)
  writeFileSync(path, JSON.stringify({ kty: 'oct', alg: 'HS256', k: secret.toString('base64url') }))
  const weir = await start(t, backend, '--jwt-key', path)
  const key = { ...es, alg: 'HS256', privateKey: createSecretKey(secret) }
  t.equal(await askWith(weir.ports[0]!, await issue(key, goodClaims(now()))), '200')
  const { code, stderr } = await runWeir([
    ...['check', '--listen', 'http://127.0.0.1:0', '--backend', backend.url],
    ...['--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE, '--jwks', path],
  ])
  t.equal(code, 2)
  t.match(stderr, 'it is a secret (kty oct)')
})

test('a worker that is replaced knows the keys of now', async t => {
  const backend = await startHttpBackend(t, sayName('a'))
  const path = join(t.testdir(), 'keys.json')
  writeKeys(path, es)
  const script = new URL('../support/killable.ts', import.meta.url).pathname
  const flags = withoutLimits(
    ...['--listen', 'http://127.0.0.1:0', '--backend', backend.url, '--workers', '1'],
    ...['--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE, '--jwks', path],
  )
  const weir = await startWeir(t, flags, { script })
  writeKeys(path, rs)
  await weir.line(({ msg }) => msg === 'keys of the issuer changed', 'the new set')
  weir.child.stdin?.write('0\n')
  await weir.line(({ msg }) => msg === 'worker listens again', 'another worker')
  t.equal(await askWith(weir.ports[0]!, await issue(rs, goodClaims(now()))), '200')
})
