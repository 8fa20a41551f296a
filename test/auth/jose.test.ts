/** weir and jose on the same tokens: what weir takes for good must be good to the other implementation. */
import * as fc from 'fast-check'
import { createLocalJWKSet, jwtVerify, type JWTVerifyGetKey } from 'jose'
import { test } from 'tap'
import { IssuerKeys } from '../../src/auth/issuer-keys.ts'
import { Jwt } from '../../src/auth/jwt.ts'
import { openKeySet } from '../../src/auth/key-set.ts'
import {
  AUDIENCE,
  encode,
  forge,
  goodClaims,
  ISSUER,
  keySetText,
  makeKey,
  type SigningKey,
} from '../support/tokens.ts'

const NOW = 1_800_000_000
const LEEWAY = 30
const keys = ['ES256', 'RS256', 'PS256', 'EdDSA'].map(alg => makeKey(alg, alg))
const text = keySetText(...keys)

const issuer = new IssuerKeys(() => {})
issuer.replace(openKeySet({ text, isNamed: false }))
issuer.looked(3_600_000)
const jwt = new Jwt(new Map([[ISSUER, issuer]]), {
  audiences: [AUDIENCE],
  type: 'any',
  leewaySeconds: LEEWAY,
  lengthMax: 8192,
  cache: { tokens: 100, characters: 100_000 },
})
const joseKeys: JWTVerifyGetKey = createLocalJWKSet(
  JSON.parse(text) as Parameters<typeof createLocalJWKSet>[0],
)

async function weirTakes(token: string): Promise<boolean> {
  return typeof (await jwt.check(token, NOW)) === 'object'
}

async function joseTakes(token: string): Promise<boolean> {
  try {
    await jwtVerify(token, joseKeys, {
      issuer: ISSUER,
      audience: AUDIENCE,
      clockTolerance: LEEWAY,
      currentDate: new Date(NOW * 1000),
    })
    return true
  } catch {
    return false
  }
}

const key = fc.constantFrom(...keys)
const time = fc.oneof(
  fc.integer({ min: NOW - 40, max: NOW + 40 }),
  fc.constantFrom(undefined, 0, -1, NOW + 3600, NOW + 0.5, '1', null, 1e300),
)
const name = fc.constantFrom(undefined, ISSUER, `${ISSUER}/`, AUDIENCE, '', 7, null, [ISSUER])
const claims = fc.record(
  {
    iss: fc.oneof({ weight: 9, arbitrary: fc.constant(ISSUER) }, name),
    aud: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(AUDIENCE, [AUDIENCE, 'b']) },
      name,
      fc.constantFrom([], ['b'], {}),
    ),
    exp: fc.oneof({ weight: 9, arbitrary: fc.constant(NOW + 3600) }, time),
    nbf: time,
    iat: time,
    sub: name,
    extra: fc.jsonValue({ maxDepth: 3 }),
  },
  { requiredKeys: ['iss', 'aud', 'exp'] },
)
const header = fc.record(
  {
    alg: fc.constantFrom('ES256', 'RS256', 'PS256', 'EdDSA', 'HS256', 'none', 'ES384', ''),
    kid: fc.constantFrom('ES256', 'RS256', 'PS256', 'EdDSA', '', 'x'),
    typ: fc.constantFrom('JWT', 'at+jwt', 'application/at+jwt', 'dpop+jwt'),
    crit: fc.constantFrom(['exp'], []),
    b64: fc.boolean(),
    x: fc.string(),
  },
  { requiredKeys: [] },
)

function good(signer: SigningKey): object {
  return { alg: signer.alg, kid: signer.kid, typ: 'JWT' }
}

test('of tokens with any header and claims weir takes none that jose does not', async t => {
  let taken = 0
  const token = fc
    .tuple(key, fc.option(header, { freq: 2 }), claims)
    .map(([signer, change, body]) => forge(signer, { ...good(signer), ...change }, body))
  await fc.assert(
    fc.asyncProperty(token, async token => {
      if (!(await weirTakes(token))) return true
      taken++
      return await joseTakes(token)
    }),
    { numRuns: 1500 },
  )
  t.ok(taken > 50, `${taken} were taken`)
})

test('of good tokens that were tampered with weir takes none that jose does not', async t => {
  const tampered = fc
    .tuple(key, fc.nat(), fc.constantFrom(...'.=-_+/Aa0 \n'.split('')), fc.constantFrom(0, 1, 2))
    .map(([signer, at, character, cut]) => {
      const token = forge(signer, good(signer), goodClaims(NOW))
      const i = at % token.length
      return token.slice(0, i) + character + token.slice(i + cut)
    })
  await fc.assert(
    fc.asyncProperty(tampered, async token => {
      return !(await weirTakes(token)) || (await joseTakes(token))
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

test('good tokens are good to both', async t => {
  for (const signer of keys) {
    const token = forge(signer, good(signer), goodClaims(NOW))
    t.ok(await weirTakes(token), signer.alg)
    t.ok(await joseTakes(token), signer.alg)
  }
  // What weir is stricter about, each with its reason in docs/tokens.md.
  const [es] = keys
  for (const [what, token] of [
    ['no exp', forge(es!, good(es!), goodClaims(NOW, { exp: undefined }))],
    [
      'a claim twice',
      forge(es!, good(es!), JSON.stringify(goodClaims(NOW)).replace('{', '{"sub":"x",')),
    ],
    ['another typ', forge(es!, { ...good(es!), typ: 'dpop+jwt' }, goodClaims(NOW))],
    ['its own key', forge(es!, { ...good(es!), jwk: es!.jwk }, goodClaims(NOW))],
  ] as const) {
    t.notOk(await weirTakes(token), what)
    t.ok(await joseTakes(token), what)
  }
  t.notOk(await weirTakes(`${encode({ alg: 'none' })}.${encode(goodClaims(NOW))}.`))
})
