/**
 * Tokens that say nothing by themselves: who issued them is asked (RFC 7662).
 *
 * One question per token at a time. Yes is remembered for a while, but never past `exp`; no for a moment, in
 * a place of its own, so that made-up tokens push no good one out. While the server is down nobody
 * is let in, except, where the operator allows it, who was let in a moment ago.
 */
import { performance } from 'node:perf_hooks'
import { LRUCache } from 'lru-cache'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { type JsonObject, member } from '../codec/strict-json.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import { readToken } from './authorization.ts'
import { checkAudience, checkTimes, identify } from './claims.ts'
import type { Identity } from './identity.ts'
import type { Scheme, Verdict } from './scheme.ts'
import { ServerBreaker } from './server-breaker.ts'
import { TokenCache, type TokenCacheLimits } from './token-cache.ts'

/**
 * Asks about a token; rejects, with the cause, if there is no usable answer in time.
 *
 * @returns a number if the server does not look at the question, which may be due to this token alone: its status
 */
export type AskServer = (token: string) => Promise<JsonObject | number>

/** What of it is of interest to the operator. */
export interface IntrospectionListener {
  readonly onAnswer: (outcome: 'active' | 'inactive' | 'failed', seconds: number) => void
  /** The server is asked no more for now, or again; `cause` of the last failure. */
  readonly onDown: (cause: string) => void
  readonly onUp: () => void
}

export interface IntrospectionRules {
  /** What `aud` must hold one of, if the server tells it; empty for whoever a token is for. */
  readonly audiences: readonly string[]
  /** How long yes counts; 0 asks each time. */
  readonly activeSeconds: number
  /** How much longer it does while the server is down. */
  readonly graceSeconds: number
  /** By which the clock of the server may be ahead; no token counts past its `exp`. */
  readonly leewaySeconds: number
  readonly lengthMax: number
  readonly cache: TokenCacheLimits
}

/** How long no counts. */
export const INACTIVE_SECONDS = 5
const INACTIVE_MAX = 10_000
/** Questions under way in one worker. */
export const ASKING_MAX = 256

const MALFORMED = refusal('token-malformed')
const OVERSIZED = refusal('token-oversized')
const INACTIVE = refusal('token-inactive')
const EXPIRED = refusal('token-expired')
const DOWN = refusal('introspection-down')
const BUSY = refusal('auth-busy')

interface Active {
  readonly identity: Identity
  /** Seconds since 1970; until then nobody is asked. */
  readonly freshUntil: number
  /** Until then it may serve while the server is down. */
  readonly graceUntil: number
}

interface Refused {
  /** The rejection. */
  readonly verdict: number
  /** Seconds since 1970. */
  readonly until: number
}

export class Introspection implements Scheme {
  readonly name = 'introspection'
  /** Tokens that were known. */
  hits = 0
  readonly #ask: AskServer
  readonly #rules: IntrospectionRules
  readonly #listener: IntrospectionListener
  readonly #audiences: ReadonlySet<string>
  /** By digest, all of them. */
  readonly #active: LRUCache<string, Active>
  readonly #inactive = new LRUCache<string, Refused>({ max: INACTIVE_MAX })
  readonly #underway = new Map<string, Promise<Verdict>>()
  readonly #breaker = new ServerBreaker()
  /** It has ever answered: it is up, and weir knows how to ask it. */
  #hasAnswered = false

  constructor(ask: AskServer, rules: IntrospectionRules, listener: IntrospectionListener) {
    this.#ask = ask
    this.#rules = rules
    this.#listener = listener
    this.#audiences = new Set(rules.audiences)
    this.#active = new LRUCache({ max: rules.cache.tokens, maxSize: rules.cache.characters })
  }

  /** Tokens that are remembered as good. */
  get size(): number {
    return this.#active.size
  }

  find(head: RequestHead): string | number {
    return readToken(head)
  }

  /** An opaque token has no form of its own: what no other scheme knows is one. */
  recognises(): boolean {
    return false
  }

  check(token: string, nowSeconds: number): Verdict | Promise<Verdict> {
    if (token.length > this.#rules.lengthMax) return OVERSIZED
    if (!isToken(token)) return MALFORMED
    const digest = TokenCache.digest(token)
    const known = this.#active.get(digest)
    if (known !== undefined && nowSeconds < known.freshUntil) {
      this.hits++
      return known.identity
    }
    const refused = this.#inactive.get(digest)
    if (refused !== undefined && nowSeconds < refused.until) return refused.verdict
    const underway = this.#underway.get(digest)
    if (underway !== undefined) return underway

    const grace = known !== undefined && nowSeconds < known.graceUntil ? known.identity : DOWN
    if (this.#underway.size >= ASKING_MAX) return typeof grace === 'number' ? BUSY : grace
    if (!this.#breaker.mayAsk(performance.now())) return grace
    const verdict = this.#askAbout(token, digest, nowSeconds, grace)
    this.#underway.set(digest, verdict)
    return verdict
  }

  async #askAbout(
    token: string,
    digest: string,
    nowSeconds: number,
    grace: Verdict,
  ): Promise<Verdict> {
    const askedMs = performance.now()
    let verdict: Verdict
    let isOfToken = false
    try {
      const answer = await this.#ask(token)
      if (typeof answer === 'number') {
        // Else whoever makes up tokens that the server chokes on could have it asked by nobody.
        isOfToken = this.#hasAnswered && !this.#breaker.isOpen
        throw new Error(`answers ${answer}`)
      }
      const seconds = (performance.now() - askedMs) / 1000
      // From when it was asked on: what the server said was true then, and later perhaps no more.
      verdict = this.#judge(answer, digest, nowSeconds, token.length)
      this.#listener.onAnswer(verdict === INACTIVE ? 'inactive' : 'active', seconds)
      this.#hasAnswered = true
      if (this.#breaker.answered()) this.#listener.onUp()
    } catch (error) {
      const nowMs = performance.now()
      this.#listener.onAnswer('failed', (nowMs - askedMs) / 1000)
      if (!isOfToken && this.#breaker.failed(nowMs)) {
        this.#listener.onDown((error as Error).message)
      }
      verdict = grace
    }
    this.#underway.delete(digest)
    return verdict
  }

  /** @throws if the answer is none */
  #judge(answer: JsonObject, digest: string, nowSeconds: number, length: number): Verdict {
    const active = member(answer, 'active')
    if (typeof active !== 'boolean') throw new Error('says neither that it is active nor not')
    const verdict = active ? this.#judgeActive(answer, nowSeconds) : INACTIVE
    if (typeof verdict === 'number') {
      this.#active.delete(digest)
      this.#inactive.set(digest, { verdict, until: nowSeconds + INACTIVE_SECONDS })
      return verdict
    }
    const { activeSeconds, graceSeconds } = this.#rules
    const freshUntil = Math.min(verdict.expiresAt, nowSeconds + activeSeconds)
    const graceUntil = Math.min(verdict.expiresAt, freshUntil + graceSeconds)
    if (graceUntil > nowSeconds) {
      this.#active.set(digest, { identity: verdict, freshUntil, graceUntil }, { size: length })
    }
    return verdict
  }

  #judgeActive(answer: JsonObject, nowSeconds: number): Verdict {
    const times = checkTimes(answer, nowSeconds, this.#rules.leewaySeconds, false)
    if (times !== ADMITTED) return times
    // The server may leave it out: then it is for it to know whom a token is for.
    if (member(answer, 'aud') !== undefined) {
      const audience = checkAudience(answer, this.#audiences)
      if (audience !== ADMITTED) return audience
    }
    const identity = identify('introspection', answer, '')
    if (typeof identity === 'number') return identity
    return identity.expiresAt > nowSeconds ? identity : EXPIRED
  }
}

/** Whether it is what RFC 6750 §2.1 lets a token be; anything else need not be sent anywhere. */
function isToken(text: string): boolean {
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(text)
}
