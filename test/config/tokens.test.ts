import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { testAuthority } from '../support/certificates.ts'
import { bad, good, load } from '../support/config.ts'
import { keySetText, makeKey } from '../support/tokens.ts'

const HTTP = { listen: ['http://127.0.0.1:1'], backend: ['http://127.0.0.1:2'] }
const ISSUER = 'https://issuer.example'
const FOR_US = { ...HTTP, 'jwt-audience': ['us'] }

function file(t: Test, name: string, content: string): string {
  const path = join(t.testdir(), name)
  writeFileSync(path, content)
  return path
}

test('without tokens nothing is asked', async t => {
  t.match(good(t, HTTP).tokens, { jwt: { issuers: [] }, introspection: { url: '' } })
})

test('an issuer alone is discovered, and has defaults', async t => {
  const { tokens } = good(t, { ...FOR_US, 'jwt-issuer': [ISSUER] })
  t.strictSame(tokens, {
    jwt: {
      issuers: [{ issuer: ISSUER, keys: { kind: 'discovery' } }],
      type: 'any',
      algorithms: [],
      leewayMs: 30_000,
      refreshMs: 600_000,
      coolDownMs: 10_000,
      keepMs: 86_400_000,
    },
    introspection: { url: '', client: '', timeoutMs: 3000, cacheMs: 60_000, graceMs: 0 },
    dpop: { windowMs: 60_000, proofsMax: 256_000 },
    issuerCa: '',
    audiences: ['us'],
    cacheMax: 10_000,
  })
})

test('each issuer has the set in its own place', async t => {
  const set = file(t, 'set.json', keySetText(makeKey('ES256')))
  const { tokens } = good(t, {
    ...FOR_US,
    'jwt-issuer': [ISSUER, 'accounts.example', 'https://third.example'],
    jwks: ['https://keys.example/set', set, 'discovery'],
  })
  t.strictSame(
    tokens.jwt.issuers.map(({ keys }) => keys),
    [
      { kind: 'url', url: 'https://keys.example/set' },
      { kind: 'file', path: set, isNamed: false },
      { kind: 'discovery' },
    ],
  )
})

test('any audience must be asked for', async t => {
  t.strictSame(bad(t, { ...HTTP, 'jwt-issuer': [ISSUER] }), [
    '--jwt-audience: is not given, and tokens that the issuer made for others would do; write what aud of yours holds, or * for whatever it holds',
  ])
  const any = good(t, { ...HTTP, 'jwt-issuer': [ISSUER], 'jwt-audience': ['*'] })
  t.strictSame(any.tokens.audiences, [])
})

test('what does not go together is told', async t => {
  for (const [flags, problem] of [
    [{ jwks: ['https://a.example'] }, '--jwks: is of no use without --jwt-issuer'],
    [{ 'jwt-key': 'x' }, '--jwt-key: is of no use without --jwt-issuer'],
    [{}, '--jwt-audience: is of no use without --jwt-issuer or --introspection-url'],
    [
      { 'introspection-client': 'x' },
      '--introspection-client: is of no use without --introspection-url',
    ],
    [
      { 'jwt-issuer': ['http://issuer.example'] },
      /^--jwt-issuer: http:\/\/issuer\.example is not encrypted/,
    ],
    [{ 'jwt-issuer': ['issuer'] }, /^--jwt-issuer: issuer is no https:\/\/ URL; .* --jwks$/],
    [{ 'jwt-issuer': [ISSUER, ISSUER] }, `--jwt-issuer: ${ISSUER} is given twice`],
    [
      { 'jwt-issuer': [ISSUER, 'https://b.example'], jwks: ['https://a.example'] },
      /^--jwks: 1 are given for 2/,
    ],
    [
      { 'jwt-issuer': [ISSUER], jwks: ['http://a.example'] },
      /^--jwks: http:\/\/a\.example is not encrypted/,
    ],
    [
      { 'jwt-issuer': [ISSUER], 'jwt-algorithm': ['ES265'] },
      /^--jwt-algorithm: "ES265" is not one of RS256, .*ES256/,
    ],
    [
      { 'jwt-issuer': [ISSUER], 'jwt-algorithm': ['none'] },
      /^--jwt-algorithm: "none" is not one of RS256/,
    ],
    [
      { 'introspection-url': 'http://a.example' },
      /^--introspection-url: http:\/\/a\.example is not encrypted/,
    ],
  ] as const) {
    const problems = bad(t, { ...FOR_US, ...flags })
    t.ok(
      problems.some(each => (typeof problem === 'string' ? each === problem : problem.test(each))),
      problems.join('\n'),
    )
  }
  const key = file(t, 'key.json', keySetText(makeKey('ES256')))
  t.match(bad(t, { ...FOR_US, 'jwt-issuer': ['a', 'b'], 'jwt-key': key }), [
    /^--jwt-key: is for one --jwt-issuer without --jwks/,
  ])
})

test('files that cannot be used keep it from starting', async t => {
  const empty = file(t, 'empty.json', '{"keys":[]}')
  const issuer = { ...FOR_US, 'jwt-issuer': [ISSUER] }
  t.strictSame(bad(t, { ...issuer, jwks: [empty] }), [`--jwks: ${empty} holds no key`])
  t.strictSame(bad(t, { ...issuer, 'jwt-key': '/nowhere' }), ['--jwt-key: /nowhere does not exist'])
  t.strictSame(bad(t, { ...issuer, 'issuer-ca': empty }), [
    `--issuer-ca: ${empty} holds no PEM certificate`,
  ])
  good(t, { ...issuer, 'issuer-ca': testAuthority(t).file })
  const asks = { ...HTTP, 'introspection-url': 'https://a.example/introspect' }
  for (const content of ['secret', ':secret', 'id:', 'id:secret\nmore', 'id:se\tcret']) {
    const client = file(t, 'client', content)
    const problems = bad(t, { ...asks, 'introspection-client': client })
    t.strictSame(problems, [`--introspection-client: ${client} is not one line of ID:SECRET`])
  }
})

test('bad keys and open secrets are warned of', async t => {
  const secret = { kty: 'oct', alg: 'HS256', k: Buffer.alloc(32, 7).toString('base64url') }
  const directory = t.testdir({
    'key.json': JSON.stringify({ keys: [secret, { kty: 'x', kid: 'odd' }] }),
    client: 'id:secret\n',
  })
  const key = join(directory, 'key.json')
  const client = join(directory, 'client')
  const flags = {
    ...FOR_US,
    'jwt-issuer': [ISSUER],
    'jwt-key': key,
    'introspection-url': 'https://a.example',
    'introspection-client': client,
  }
  chmodSync(key, 0o644)
  chmodSync(client, 0o644)
  const open = load(t, flags)
  t.strictSame('warnings' in open && open.warnings, [
    `${key}: key odd is left out: its kty is "x"`,
    `--jwt-key: ${key} holds a secret that everybody may read; chmod o-r it`,
    `--introspection-client: ${client} holds a secret that everybody may read; chmod o-r it`,
  ])
  chmodSync(key, 0o600)
  chmodSync(client, 0o600)
  const closed = load(t, flags)
  t.strictSame('warnings' in closed && closed.warnings, [
    `${key}: key odd is left out: its kty is "x"`,
  ])
})
