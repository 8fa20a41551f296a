/** What a token costs that is known already, and what the cheapest refusals do. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { IssuerKeys } from '../../src/auth/issuer-keys.ts'
import { Jwt } from '../../src/auth/jwt.ts'
import { openKeySet } from '../../src/auth/key-set.ts'

const ISSUER = 'https://issuer.example'
const NOW = 1_800_000_000

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'RS256' }
const keys = new IssuerKeys(() => {})
keys.replace(openKeySet({ text: JSON.stringify({ keys: [jwk] }), isNamed: false }))
keys.looked(3_600_000)
const jwt = new Jwt(new Map([[ISSUER, keys]]), {
  audiences: ['weir'],
  type: 'any',
  leewaySeconds: 30,
  lengthMax: 8192,
  cache: { tokens: 10_000, characters: 10_240_000 },
})

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** About 800 characters, as identity providers make them. */
function token(claims: object): string {
  const all = {
    iss: ISSUER,
    aud: ['weir', 'account'],
    sub: '248289761001',
    client_id: 's6BhdRkqt3',
    iat: NOW,
    exp: NOW + 3600,
    scope: 'openid profile email reademail',
    jti: '3e1fd3b8-5d2b-4a0e-9a6a-2f5a0f1d8f57',
    ...claims,
  }
  const signed = `${encode({ alg: 'RS256', kid: 'a', typ: 'at+jwt' })}.${encode(all)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
}

const known = token({})
const expired = token({ exp: NOW - 60 })
const someone = await jwt.check(known, NOW)
if (typeof someone === 'number') throw new Error('the token is not good')

export const tokenParts: Readonly<Record<string, () => void>> = {
  [`JWT of ${known.length} characters that is known`]: () => void jwt.check(known, NOW),
  'JWT that is expired': () => void jwt.check(expired, NOW),
}
