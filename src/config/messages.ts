/**
 * What main and the workers say to each other after start. Everything else they share is memory.
 *
 * Messages change what a worker does; nothing on the data path waits for an answer.
 */
import type { ApiKeySet } from '../auth/api-key.ts'
import type { IssuerKeySet } from '../auth/key-set.ts'
import type { BannedBlock, BanNotice } from '../core/ban.ts'
import type { LayoutOptions } from '../shared/layout.ts'
import type { Authorities } from './authorities.ts'
import type { ClientAuthorities } from './client-authorities.ts'
import type { Config } from './config.ts'

/** `workerData` of a worker thread. What can change later, the worker replaces in its copy. */
export interface WorkerStart {
  readonly worker: number
  readonly config: Config
  readonly layout: LayoutOptions
  readonly memory: SharedArrayBuffer
  /** Port per listener, known once the first worker listens (a config may say 0). */
  readonly ports: readonly number[]
  readonly addresses: readonly (string | null)[]
  readonly stickySecret: Uint8Array
  tickets: TicketSecrets
  certificates: readonly CertificatePem[]
  clientAuthorities: ClientAuthorities
  readonly issuerKeys: IssuerKeySets
  /** PEM of the authorities to trust for the introspection server; '' for those of the system. */
  readonly issuerCa: string
  /** `id:secret`; '' for nobody. */
  readonly introspectionClient: string
  readonly errorPages: readonly ErrorPageText[]
  /** null where there is no --api-keys. */
  readonly apiKeys: ApiKeySet | null
  readonly authorities: Authorities
  readonly bannedBlocks: readonly BannedBlock[]
}

/** An error page as it was read. */
export interface ErrorPageText {
  readonly statusMin: number
  readonly statusMax: number
  /** Its bytes as latin1. */
  readonly html: string
}

/** Secrets of the current and the previous ticket keys, newest first; in memory only. */
export type TicketSecrets = readonly Uint8Array[]

/** By issuer, in the order of the config; null where there are none, or none that are not too old. */
export type IssuerKeySets = readonly (IssuerKeySet | null)[]

export interface CertificatePem {
  readonly cert: string
  readonly key: string
}

export type MainMessage =
  | { readonly type: 'address'; readonly backend: number; readonly address: string }
  | { readonly type: 'tickets'; readonly tickets: TicketSecrets }
  | { readonly type: 'certificates'; readonly certificates: readonly CertificatePem[] }
  | { readonly type: 'api-keys'; readonly keys: ApiKeySet }
  | { readonly type: 'client-authorities'; readonly authorities: ClientAuthorities }
  | { readonly type: 'issuer-keys'; readonly sets: IssuerKeySets }
  /** All blocks that are banned by an operator. */
  | { readonly type: 'banned-blocks'; readonly blocks: readonly BannedBlock[] }
  /** Main looked for keys of an issuer, and sent them if they are new; to ask before is of no use. */
  | { readonly type: 'keys-looked'; readonly issuer: number; readonly askAgainInMs: number }
  /** Stop accepting; end when the last session has ended or at `end`. */
  | { readonly type: 'drain' }
  /** Cut what is left and go. */
  | { readonly type: 'stop' }

export type WorkerMessage =
  | { readonly type: 'listening'; readonly ports: readonly number[] }
  | { readonly type: 'listen-failed'; readonly listener: string; readonly message: string }
  /** Log lines wait in the ring of the worker. */
  | { readonly type: 'log' }
  /** A token is of a key that the issuer may have made a moment ago. */
  | { readonly type: 'keys-wanted'; readonly issuer: number }
  /** The introspection server is asked no more for a while, or again; null for that. */
  | { readonly type: 'introspection'; readonly down: string | null }
  /** Addresses that the guards banned. */
  | { readonly type: 'bans'; readonly bans: readonly BanNotice[] }
  | { readonly type: 'drained' }
