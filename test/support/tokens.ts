/** An issuer of tokens for tests: good ones by jose, bad ones by hand. */
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { SignJWT } from 'jose'

export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'weir.example'

const KEY_TYPES: Readonly<Record<string, () => { publicKey: KeyObject; privateKey: KeyObject }>> = {
  R: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  P: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  Ed25519: () => generateKeyPairSync('ed25519'),
  Ed448: () => generateKeyPairSync('ed448'),
}

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** Its public half. */
  readonly jwk: Readonly<Record<string, unknown>>
}

export function makeKey(alg: string, kid = alg): SigningKey {
  const make = KEY_TYPES[alg] ?? KEY_TYPES[alg[0]!]!
  const { privateKey, publicKey } = make()
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
  return { kid, alg, privateKey, publicKey, jwk }
}

/** The text of a JWK set. */
export function keySetText(...keys: readonly { jwk: object }[]): string {
  return JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })
}

/** Claims of a token that is good for an hour from `now`; undefined takes one out. */
export function goodClaims(now: number, change: Readonly<Record<string, unknown>> = {}): object {
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'someone', iat: now, exp: now + 3600 }
  return { ...claims, ...change }
}

/** A token as jose makes it. */
export async function issue(
  key: SigningKey,
  claims: object,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return await new SignJWT({ ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
    .sign(key.privateKey)
}

/** Any header and payload, as text or as what is to become JSON, with a signature that is right for its bytes. */
export function forge(
  key: SigningKey,
  header: object | string,
  payload: object | string | Buffer,
): string {
  const signed = `${encode(header)}.${encode(payload)}`
  return `${signed}.${signatureOf(key, signed)}`
}

/** base64url; objects as JSON. */
export function encode(part: object | string | Buffer): string {
  const text = typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part)
  return Buffer.from(text).toString('base64url')
}

/** What a library makes that takes a public key for the secret of HS256. */
export function forgeWithPublicKey(key: SigningKey, claims: object): string {
  const signed = `${encode({ alg: 'HS256', kid: key.kid, typ: 'JWT' })}.${encode(claims)}`
  const secret = key.publicKey.export({ format: 'pem', type: 'spki' })
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

export function signatureOf({ alg, privateKey }: SigningKey, signed: string): string {
  const hash = alg.startsWith('Ed') ? null : `sha${alg.slice(2)}`
  const padding = alg.startsWith('PS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(alg.slice(2)) / 8 }
    : {}
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' as const, ...padding }
  return sign(hash, Buffer.from(signed), key).toString('base64url')
}
