/**
 * The step `authorize`: who the client is, whether it may, and what its failures cost it.
 *
 *   budget of failures → identify → bound? → scopes, claims → limits of the identity
 *
 * Nothing of a request that is rejected here reaches a backend.
 */
import { readAuthorization } from '../auth/authorization.ts'
import type { DpopProofs } from '../auth/dpop.ts'
import { confirmationOf, type Identity } from '../auth/identity.ts'
import type { Policy } from '../auth/policy.ts'
import type { Scheme, Verdict } from '../auth/scheme.ts'
import { withoutPair } from '../auth/query-key.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { TICKS_PER_SECOND, ticks } from '../core/clock.ts'
import { type SchemeName, schemeNames } from '../core/rejections.ts'
import { ADMITTED, refusal, rejectionNumber, rejectionStatus, refusals } from '../core/refusals.ts'
import type { AuthFailures } from '../guard/auth-failures.ts'
import type { IdentityLimits, IdentityPlace, Limits } from '../guard/identity-limits.ts'
import type { Penalties } from '../guard/penalties.ts'
import type { Shadow } from '../guard/shadow.ts'
import type { Counters } from '../shared/counters.ts'
import { labelValues } from '../shared/counters.ts'
import { factsOf, type IdentityFacts } from './identity-facts.ts'
import { KnownClient } from './known-client.ts'
import type { RateLimitFields } from './rate-limit-fields.ts'
import type { RequestClient } from './request-client.ts'

const MISSING = refusal('credential-missing')
const BINDING = refusal('token-binding')
const BUSY = refusal('auth-busy')
const UNAUTHORIZED = 401
const FORBIDDEN = 403
/** Longest wait for a scheme, which has a deadline of its own as well. */
const WAIT_MS = 30_000
const OUTCOMES = labelValues.outcome.length

export interface AuthorizerParts {
  /** null if failures are not counted. */
  readonly failures: AuthFailures | null
  readonly limits: IdentityLimits
  readonly shadow: Shadow
  readonly penalties: Penalties
  readonly limitFields: RateLimitFields
  /** Of identities that have none of their own; null for none. */
  readonly defaultLimits: Limits | null
  /** Of tokens that are bound to a key. */
  readonly proofs: DpopProofs
  /** Parameter of the query that may hold a key; '' for none. */
  readonly query: string
  readonly slice: Float64Array
  readonly at: Counters['at']
}

/** The exchange, as far as this step needs to know it. */
export interface Asked extends IdentityPlace {
  readonly head: RequestHead
  readonly client: RequestClient
  /** It may end while a scheme is waited for. */
  readonly isOver: boolean
  /** null until it is known who it is. */
  facts: IdentityFacts | null
  /** The scheme that is waited for; null for none. */
  judge: Scheme | null
  waitFor(ms: number): void
  onAuthorized(): void
  onRefused(refused: number, status: number, lines: string): void
}

export class Authorizer {
  readonly #parts: AuthorizerParts
  /** Limits of identities that say some of them, by these. */
  readonly #whole = new WeakMap<Limits, Limits>()

  constructor(parts: AuthorizerParts) {
    this.#parts = parts
  }

  /** Asks who it is, and tells the exchange what came of it: at once, unless a scheme has to be waited for. */
  authorize(exchange: Asked, policy: Policy): void {
    const { head, client } = exchange
    const { failures, query } = this.#parts
    const spent = failures === null ? ADMITTED : this.#checkFailures(failures, client)
    if (spent !== ADMITTED) {
      if (query !== '') hideQuery(head, query)
      return this.#refuse(exchange, policy, spent, null, failures!.waitTicks)
    }
    const nowSeconds = Math.floor(Date.now() / 1000)
    const known = client.known?.recall(head, policy, nowSeconds) ?? null
    if (known !== null) return this.#settle(exchange, policy, client.known!.judge, known)
    const verdict = policy.identify(head, nowSeconds, client.peer)
    const { judge } = policy
    // Nobody further on is to see it.
    if (query !== '') hideQuery(head, query)
    if (!(verdict instanceof Promise)) {
      if (typeof verdict !== 'number' && query === '') {
        client.known ??= new KnownClient()
        client.known.remember(head, policy, judge!, verdict)
      }
      return this.#settle(exchange, policy, judge, verdict)
    }
    exchange.judge = judge
    exchange.waitFor(WAIT_MS)
    void verdict.then(settled => {
      if (exchange.isOver) return
      exchange.waitFor(0)
      this.#settle(exchange, policy, judge, settled)
    })
  }

  /** Nobody is asked; a key in the query goes no further all the same. */
  pass(exchange: Asked): void {
    const { query } = this.#parts
    if (query !== '') hideQuery(exchange.head, query)
    exchange.onAuthorized()
  }

  /** What was waited for did not come: no fault of the client, nor a failure of its credential. */
  late(exchange: Asked): void {
    this.#count(exchange.judge, rejectionNumber(BUSY) + 1)
    exchange.onRefused(BUSY, rejectionStatus(BUSY), '')
  }

  /** The exchange is over; more than once does no harm. */
  leave(exchange: IdentityPlace): void {
    this.#parts.limits.leave(exchange)
  }

  /** Whether the address may fail once more, and its network. @returns 0 or the refusal */
  #checkFailures(failures: AuthFailures, client: RequestClient): number {
    const { shadow } = this.#parts
    const { requestSlot, requestPrefixSlot } = client
    const now = ticks()
    const own = failures.check(requestSlot, now)
    if (own !== ADMITTED && !shadow.passes(own, client)) return own
    const wider = failures.checkNetwork(requestPrefixSlot, now)
    return wider === ADMITTED || shadow.passes(wider, client) ? ADMITTED : wider
  }

  #settle(exchange: Asked, policy: Policy, judge: Scheme | null, verdict: Verdict): void {
    if (typeof verdict === 'number') return this.#refuse(exchange, policy, verdict, judge, 0)
    const bound = this.#confirm(exchange, verdict)
    if (typeof bound === 'number') return this.#admit(exchange, policy, judge, verdict, bound)
    exchange.judge = judge
    exchange.waitFor(WAIT_MS)
    void bound.then(settled => {
      if (exchange.isOver) return
      exchange.waitFor(0)
      this.#admit(exchange, policy, judge, verdict, settled)
    })
  }

  /**
   * Whether the client showed what its token is bound to: the certificate of its connection (RFC 8705 §3), or a proof
   * of its key (RFC 9449 §7). A bound token as Bearer, and one that is not as DPoP, are refused alike.
   */
  #confirm({ head, client }: Asked, identity: Identity): number | Promise<number> {
    const confirmation = confirmationOf(identity)
    if (confirmation === undefined) return ADMITTED
    const { certificate, key } = confirmation
    if (certificate !== '' && certificate !== client.peer?.thumbprint) return BINDING
    const token = proven(head)
    if ((token !== '') !== (key !== '')) return BINDING
    if (token === '') return ADMITTED
    const now = Math.floor(Date.now() / 1000)
    return this.#parts.proofs.check(head, client.isTls, token, key, now)
  }

  #admit(
    exchange: Asked,
    policy: Policy,
    judge: Scheme | null,
    verdict: Identity,
    unbound: number,
  ): void {
    if (unbound !== ADMITTED) return this.#refuse(exchange, policy, unbound, judge, 0)
    // Whoever may not, or not now, is known all the same.
    const facts = factsOf(verdict)
    exchange.facts = facts
    const denied = policy.permit(verdict)
    if (denied !== ADMITTED) return this.#refuse(exchange, policy, denied, judge, 0)
    const limits = this.#limitsOf(verdict.limits)
    if (limits !== null) {
      const { limits: guard } = this.#parts
      const refused = guard.enter(facts.words, limits, ticks(), exchange)
      if (refused !== ADMITTED) {
        return this.#refuse(exchange, policy, refused, judge, guard.waitTicks, limits)
      }
    }
    this.#count(judge, 0)
    exchange.onAuthorized()
  }

  /** What an identity does not say itself is that of all; the same object for the same limits. */
  #limitsOf(own: Limits | undefined): Limits | null {
    const { defaultLimits } = this.#parts
    if (own === undefined || defaultLimits === null) return own ?? defaultLimits
    let whole = this.#whole.get(own)
    if (whole === undefined) {
      const { rate, burst } = own.rate === 0 ? defaultLimits : own
      whole = { rate, burst, concurrency: own.concurrency || defaultLimits.concurrency }
      this.#whole.set(own, whole)
    }
    return whole
  }

  /**
   * @param waitTicks until it is worth to ask again, where it is known
   * @param limits    of the identity, if they are why
   */
  #refuse(
    exchange: Asked,
    policy: Policy,
    refused: number,
    judge: Scheme | null,
    waitTicks: number,
    limits: Limits | null = null,
  ): void {
    const { client } = exchange
    const status = rejectionStatus(refused)
    client.retryAfter = Math.max(1, Math.ceil(waitTicks / TICKS_PER_SECOND))
    client.judgeNote = judge === null ? '' : judgeNotes[judge.name]
    this.#count(judge, rejectionNumber(refused) + 1)
    this.#parts.penalties.add(client.requestSlot, refused, ticks(), client.isDirect)
    // Who sent nothing did not guess.
    if (status === UNAUTHORIZED && refused !== MISSING) {
      this.#parts.failures?.failed(client.requestSlot, client.requestPrefixSlot, ticks())
    }
    if (limits !== null) {
      const name = refusals[refused]![0]
      const lines = this.#parts.limitFields.refusedIdentity(name, limits, client.retryAfter)
      return exchange.onRefused(refused, status, lines)
    }
    // More credentials would not help against the others.
    const challenge =
      status <= FORBIDDEN ? policy.challenge(refused, proven(exchange.head) !== '') : ''
    exchange.onRefused(refused, status, challenge)
  }

  #count(judge: Scheme | null, outcome: number): void {
    const { slice, at } = this.#parts
    const scheme = judge === null ? 0 : SCHEMES.indexOf(judge.name)
    slice[at.authentications + scheme * OUTCOMES + outcome]!++
  }
}

/** The token that is shown under the scheme DPoP; '' for none. */
function proven(head: RequestHead): string {
  const token = readAuthorization(head, 'dpop')
  return typeof token === 'string' ? token : ''
}

const SCHEMES: readonly string[] = labelValues.scheme

const judgeNotes = Object.fromEntries(
  schemeNames.map(name => [name, `,"auth":"${name}"`]),
) as Readonly<Record<SchemeName, string>>

function hideQuery(head: RequestHead, name: string): void {
  const { target } = head
  const query = withoutPair(target.query, name)
  if (query !== target.query) head.target = { ...target, query }
}
