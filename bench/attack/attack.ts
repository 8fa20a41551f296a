/** One row of the attack bench: who attacks how, at which limits, and what counts as one hostile event. */
import type { BackendName } from '../backends.ts'
import type { BehaviourName } from './behaviours.ts'
import type { Limits } from './limits.ts'
import type { AttackedName } from './proxies.ts'
import type { SourceName } from './sources.ts'

export interface Attack {
  readonly about: string
  /** What one hostile event is. */
  readonly event: string
  readonly port: 'http' | 'https'
  readonly behaviour: BehaviourName
  readonly source: SourceName
  /** Connections that the attacker has at once. */
  readonly concurrency: number
  /**
   * Hostile events a second; as fast as they are answered if undefined. Where a part is served and a part refused, the
   * parts are the same for all proxies only at one pace.
   */
  readonly perSecond?: number
  /** weir is attacked once more with bans on. */
  readonly bans?: true
  /** Where they are other than the defaults. */
  readonly limits?: Partial<Limits>
  /** Of requests; `echo` unless given. */
  readonly backend?: BackendName
  /** Clients must show a key. */
  readonly keys?: true
  /** Attacked in this row and no other. */
  readonly besides?: readonly AttackedName[]
  /** Those that can do what is asked of them; all unless given. */
  readonly proxies?: readonly AttackedName[]
  /** The share of requests of the client that are to be served. */
  readonly successMin?: number
}

/** What the attacker did, as it counted itself. */
export interface Assault {
  readonly events: number
  /** By what came of them: `refused`, `open`, or a status. */
  readonly outcomes: Readonly<Record<string, number>>
  /** ms since 1970. */
  readonly startMs: number
  readonly endMs: number
}
