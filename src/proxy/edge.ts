/**
 * One worker's view of everything a session needs: made once by worker.ts, read by all sessions.
 */
import type { Admission } from '../guard/admission.ts'
import type { BodyRate } from '../guard/body-rate.ts'
import type { Delays } from '../guard/delays.ts'
import type { GoodRecord } from '../guard/good-record.ts'
import type { Overload } from '../guard/overload.ts'
import type { CidrSet } from '../core/cidr-set.ts'
import type { Config, ListenerConfig } from '../config/config.ts'
import type { Counters } from '../shared/counters.ts'
import type { Shared } from '../shared/layout.ts'
import type { ClientCertificateRule } from '../transport/handshake.ts'
import type { Deadlines } from '../transport/deadlines.ts'
import type { ReadBuffers } from '../transport/read-buffer.ts'
import type { TlsContexts } from '../transport/tls-contexts.ts'
import type { Authorizer } from './authorizer.ts'
import type { ErrorPages } from './error-pages.ts'
import type { Forwarding } from './forwarding.ts'
import type { HandshakeTurns } from './handshake-turns.ts'
import type { IdleBackends } from './idle-backends.ts'
import type { Pool } from './pool.ts'
import type { RateLimitFields } from './rate-limit-fields.ts'
import type { RefusalNotes } from './refusal-notes.ts'
import type { RouteBudgets } from './route-budgets.ts'
import type { Routes } from './routes.ts'
import type { SessionLog } from './session-log.ts'
import type { Sessions } from './sessions.ts'
import type { TcpSession } from './tcp-session.ts'
import type { TurnAway } from './turn-away.ts'

export interface Edge {
  readonly worker: number
  readonly config: Config
  readonly shared: Shared
  readonly admission: Admission
  readonly goodRecord: GoodRecord
  readonly overload: Overload
  readonly authorizer: Authorizer
  /** null for no limit. */
  readonly bodyRate: BodyRate | null
  readonly routeBudgets: RouteBudgets
  readonly pools: readonly Pool[]
  readonly deadlines: Deadlines
  readonly readBuffers: ReadBuffers
  readonly idleBackends: IdleBackends
  readonly forwarding: Forwarding
  readonly log: SessionLog
  /** Somebody may want to know the JA4 of a session that runs. */
  readonly keepsFingerprints: boolean
  readonly errorPages: ErrorPages
  readonly turnAway: TurnAway
  /** null where nobody is held. */
  readonly delays: Delays | null
  readonly handshakeTurns: HandshakeTurns
  readonly limitFields: RateLimitFields
  readonly notes: RefusalNotes
  /** This worker's counters, and where each stands among them. */
  readonly slice: Float64Array
  readonly at: Counters['at']
  /** Every session that runs. */
  readonly sessions: Sessions<TcpSession>
}

/** What the sessions of one listener have in common. */
export interface Entrance {
  readonly index: number
  readonly config: ListenerConfig
  /** Peers whose connections begin with a PROXY header; null for none. */
  readonly proxies: CidrSet | null
  /** Proxies whose word on the client counts; null for none. */
  readonly forwarders: CidrSet | null
  /** null unless the listener terminates TLS. */
  readonly tls: TlsContexts | null
  readonly clientCertificate: ClientCertificateRule
  /** ALPN in wire form; null if it is not negotiated. */
  readonly alpn: Buffer | null
  /** Routes by server name to pool index; see server-name-routes.ts. */
  readonly routes: ReadonlyMap<string, number>
  /** The line of Strict-Transport-Security that all responses get; '' for none. */
  readonly hsts: string
  /** null unless the listener speaks HTTP. */
  readonly httpRoutes: Routes | null
}
