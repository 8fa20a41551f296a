/**
 * API keys: found by the hash of what was sent, in a map.
 *
 * Nothing of a key is compared, so there is no time to be measured that tells how much of one is right: who does
 * not have a key cannot choose what its hash begins with.
 */
import { AUTHORIZATION, X_API_KEY } from '../codec/http1/field-names.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { refusal } from '../core/refusals.ts'
import { KeyUsage } from '../shared/key-usage.ts'
import { DAMAGED, FOREIGN, formOf, hashKey, KEY_PREFIX } from './api-key-form.ts'
import { readAuthorization } from './authorization.ts'
import type { Identity, IdentityLimits } from './identity.ts'
import { findInQuery } from './query-key.ts'
import type { Scheme } from './scheme.ts'

const AMBIGUOUS = refusal('credential-ambiguous')
const MALFORMED = refusal('key-malformed')
const CHECKSUM = refusal('key-checksum')
const UNKNOWN = refusal('key-unknown')
const EXPIRED = refusal('key-expired')
const REVOKED = refusal('key-revoked')

/** Longest key that is looked up: imported ones may have any form. */
export const FOREIGN_KEY_MAX = 512

/** A key as workers know it. */
export interface ApiKey {
  /** For logs; never secret. */
  readonly id: string
  readonly name: string
  /** SHA-256 in hexadecimal. */
  readonly hash: string
  readonly scopes: readonly string[]
  readonly limits: IdentityLimits | null
  /** Seconds since 1970; Infinity for never. */
  readonly expiresAt: number
  /** Seconds since 1970; Infinity for never. */
  readonly revokedAt: number
  /** Made elsewhere: it may have any form. */
  readonly imported: boolean
}

/** Plain data, posted to the workers. */
export interface ApiKeySet {
  readonly keys: readonly ApiKey[]
  /** See shared/key-usage.ts. */
  readonly usage: SharedArrayBuffer
}

interface Entry {
  readonly place: number
  readonly revokedAt: number
  readonly identity: Identity
}

export class ApiKeys implements Scheme {
  readonly name = 'api-key'
  readonly #query: string
  #entries: ReadonlyMap<string, Entry> = new Map()
  #byIdentity: ReadonlyMap<Identity, Entry> = new Map()
  #usage = KeyUsage.forKeys(0)
  #hasForeign = false

  /** @param query parameter that may hold the key; '' for none */
  constructor(query: string) {
    this.#query = query
  }

  /** Uses these keys and no others from now on. */
  load({ keys, usage }: ApiKeySet): void {
    const entries = new Map<string, Entry>()
    for (const [place, key] of keys.entries()) {
      entries.set(key.hash, { place, revokedAt: key.revokedAt, identity: identityOf(key) })
    }
    this.#entries = entries
    this.#byIdentity = new Map(entries.values().map(entry => [entry.identity, entry]))
    this.#usage = new KeyUsage(usage)
    this.#hasForeign = keys.some(({ imported }) => imported)
  }

  find(head: RequestHead): string | number {
    const field = head.only(X_API_KEY)
    if (field < -1) return AMBIGUOUS
    let found = field === -1 ? '' : head.value(field)
    if (found === '') {
      const sent = readBearer(head)
      if (typeof sent === 'number') return sent
      found = sent
    } else if (head.only(AUTHORIZATION) !== -1 && contradicts(head, found)) return AMBIGUOUS
    if (this.#query === '') return found
    const inQuery = findInQuery(head.target.query, this.#query)
    if (inQuery === null) return AMBIGUOUS
    if (found !== '' && inQuery !== '' && found !== inQuery) return AMBIGUOUS
    return found === '' ? inQuery : found
  }

  recognises(credential: string): boolean {
    return credential.startsWith(KEY_PREFIX)
  }

  check(credential: string, nowSeconds: number): Identity | number {
    const form = formOf(credential)
    if (form === DAMAGED) return CHECKSUM
    if (form === FOREIGN && (!this.#hasForeign || credential.length > FOREIGN_KEY_MAX)) {
      return MALFORMED
    }
    const entry = this.#entries.get(hashKey(credential))
    if (entry === undefined) return UNKNOWN
    if (entry.revokedAt <= nowSeconds) return REVOKED
    if (entry.identity.expiresAt <= nowSeconds) return EXPIRED
    this.#usage.note(entry.place, nowSeconds)
    return entry.identity
  }

  /** Not if the keys were replaced since: each set has identities of its own. */
  stands(identity: Identity, nowSeconds: number): boolean {
    const entry = this.#byIdentity.get(identity)
    if (entry === undefined || entry.revokedAt <= nowSeconds) return false
    if (identity.expiresAt <= nowSeconds) return false
    this.#usage.note(entry.place, nowSeconds)
    return true
  }
}

/** Whether Authorization has another key: what is for the backend is none. */
function contradicts(head: RequestHead, key: string): boolean {
  const sent = readAuthorization(head, 'apikey')
  if (sent !== '') return sent !== key
  const bearer = readBearer(head)
  return typeof bearer === 'string' && bearer.startsWith(KEY_PREFIX) && bearer !== key
}

/** `Authorization: Bearer` or `ApiKey`. */
function readBearer(head: RequestHead): string | number {
  const bearer = readAuthorization(head, 'bearer')
  return bearer === '' ? readAuthorization(head, 'apikey') : bearer
}

function identityOf({ id, name, scopes, limits, expiresAt }: ApiKey): Identity {
  return {
    scheme: 'api-key',
    subject: name,
    client: name,
    scopes,
    claims: {},
    keyId: id,
    expiresAt,
    ...(limits === null ? {} : { limits }),
  }
}
