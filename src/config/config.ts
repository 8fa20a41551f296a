/**
 * The resolved configuration: what flags, environment and file come down to.
 *
 * It is plain data (it is posted to the workers), complete (no optional settings, defaults are in)
 * and valid: whoever holds a `Config` need not check it again. Durations are milliseconds.
 */
import type { BalancerName } from '../balance/balancers.ts'

export type ListenerMode = 'tcp' | 'tls' | 'sni' | 'http' | 'https'
export type BackendScheme = 'tcp' | 'tls' | 'http' | 'https'
export type TlsProfile = 'intermediate' | 'modern'
export type ProbeKind = 'none' | 'tcp' | 'tls' | 'http'
export type SendProxy = 'off' | 'v1' | 'v2'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** TLS is ended here. */
export function terminatesTls(mode: ListenerMode): boolean {
  return mode === 'tls' || mode === 'https'
}

export function speaksHttp(mode: ListenerMode | BackendScheme): boolean {
  return mode === 'http' || mode === 'https'
}

/** The backend is spoken to over TLS. */
export function usesTls(scheme: BackendScheme): boolean {
  return scheme === 'tls' || scheme === 'https'
}

export interface Config {
  readonly listeners: readonly ListenerConfig[]
  readonly pools: readonly PoolConfig[]
  /** Data-plane threads, 1 to 64. */
  readonly workers: number
  /** Where `/metrics`, `/healthz` and `/readyz` are served; null turns the admin port off. */
  readonly admin: Endpoint | null
  readonly guards: GuardConfig
  readonly tls: TlsConfig
  readonly http: HttpConfig
  /** Longest silence, in both directions, before a session ends; 0 is no limit. */
  readonly idleTimeoutMs: number
  /** How long running sessions may go on after SIGTERM. */
  readonly drainTimeoutMs: number
  readonly logLevel: LogLevel
  /** One line per connection at its end. */
  readonly connectionLog: boolean
}

export interface Endpoint {
  /** IP address or name, without brackets. */
  readonly host: string
  readonly port: number
}

export interface ListenerConfig extends Endpoint {
  /** Unique; its URL unless the file names it. Labels metrics and log lines. */
  readonly name: string
  readonly mode: ListenerMode
  /** Index into {@link Config.pools}; for `sni` where no route matches, -1 refuses. */
  readonly pool: number
  /** `sni` and `tls`: server name (exact, or `*.suffix`) to pool index. Exact wins, then longest suffix. */
  readonly routes: readonly SniRoute[]
  /** CIDRs whose connections must begin with a PROXY header, v1 or v2; from others none is read. */
  readonly proxyProtocolFrom: readonly string[]
  /** CIDRs of proxies in front whose Forwarded fields and request ids are kept. */
  readonly forwardedFrom: readonly string[]
  /** `tls`: protocols offered by ALPN; with an empty list ALPN is not negotiated. */
  readonly alpn: readonly string[]
}

export interface SniRoute {
  readonly serverName: string
  readonly pool: number
}

export interface TlsConfig {
  /** Certificate and key pairs; the first is the default for clients without a known name. */
  readonly certificates: readonly CertificateConfig[]
  readonly profile: TlsProfile
  /** Refuse names no certificate covers instead of serving the default certificate. */
  readonly strictSni: boolean
  /** First byte to whole ClientHello. */
  readonly helloTimeoutMs: number
  /** ClientHello to finished handshake. */
  readonly handshakeTimeoutMs: number
  /** Time between new session-ticket keys; the previous key is accepted for as long again. */
  readonly ticketRotationMs: number
}

/** Of `http` and `https` listeners. */
export interface HttpConfig {
  /** First byte of a request head to its last. */
  readonly headTimeoutMs: number
  /** Longest silence of a client that is sending a body. */
  readonly bodyTimeoutMs: number
  /** Longest wait for the next request on a connection. */
  readonly keepAliveTimeoutMs: number
  /** Whole request to the head of its response. */
  readonly responseTimeoutMs: number
  /** Bytes of a request body; 0 is no limit. */
  readonly bodyMax: number
  /** Requests on one connection before it is closed. */
  readonly requestsPerConnection: number
  /** Connections to one backend that a worker keeps for the next request. */
  readonly backendIdleMax: number
  /** How long it keeps them. */
  readonly backendIdleMs: number
}

export interface CertificateConfig {
  /** PEM: leaf first, then its chain. */
  readonly cert: string
  /** PEM, not encrypted. */
  readonly key: string
}

export interface PoolConfig {
  readonly name: string
  readonly balance: BalancerName
  readonly backends: readonly BackendConfig[]
  readonly probe: ProbeConfig
  readonly sendProxy: SendProxy
  readonly connectTimeoutMs: number
  /** Sessions of one worker that may wait for a backend below its `maxConnections`; 0 is none. */
  readonly queueMax: number
  readonly queueTimeoutMs: number
  /** A backend that comes back gets its full weight after this time, growing; 0 at once. */
  readonly slowStartMs: number
  /** Consecutive failed dials that eject a backend; 0 never. */
  readonly ejectAfter: number
  /** First ejection; each further one lasts twice as long, up to {@link ejectMaxMs}. */
  readonly ejectMs: number
  readonly ejectMaxMs: number
  /** Largest share of the pool that may be ejected at once, percent, 0 to 100. */
  readonly ejectShareMax: number
}

export interface BackendConfig extends Endpoint {
  /** `host:port` as configured; unique within the pool. */
  readonly name: string
  readonly scheme: BackendScheme
  /** 1 to 256. */
  readonly weight: number
  /** Used only when no other backend is up. */
  readonly backup: boolean
  /** Takes no new connections; running ones go on. */
  readonly drain: boolean
  /** Connections at once, all workers together; 0 is no limit. */
  readonly maxConnections: number
  /** `tls` only: CA bundle file, null is Node's own list. */
  readonly ca: string | null
  /** `tls` only: name to send and to verify; `host` unless given. */
  readonly serverName: string
  /** `tls` only: accept any certificate. */
  readonly insecure: boolean
}

export interface ProbeConfig {
  readonly kind: ProbeKind
  /** `http` only. */
  readonly path: string
  /** `http` only: Host field; '' is the backend's own name. */
  readonly host: string
  /** `http` only: lowest and highest status that is healthy. */
  readonly statusMin: number
  readonly statusMax: number
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Consecutive good probes that bring a backend up, and bad ones that take it down. */
  readonly rise: number
  readonly fall: number
}

export interface GuardConfig {
  /** New connections per second and address; 0 is no limit. */
  readonly connectionRate: number
  readonly connectionBurst: number
  /** Connections at once per address; 0 is no limit. */
  readonly connectionsPerAddress: number
  /** TLS handshakes per second and address; 0 is no limit. */
  readonly handshakeRate: number
  readonly handshakeBurst: number
  /** HTTP requests per second and address; 0 is no limit. */
  readonly requestRate: number
  readonly requestBurst: number
  /** Connections at once, all listeners and workers; 0 is no limit. */
  readonly connectionsMax: number
  /** CIDRs let in; with any given, all others are refused. The most specific of both lists wins. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  /** Bits of an IPv4 address that are counted as one client, 8 to 32. */
  readonly ipv4Prefix: number
  /** Bits of an IPv6 address that are counted as one client, 16 to 128. */
  readonly ipv6Prefix: number
  /** Addresses remembered; memory is fixed at about 50 bytes each. */
  readonly addressTableSize: number
}
