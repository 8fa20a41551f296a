/** What tokens are believed: part of the resolved configuration. */

import type { AlgorithmName } from '../auth/algorithms.ts'

export interface TokenConfig {
  readonly jwt: JwtConfig
  readonly introspection: IntrospectionConfig
  readonly dpop: DpopConfig
  /** CA file for all of them; '' for what the system trusts. */
  readonly issuerCa: string
  /** What `aud` must hold one of; empty for whoever a token is for. */
  readonly audiences: readonly string[]
  /** Good tokens a worker remembers, of each kind. */
  readonly cacheMax: number
}

/** JSON Web Tokens that weir verifies itself. */
export interface JwtConfig {
  /** None, and none is believed. */
  readonly issuers: readonly IssuerConfig[]
  readonly type: 'any' | 'at+jwt'
  /** What keys and tokens may be of; empty for all there are. */
  readonly algorithms: readonly AlgorithmName[]
  /** How far clocks may differ; whole seconds. */
  readonly leewayMs: number
  /** Key sets are fetched again this often. */
  readonly refreshMs: number
  /** Least time between two looks for a kid that is not known. */
  readonly coolDownMs: number
  /** How long the last good set counts while no other can be had. */
  readonly keepMs: number
}

export interface IssuerConfig {
  /** `iss` of its tokens, character by character. */
  readonly issuer: string
  readonly keys: KeyOrigin
}

export type KeyOrigin =
  /** What the issuer's own document under /.well-known names. */
  | { readonly kind: 'discovery' }
  | { readonly kind: 'url'; readonly url: string }
  /** isNamed: of `--jwt-key`, so that it may be a secret. */
  | { readonly kind: 'file'; readonly path: string; readonly isNamed: boolean }

/** Tokens that somebody else is asked about. */
export interface IntrospectionConfig {
  /** '' asks nobody. */
  readonly url: string
  /** File with `id:secret`; '' to ask without. */
  readonly client: string
  readonly timeoutMs: number
  /** How long a token counts as active without being asked about again. */
  readonly cacheMs: number
  /** How much longer while the server is down. */
  readonly graceMs: number
}

/** Proofs of the key that a token is bound to. */
export interface DpopConfig {
  /** How old one may be; whole seconds. */
  readonly windowMs: number
  /** Remembered by all workers together, so that none counts twice. */
  readonly proofsMax: number
}
