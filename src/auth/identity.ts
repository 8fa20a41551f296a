/** Who a client turned out to be: what every scheme comes down to, and all that policies look at. */
import type { SchemeName } from '../core/rejections.ts'

/** What the identity may do at most, on the whole host. */
export interface IdentityLimits {
  /** Requests per second; 0 for no limit. */
  readonly rate: number
  /** Requests at once after a pause; at least 1. */
  readonly burst: number
  /** Requests under way at the same time; 0 for no limit. */
  readonly concurrency: number
}

/** What the client has to show besides the credential: `cnf` of RFC 7800; '' for what is not asked for. */
export interface Confirmation {
  /** `x5t#S256`, RFC 8705 §3.1: SHA-256 of the client certificate, base64url. */
  readonly certificate: string
  /** `jkt`, RFC 9449 §6.1: SHA-256 thumbprint of the key of DPoP proofs, base64url. */
  readonly key: string
}

export interface Identity {
  readonly scheme: SchemeName
  /** Who it is: the name of an API key, `sub` of a token, the subject of a certificate; '' if it has none. */
  readonly subject: string
  /** What software acts for it: `client_id` or `azp` of a token, the name of an API key; '' if unknown. */
  readonly client: string
  readonly scopes: readonly string[]
  /** All that was said of it; {} for schemes without claims. */
  readonly claims: Readonly<Record<string, unknown>>
  /** Which credential it was, for the log and never secret: id of an API key, `kid` of a token; '' for none. */
  readonly keyId: string
  /** Seconds since 1970; Infinity for never. */
  readonly expiresAt: number
  readonly confirmation?: Confirmation
  readonly limits?: IdentityLimits
}

const UNBOUND: Confirmation = { certificate: '', key: '' }

/** A token that names no key is bound to none, and must come like that; undefined for credentials that are never bound. */
export function confirmationOf({ scheme, confirmation }: Identity): Confirmation | undefined {
  if (confirmation !== undefined) return confirmation
  return scheme === 'jwt' || scheme === 'introspection' ? UNBOUND : undefined
}
