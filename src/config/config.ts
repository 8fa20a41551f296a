/**
 * The resolved configuration: what flags, environment and file come down to.
 *
 * It is plain data (it is posted to the workers), complete (no optional settings, defaults are in)
 * and valid: whoever holds a `Config` need not check it again. Durations are milliseconds.
 */
import type { PolicyRules } from '../auth/policy.ts'
import type { BalancerName } from '../balance/balancers.ts'
import type { GuardAction } from '../core/actions.ts'
import type { GuardName } from '../core/governed.ts'
import type { TokenConfig } from './token-config.ts'

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
  /** Path of the admin socket; '' for none. */
  readonly adminSocket: string
  readonly guards: GuardConfig
  readonly overload: OverloadConfig
  readonly kernelBans: KernelBansConfig
  readonly tls: TlsConfig
  readonly tokens: TokenConfig
  readonly http: HttpConfig
  readonly auth: AuthConfig
  /** Of http and https listeners: first the shared ones, then each listener's own and its last one. */
  readonly routes: readonly RouteConfig[]
  /** Longest silence, in both directions, before a session ends; 0 is no limit. */
  readonly idleTimeoutMs: number
  /** How long running sessions may go on after SIGTERM. */
  readonly drainTimeoutMs: number
  readonly logLevel: LogLevel
  /** One line per connection at its end. */
  readonly connectionLog: boolean
  /** Form of the line per HTTP request. */
  readonly accessFormat: 'json' | 'combined'
}

/** When weir is short of something. Shares are 0 to 1, and where level 1 begins; 0 does not look at it. */
export interface OverloadConfig {
  readonly isOn: boolean
  readonly memory: number
  /** Bytes; 0 is what the system gives. */
  readonly memoryMax: number
  /** Of the limit of descriptors. */
  readonly descriptors: number
  /** Of the places. */
  readonly connections: number
  readonly loopDelayMs: number
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
  /** Index into {@link Config.pools} where no route matches; -1 refuses, or answers 404. */
  readonly pool: number
  /** `sni` and `tls`: server name (exact, or `*.suffix`) to pool index. Exact wins, then longest suffix. */
  readonly routes: readonly SniRoute[]
  /** CIDRs whose connections must begin with a PROXY header, v1 or v2; from others none is read. */
  readonly proxyProtocolFrom: readonly string[]
  /** CIDRs of proxies in front whose Forwarded fields and request ids are kept. */
  readonly forwardedFrom: readonly string[]
  /** `tls`: protocols offered by ALPN; with an empty list ALPN is not negotiated. */
  readonly alpn: readonly string[]
  /** `https` and `tls`: client certificates; null asks for none. */
  readonly clientCertificates: ClientCertificateConfig | null
  /** `http` and `https`: indices into {@link Config.routes}; the last one matches all. */
  readonly httpRoutes: readonly number[]
  /** `http`: answer every request with 308 to https on this port; 0 is none. */
  readonly redirectPort: number
  /** `https`: value of Strict-Transport-Security; '' is none. */
  readonly hsts: string
}

export interface ClientCertificateConfig {
  /** PEM file of the authorities that are believed. */
  readonly ca: string
  /** PEM file of what they revoked; '' for none. */
  readonly crl: string
  readonly isRequired: boolean
}

/** Host and path of a request → a pool, and how the request is treated on its way there. */
export interface RouteConfig {
  /** Unique; labels metrics and access lines. The last one of a listener has the listener's name. */
  readonly name: string
  /** Of every http and https listener that has none of its own for the same host and path. */
  readonly shared: boolean
  /** In lower case, without a port: exact, `*.suffix`, or '' for any. */
  readonly host: string
  /**
   * In normal form, without parameters: whole segments from the root on, or with {@link exact} all of
   * the path. Of a prefix only `/` ends with a slash.
   */
  readonly path: string
  readonly exact: boolean
  /** Index into {@link Config.pools}; -1 answers 404. */
  readonly pool: number
  /** Leave {@link path} out of what is forwarded. */
  readonly stripPrefix: boolean
  /** Host field for the backend; '' keeps the client's. */
  readonly rewriteHost: string
  readonly requestFields: FieldEdits
  readonly responseFields: FieldEdits
  /** Longest silence of a client that is sending a body. */
  readonly bodyTimeoutMs: number
  /** Whole request to the head of its response. */
  readonly responseTimeoutMs: number
  /** Head of the request to the end of the response; 0 is no limit. */
  readonly exchangeTimeoutMs: number
  /** Bytes of a request body; 0 is no limit. */
  readonly bodyMax: number
  /** Bytes of a request body, unless it is shorter, that are there before a backend is taken. */
  readonly requestBuffer: number
  /** Silence after which one is taken all the same; 0 is never. */
  readonly requestBufferSilenceMs: number
  /** Requests per second of all clients together; 0 is no limit. */
  readonly routeRequestRate: number
  readonly routeRequestBurst: number
  /** Requests per second of each address; 0 is no limit. */
  readonly routeAddressRate: number
  readonly routeAddressBurst: number
  /** Tokens of the address that a request takes. */
  readonly requestCost: number
  readonly auth: RouteAuth
}

/** Whom a route lets in. */
export interface RouteAuth {
  /** null asks nobody who it is. */
  readonly policy: PolicyRules | null
  /** Methods, in capitals, that have a policy of their own. */
  readonly methods: readonly { readonly method: string; readonly policy: PolicyRules | null }[]
  /** CORS preflights are not asked. */
  readonly passesPreflights: boolean
  /** Authorization, X-API-Key and DPoP do not reach the backend. */
  readonly removesCredential: boolean
  /** URL that clients are told with 401 and 403; '' for none. */
  readonly resourceMetadata: string
}

/** What all routes have in common that ask clients who they are. */
export interface AuthConfig {
  /** File; '' for none. */
  readonly apiKeys: string
  /** Parameter of the query that may hold a key; '' for none. */
  readonly apiKeyQuery: string
  /** File; '' is that of the keys with `.used`. */
  readonly apiKeyUsage: string
  readonly realm: string
  /** Requests per second and identity; 0 is no limit. */
  readonly identityRate: number
  readonly identityBurst: number
  /** Requests under way per identity; 0 is no limit. */
  readonly identityConcurrency: number
}

/** Changes to the fields of a head: removed, then set, then added. */
export interface FieldEdits {
  /** Names in lower case. */
  readonly remove: readonly string[]
  /** In place of all fields of that name. */
  readonly set: readonly FieldValue[]
  readonly add: readonly FieldValue[]
}

export interface FieldValue {
  readonly name: string
  readonly value: string
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
  /** Least bytes a second of a body, on average, after its first 10 s; 0 is no limit. */
  readonly bodyRateMin: number
  /** Longest time a client may take no byte of its response. */
  readonly writeTimeoutMs: number
  /** Least bytes a second a client must take, on average, after the first 10 s; 0 is no limit. */
  readonly writeRateMin: number
  /** Longest wait for the next request on a connection. */
  readonly keepAliveTimeoutMs: number
  /** How long a client that sends no more is waited with for the head of its response; 0 is no limit. */
  readonly halfCloseMs: number
  /** Requests on one connection before it is closed. */
  readonly requestsPerConnection: number
  /** Bodies of our own answers by status, HTML files. */
  readonly errorPages: readonly ErrorPage[]
  /** Responses with RateLimit and RateLimit-Policy. */
  readonly rateLimitFields: 'off' | 'refused' | 'all'
  /** %2F and %5C in a path. */
  readonly encodedSlash: 'refuse' | 'keep'
  /** What trusted proxies write themselves. */
  readonly forwardedRead: 'both' | 'x-forwarded' | 'forwarded'
  readonly forwardedFields: 'both' | 'x-forwarded' | 'forwarded'
  /** Whose W3C trace context is continued. */
  readonly traceparent: 'trusted' | 'continue' | 'off'
  /** File with the secret of sticky cookies; '' makes one at start. */
  readonly stickySecret: string
}

export interface ErrorPage {
  /** Lowest and highest status it is for, 400 to 599; the narrower page wins. */
  readonly statusMin: number
  readonly statusMax: number
  readonly file: string
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
  /** Responses 5xx, or none, in a row that eject a backend; 0 never. */
  readonly ejectErrors: number
  /** Eject a backend that is this many times slower than the median of the pool; 0 never. */
  readonly ejectSlow: number
  readonly breaker: BreakerConfig
  readonly concurrency: ConcurrencyConfig
  /** Connections to one backend that a worker keeps for the next request. */
  readonly backendIdleMax: number
  /** How long it keeps them. */
  readonly backendIdleMs: number
  /** Oldest connection that is used again; 0 is no limit. */
  readonly backendMaxAgeMs: number
  /** Idempotent requests at once on one connection, 1 to 64. */
  readonly pipeline: number
  /** Further backends one request may be tried on. */
  readonly retries: number
  /** Retries as a share of requests, percent. */
  readonly retryBudget: number
  readonly sticky: StickyConfig | null
}

/** When a backend is spared for a while: too large a share of its exchanges failed. */
export interface BreakerConfig {
  /** Percent; 0 never opens. */
  readonly errors: number
  readonly windowMs: number
  /** Exchanges within the window before it judges. */
  readonly requests: number
  /** How long it refuses before one request tries again. */
  readonly openMs: number
}

/** How many requests may wait for a backend at once; found by how long they wait. */
export interface ConcurrencyConfig {
  readonly isOn: boolean
  /** 1 at least. */
  readonly min: number
  readonly max: number
  /** Percent that responses may take longer than at the least. */
  readonly tolerance: number
  /** Time between two looks at the least time. */
  readonly intervalMs: number
}

export interface StickyConfig {
  readonly cookie: string
  /** Seconds; 0 is until the browser closes. */
  readonly maxAge: number
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

/** Who else drops the banned. */
export interface KernelBansConfig {
  readonly how: 'off' | 'nftables'
  /** Where the helper listens that may change rules. */
  readonly socket: string
  /** Of family inet. */
  readonly table: string
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
  /** TLS handshakes per second, all addresses together; 0 is no limit. */
  readonly hostHandshakeRate: number
  readonly hostHandshakeBurst: number
  /** JA4 that are refused, or limited: whole, or a beginning and `*`. */
  readonly fingerprintDeny: readonly string[]
  readonly fingerprintLimit: readonly string[]
  /** TLS handshakes per second of each limited JA4. */
  readonly fingerprintRate: number
  readonly fingerprintBurst: number
  /** HTTP requests per second and address; 0 is no limit. */
  readonly requestRate: number
  readonly requestBurst: number
  /** Requests per second and address that end in errors; 0 is no limit. */
  readonly errorRate: number
  readonly errorBurst: number
  /** Bytes of bodies per second and address; 0 is no limit. */
  readonly bodyRate: number
  readonly bodyBurst: number
  /** HTTP requests at once per address; 0 is no limit. */
  readonly requestsPerAddress: number
  /** Failed authentications per second and address; 0 is no limit. */
  readonly authFailureRate: number
  readonly authFailureBurst: number
  /** Connections at once, all listeners and workers; 0 is no limit. */
  readonly connectionsMax: number
  /** There is room for so many: more than {@link connectionsMax} where that is only tried. */
  readonly connectionsCapacity: number
  /** Penalty points at which an address is banned; 0 for never. */
  readonly banThreshold: number
  /** Points forgiven per second. */
  readonly banDecay: number
  readonly banTimeMs: number
  readonly banTimeMaxMs: number
  /** CIDRs that are never banned: of the operator, of --allow, of trusted proxies. */
  readonly banExempt: readonly string[]
  /** '' for none. */
  readonly banState: string
  /** Guards that count what they would refuse, and let it in. */
  readonly shadow: readonly GuardName[]
  /** What guards do with whom they refuse; those that are not here do the usual. */
  readonly actions: readonly GuardAction[]
  readonly tarpitTimeMs: number
  /** Connections in the tarpits of all workers. */
  readonly tarpitMax: number
  /** Longest that a request is held for its tokens. */
  readonly delayTimeMs: number
  /** Requests that are held, all workers. */
  readonly delayMax: number
  /** CIDRs let in; with any given, all others are refused. The most specific of both lists wins. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  /** Bits of an IPv4 address that are counted as one client, 8 to 32. */
  readonly ipv4Prefix: number
  /** Bits of an IPv6 address that are counted as one client, 16 to 128. */
  readonly ipv6Prefix: number
  /** What the network of an address may do, in limits of one address; 0 counts no networks. */
  readonly prefixMultiple: number
  /** Bits of such a network. */
  readonly prefixIpv4: number
  readonly prefixIpv6: number
  /** Addresses remembered; memory is fixed at about 70 bytes each. */
  readonly addressTableSize: number
}
