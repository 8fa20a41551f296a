/**
 * What a route asks of its clients: which schemes, any one or all of them, and then scopes and claims.
 */
import { proofAlgorithms } from './algorithms.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { ADMITTED, refusal, rejectionError, rejectionStatus } from '../core/refusals.ts'
import type { SchemeName } from '../core/rejections.ts'
import { type ClaimRule, hasClaim } from './claim-rule.ts'
import { type Confirmation, confirmationOf, type Identity } from './identity.ts'
import type { PeerIdentity } from './peer-identity.ts'
import type { Scheme, Verdict } from './scheme.ts'
import { type Found, findAny } from './schemes.ts'

/** Of a client with a key of its own. */
const PROOF_ALGORITHMS = `algs="${proofAlgorithms.join(' ')}"`
const UNAUTHORIZED = 401

const MISSING = refusal('credential-missing')
const SCOPE = refusal('scope-missing')
const CLAIM = refusal('claim-mismatch')

/** Plain data, part of the config. */
export interface PolicyRules {
  readonly rule: 'any' | 'all'
  /** In the order in which they are asked; at least one. */
  readonly schemes: readonly SchemeName[]
  /** All of them. */
  readonly scopes: readonly string[]
  /** All of them. */
  readonly claims: readonly ClaimRule[]
}

export class Policy {
  /** The scheme that judged last, null if there was nothing for any; read it at once. */
  judge: Scheme | null = null
  readonly #rules: PolicyRules
  readonly #schemes: readonly Scheme[]
  readonly #found: Found = { scheme: null, credential: '' }
  readonly #protection: string
  /** Tokens may be bound to a key (DPoP), and then come with a proof of it. */
  readonly #takesProofs: boolean

  /**
   * @param schemes  those of the rules
   * @param realm    without quotes or backslashes
   * @param metadata URL of what the resource says of itself (RFC 9728); '' for none
   */
  constructor(rules: PolicyRules, schemes: readonly Scheme[], realm: string, metadata = '') {
    this.#rules = rules
    this.#schemes = schemes
    this.#takesProofs = rules.schemes.some(name => name === 'jwt' || name === 'introspection')
    this.#protection = `realm="${realm}"${metadata === '' ? '' : `, resource_metadata="${metadata}"`}`
  }

  /** Who it is; a promise only where that must be waited for. */
  identify(
    head: RequestHead,
    nowSeconds: number,
    peer: PeerIdentity | null,
  ): Verdict | Promise<Verdict> {
    return this.#rules.rule === 'any' || this.#schemes.length === 1
      ? this.#identifyByAny(head, nowSeconds, peer)
      : this.#identifyByAll(head, nowSeconds, peer)
  }

  #identifyByAny(
    head: RequestHead,
    nowSeconds: number,
    peer: PeerIdentity | null,
  ): Verdict | Promise<Verdict> {
    const found = this.#found
    const rejected = findAny(this.#schemes, head, peer, found)
    this.judge = found.scheme
    if (rejected !== ADMITTED) return rejected
    return found.scheme!.check(found.credential, nowSeconds, peer)
  }

  #identifyByAll(
    head: RequestHead,
    nowSeconds: number,
    peer: PeerIdentity | null,
  ): Verdict | Promise<Verdict> {
    const verdicts: (Verdict | Promise<Verdict>)[] = []
    for (const scheme of this.#schemes) {
      const credential = scheme.find(head, peer)
      this.judge = scheme
      if (typeof credential === 'number') return credential
      if (credential === '') {
        this.judge = null
        return MISSING
      }
      const verdict = scheme.check(credential, nowSeconds, peer)
      if (typeof verdict === 'number') return verdict
      verdicts.push(verdict)
    }
    return verdicts.some(verdict => verdict instanceof Promise)
      ? Promise.all(verdicts.map(async verdict => await verdict)).then(together)
      : together(verdicts as Verdict[])
  }

  /** Whether the identity may do what the route is for. @returns 0 or the rejection */
  permit({ scopes, claims }: Identity): number {
    const rules = this.#rules
    for (let i = 0; i < rules.scopes.length; i++) {
      if (!scopes.includes(rules.scopes[i]!)) return SCOPE
    }
    for (let i = 0; i < rules.claims.length; i++) {
      if (!hasClaim(claims, rules.claims[i]!)) return CLAIM
    }
    return ADMITTED
  }

  /**
   * The field lines that tell a client what would let it in (RFC 6750 §3, RFC 9449 §7, RFC 9728 §5.1). Where tokens
   * count both schemes are named, that of the request in front, with what is wrong.
   *
   * @param isDpop whether the credential came under the scheme DPoP
   */
  challenge(rejected: number, isDpop: boolean): string {
    const error = rejectionError(rejected)
    let wrong = error === '' ? '' : `, error="${error}"`
    if (error === 'insufficient_scope' && this.#rules.scopes.length > 0) {
      wrong += `, scope="${this.#rules.scopes.join(' ')}"`
    }
    if (!this.#takesProofs) return this.#line('Bearer', wrong)
    const own = isDpop ? 'DPoP' : 'Bearer'
    // Who may not, or said two things, would not be helped by the other.
    if (rejectionStatus(rejected) !== UNAUTHORIZED) return this.#line(own, wrong)
    return this.#line(own, wrong) + this.#line(isDpop ? 'Bearer' : 'DPoP', '')
  }

  #line(scheme: 'Bearer' | 'DPoP', wrong: string): string {
    const proofs = scheme === 'DPoP' ? `, ${PROOF_ALGORITHMS}` : ''
    return `WWW-Authenticate: ${scheme} ${this.#protection}${wrong}${proofs}\r\n`
  }
}

/**
 * One identity of several: whom the last scheme says it is, with the scopes and claims of all. A claim counts as
 * the last scheme that has it says.
 */
function together(verdicts: readonly Verdict[]): Verdict {
  let whole: Identity | null = null
  for (const verdict of verdicts) {
    if (typeof verdict === 'number') return verdict
    whole = whole === null ? verdict : both(whole, verdict)
  }
  return whole ?? MISSING
}

/** What either is bound to, and both where they differ: that no client can show. */
function bothConfirmed(
  first: Confirmation | undefined,
  last: Confirmation | undefined,
): Confirmation | undefined {
  if (first === undefined || last === undefined) return last ?? first
  return {
    certificate: bothNamed(first.certificate, last.certificate),
    key: bothNamed(first.key, last.key),
  }
}

function bothNamed(first: string, last: string): string {
  return first === last ? first : [first, last].filter(Boolean).join(' ')
}

function both(first: Identity, last: Identity): Identity {
  const confirmation = bothConfirmed(confirmationOf(first), confirmationOf(last))
  const limits = last.limits ?? first.limits
  return {
    scheme: last.scheme,
    subject: last.subject || first.subject,
    client: last.client || first.client,
    scopes: [...new Set([...first.scopes, ...last.scopes])],
    claims: { ...first.claims, ...last.claims },
    keyId: [first.keyId, last.keyId].filter(Boolean).join('+'),
    expiresAt: Math.min(first.expiresAt, last.expiresAt),
    ...(confirmation === undefined ? {} : { confirmation }),
    ...(limits === undefined ? {} : { limits }),
  }
}
