/** Clients that prove to have a key (DPoP). */
import { createHash, randomUUID } from 'node:crypto'
import { forge, type SigningKey } from './tokens.ts'

/** RFC 7638, by the names of the members in their order. */
export function thumbprintOf({ publicKey }: SigningKey): string {
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, unknown>
  const names = ['crv', 'e', 'kty', 'n', 'x', 'y'].filter(name => jwk[name] !== undefined)
  return hash(JSON.stringify(Object.fromEntries(names.map(name => [name, jwk[name]]))))
}

export interface ProofOptions {
  readonly now: number
  readonly token: string
  readonly method?: string
  readonly url?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
}

/** A proof for one request. */
export function prove(key: SigningKey, options: ProofOptions): string {
  const { now, token, method = 'GET', url = 'https://a.test/', claims, header } = options
  const jwk = key.publicKey.export({ format: 'jwk' })
  return forge(
    key,
    { typ: 'dpop+jwt', alg: key.alg, jwk, ...header },
    { jti: randomUUID(), htm: method, htu: url, iat: now, ath: hash(token), ...claims },
  )
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
