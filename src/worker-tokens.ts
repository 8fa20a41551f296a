/**
 * What judges tokens in one worker: JSON Web Tokens, and those that somebody else is asked about.
 *
 * A part of the composition root: the schemes know neither the config nor main.
 */
import type { AlgorithmName } from './auth/algorithms.ts'
import { Introspection } from './auth/introspection.ts'
import { IssuerKeys } from './auth/issuer-keys.ts'
import { Jwt } from './auth/jwt.ts'
import { openKeySet } from './auth/key-set.ts'
import type { Scheme } from './auth/scheme.ts'
import type { TokenCacheLimits } from './auth/token-cache.ts'
import type { IssuerKeySets, WorkerMessage, WorkerStart } from './config/messages.ts'
import { type Counters, counterRows, labelValues, observe } from './shared/counters.ts'
import { IntrospectionClient } from './transport/introspection-client.ts'

/** Characters of a token; a head has room for little more. */
const LENGTH_MAX = 8192
/** Of those that are remembered, on average. */
const CHARACTERS_EACH = 1024

const JWT = labelValues.cache.indexOf('jwt')
const INTROSPECTION = labelValues.cache.indexOf('introspection')

export class WorkerTokens {
  /** In the order in which they are asked. */
  readonly schemes: readonly Scheme[]
  readonly #issuers: readonly IssuerKeys[]
  readonly #algorithms: readonly AlgorithmName[]
  readonly #jwt: Jwt | null
  readonly #introspection: Introspection | null
  readonly #slice: Float64Array
  readonly #at: Counters['at']

  constructor(
    start: WorkerStart,
    slice: Float64Array,
    at: Counters['at'],
    send: (message: WorkerMessage) => void,
  ) {
    this.#slice = slice
    this.#at = at
    this.#issuers = start.config.tokens.jwt.issuers.map(
      (_, issuer) => new IssuerKeys(() => send({ type: 'keys-wanted', issuer })),
    )
    this.#algorithms = start.config.tokens.jwt.algorithms
    this.#jwt = this.#makeJwt(start)
    this.#introspection = this.#makeIntrospection(start, send)
    this.schemes = [this.#jwt, this.#introspection].filter(scheme => scheme !== null)
    this.load(start.issuerKeys)
  }

  /** Takes over the keys that main found. */
  load(sets: IssuerKeySets): void {
    for (const [i, set] of sets.entries()) {
      this.#issuers[i]?.replace(set === null ? null : openKeySet(set, this.#algorithms))
    }
  }

  /** Main looked for newer keys. */
  looked(issuer: number, askAgainInMs: number): void {
    this.#issuers[issuer]?.looked(askAgainInMs)
  }

  /** Each step of the wheel: what was counted apart. */
  step(): void {
    const { tokenCacheHits } = this.#at
    if (this.#jwt !== null) {
      this.#slice[tokenCacheHits + JWT]! += this.#jwt.cache.hits
      this.#jwt.cache.hits = 0
    }
    if (this.#introspection !== null) {
      this.#slice[tokenCacheHits + INTROSPECTION]! += this.#introspection.hits
      this.#introspection.hits = 0
    }
  }

  #makeJwt({ config: { tokens } }: WorkerStart): Jwt | null {
    const { jwt, audiences } = tokens
    if (jwt.issuers.length === 0) return null
    const issuers = new Map(jwt.issuers.map(({ issuer }, i) => [issuer, this.#issuers[i]!]))
    return new Jwt(issuers, {
      audiences,
      type: jwt.type,
      leewaySeconds: Math.floor(jwt.leewayMs / 1000),
      lengthMax: LENGTH_MAX,
      cache: cacheLimits(tokens.cacheMax),
    })
  }

  #makeIntrospection(
    { config: { tokens }, issuerCa, introspectionClient }: WorkerStart,
    send: (message: WorkerMessage) => void,
  ): Introspection | null {
    const { introspection, audiences, jwt } = tokens
    const { url, timeoutMs, cacheMs, graceMs } = introspection
    if (url === '') return null
    const client = new IntrospectionClient({
      url,
      client: introspectionClient,
      ca: issuerCa,
      timeoutMs,
    })
    const rules = {
      audiences,
      activeSeconds: Math.floor(cacheMs / 1000),
      graceSeconds: Math.floor(graceMs / 1000),
      leewaySeconds: Math.floor(jwt.leewayMs / 1000),
      lengthMax: LENGTH_MAX,
      cache: cacheLimits(tokens.cacheMax),
    }
    return new Introspection(client.ask, rules, {
      onAnswer: (answer, seconds) => {
        this.#slice[this.#at.introspections + labelValues.answer.indexOf(answer)]!++
        const { buckets } = counterRows.introspectionSeconds
        observe(this.#slice, this.#at.introspectionSeconds, buckets, seconds)
      },
      onDown: cause => send({ type: 'introspection', down: cause }),
      onUp: () => send({ type: 'introspection', down: null }),
    })
  }
}

function cacheLimits(tokens: number): TokenCacheLimits {
  return { tokens, characters: tokens * CHARACTERS_EACH }
}
