/**
 * Proofs that a client has the key its token is bound to (DPoP, RFC 9449 §4.3), one for each request.
 *
 *   form → request → time → token → key → signature → not used before
 *
 * A proof brings its key itself, but which key it must be is told by the token: so the key is compared before
 * it is used. What is used once is remembered by all workers together for as long as it would count.
 */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { decodeBase64url } from '../codec/base64url.ts'
import { DPOP } from '../codec/http1/field-names.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { normalizePath } from '../codec/http1/target.ts'
import { type JsonObject, member, readJsonObject } from '../codec/strict-json.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import { FRESH, REPLAYED, type ReplayTable } from '../shared/replay-table.ts'
import { readJwk, whyUnfit } from './jwk.ts'
import type { VerifyKey } from './verify-key.ts'

export interface ProofRules {
  /** How old a proof may be, seconds. */
  readonly window: number
  /** How far the clock of a client may differ, seconds. */
  readonly leeway: number
}

const PROOF_MAX = 4096
const JTI_MAX = 256
/** Keys of clients a worker remembers; to make one takes as long as to verify with it. */
const KEYS_MAX = 4096
/** Proofs whose signatures are being checked in one worker. */
const VERIFYING_MAX = 256

const MISSING = refusal('dpop-missing')
const MALFORMED = refusal('dpop-malformed')
const MISMATCH = refusal('dpop-mismatch')
const STALE = refusal('dpop-stale')
const SIGNATURE = refusal('dpop-signature')
const USED = refusal('dpop-replayed')
const BUSY = refusal('auth-busy')

interface Proof {
  readonly alg: string
  readonly jwk: JsonObject
  readonly claims: JsonObject
  readonly signed: Buffer
  readonly signature: Buffer
}

export class DpopProofs {
  readonly #replays: ReplayTable
  readonly #rules: ProofRules
  /** By thumbprint and algorithm. */
  readonly #keys = new LRUCache<string, VerifyKey>({ max: KEYS_MAX })
  #verifying = 0

  constructor(replays: ReplayTable, rules: ProofRules) {
    this.#replays = replays
    this.#rules = rules
  }

  /**
   * Judges the proof of a request.
   *
   * @param isTls      whether it came over TLS
   * @param token      that it is for
   * @param thumbprint of the key it must be of (`cnf.jkt`)
   * @returns 0 or a rejection; a promise of it only for the signature
   */
  check(
    head: RequestHead,
    isTls: boolean,
    token: string,
    thumbprint: string,
    nowSeconds: number,
  ): number | Promise<number> {
    const field = head.only(DPOP)
    if (field < 0) return field === -1 ? MISSING : MALFORMED
    const proof = readProof(head.value(field))
    if (typeof proof === 'number') return proof
    const { claims, jwk, alg } = proof
    const jti = member(claims, 'jti')
    const htm = member(claims, 'htm')
    const htu = member(claims, 'htu')
    const iat = member(claims, 'iat')
    const ath = member(claims, 'ath')
    if (typeof jti !== 'string' || jti === '' || jti.length > JTI_MAX) return MALFORMED
    if (typeof htm !== 'string' || typeof htu !== 'string') return MALFORMED
    if (typeof iat !== 'number' || !Number.isFinite(iat)) return MALFORMED
    if (htm !== head.method || !isTarget(htu, head, isTls)) return MISMATCH
    const { window, leeway } = this.#rules
    if (iat + window + leeway <= nowSeconds || iat - leeway > nowSeconds) return STALE
    if (ath !== sha256(token)) return MISMATCH
    if (thumbprintOf(jwk) !== thumbprint) return MISMATCH
    const key = this.#keyOf(jwk, alg, thumbprint)
    if (key === null) return MALFORMED
    return this.#verify(proof, key, `${thumbprint} ${jti}`, nowSeconds)
  }

  #keyOf(jwk: JsonObject, alg: string, thumbprint: string): VerifyKey | null {
    // Of each proof: one that is known may come with what it must not have, its private half for one.
    if (whyUnfit(jwk) !== null) return null
    const name = `${alg} ${thumbprint}`
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    // The algorithm of a proof is that of its key: the key is for this one alone from here on.
    const key = readJwk({ ...jwk, alg, kid: '' }, { secrets: false, algorithms: [] })
    if (typeof key === 'string') return null
    this.#keys.set(name, key)
    return key
  }

  async #verify(proof: Proof, key: VerifyKey, name: string, nowSeconds: number): Promise<number> {
    if (this.#verifying >= VERIFYING_MAX) return BUSY
    this.#verifying++
    const { promise, resolve } = Promise.withResolvers<boolean>()
    key.verify(proof, resolve)
    const good = await promise
    this.#verifying--
    if (!good) return SIGNATURE
    // Last, so that only who has the key can have anything remembered.
    const digest = createHash('sha256').update(name).digest()
    const { window, leeway } = this.#rules
    const found = this.#replays.remember(digest, nowSeconds, nowSeconds + window + 2 * leeway + 1)
    if (found === FRESH) return ADMITTED
    return found === REPLAYED ? USED : BUSY
  }
}

function readProof(text: string): Proof | number {
  const parts = text.length > PROOF_MAX ? [] : text.split('.')
  if (parts.length !== 3) return MALFORMED
  const [head = '', body = '', end = ''] = parts
  const header = decode(head)
  const claims = decode(body)
  const signature = decodeBase64url(end)
  if (header === null || claims === null || signature === null) return MALFORMED
  const typ = member(header, 'typ')
  const alg = member(header, 'alg')
  const jwk = member(header, 'jwk')
  if (typ !== 'dpop+jwt' || typeof alg !== 'string' || !isObject(jwk)) return MALFORMED
  if (member(header, 'crit') !== undefined || member(header, 'b64') !== undefined) return MALFORMED
  return { alg, jwk, claims, signed: Buffer.from(`${head}.${body}`, 'latin1'), signature }
}

function decode(part: string): JsonObject | null {
  const bytes = decodeBase64url(part)
  const object = bytes === null ? 0 : readJsonObject(bytes)
  return typeof object === 'number' ? null : object
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a proof for `htu` is one for this request: without query and fragment, in normal form. */
function isTarget(htu: string, head: RequestHead, isTls: boolean): boolean {
  const [, scheme = '', authority = '', path = ''] =
    /^(https?):\/\/([^/?#]+)([^?#]*)/i.exec(htu) ?? []
  const lower = scheme.toLowerCase()
  // Without TLS of our own it may have ended in front of us: then the client said https.
  if (lower !== 'https' && (isTls || lower !== 'http')) return false
  if (
    withoutPort(authority.toLowerCase(), lower) !== withoutPort(head.authority.toLowerCase(), lower)
  )
    return false
  return normalizePath(path === '' ? '/' : path, true) === head.target.path
}

/** Without the port that is the usual one of the scheme. */
function withoutPort(authority: string, scheme: string): string {
  const port = scheme === 'https' ? ':443' : ':80'
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority
}

/** RFC 7638 §3: of the members that are the key, in the order of their names. */
function thumbprintOf(jwk: JsonObject): string {
  const { crv, e, kty, n, x, y } = jwk as Record<string, unknown>
  if (kty === 'EC') return sha256(JSON.stringify({ crv, kty, x, y }))
  return sha256(JSON.stringify(kty === 'RSA' ? { e, kty, n } : { crv, kty, x }))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
