/** Settings and file sections → `Config`: builds pools and listeners, and checks what goes together. */
import { availableParallelism } from 'node:os'
import type { BalancerName } from '../balance/balancers.ts'
import { readBackendUrl } from './backend-url.ts'
import {
  type BackendConfig,
  type Config,
  type FieldEdits,
  type HttpConfig,
  type ListenerConfig,
  type ListenerMode,
  type LogLevel,
  type PoolConfig,
  type ProbeKind,
  type RouteConfig,
  type SendProxy,
  type SniRoute,
  type TlsProfile,
  speaksHttp,
  terminatesTls,
} from './config.ts'
import {
  connectionsWithin,
  defaultConnectionsMax,
  descriptorLimit,
  descriptorsFor,
} from './descriptors.ts'
import type { LoadedFile } from './file.ts'
import type { Problem } from './flag.ts'
import type { Settings } from './flags.ts'
import { formatListenUrl, readListenUrl } from './listen-url.ts'
import { didYouMean } from './nearest.ts'
import { readSettings } from './settings.ts'
import { isHost } from './values.ts'

const WORKERS_MAX = 64
const DEFAULT_POOL = 'default'

export interface Resolution {
  readonly settings: Settings
  readonly file: LoadedFile | null
  /** Settings that flags or environment gave: they win over what a section of the file says. */
  readonly given: ReadonlySet<string>
  readonly problems: Problem[]
}

/** Builds the config from settings that could be read; adds to `problems` what does not fit. */
export function resolveConfig(resolution: Resolution): Config {
  const { settings, problems } = resolution
  const pools = resolvePools(resolution)
  const routes: RouteConfig[] = []
  const listeners = resolveListeners(resolution, pools, routes)
  const workers = settings.workers ?? Math.min(availableParallelism(), WORKERS_MAX)
  return {
    listeners,
    pools,
    workers,
    admin: settings.admin ?? null,
    guards: resolveGuards(settings, workers, problems),
    tls: {
      certificates: resolveCertificates(settings, listeners, problems),
      profile: settings['tls-profile'] as TlsProfile,
      strictSni: settings['strict-sni']!,
      helloTimeoutMs: settings['hello-timeout']!,
      handshakeTimeoutMs: settings['handshake-timeout']!,
      ticketRotationMs: settings['ticket-rotation']!,
    },
    http: {
      headTimeoutMs: settings['head-timeout']!,
      bodyRateMin: settings['body-rate-min']!,
      writeTimeoutMs: settings['write-timeout']!,
      writeRateMin: settings['write-rate-min']!,
      keepAliveTimeoutMs: settings['keep-alive-timeout']!,
      requestsPerConnection: settings['requests-per-connection']!,
      errorPages: [],
      encodedSlash: settings['encoded-slash'] as HttpConfig['encodedSlash'],
      forwardedFields: settings['forwarded-fields'] as HttpConfig['forwardedFields'],
      traceparent: settings.traceparent as HttpConfig['traceparent'],
      stickySecret: settings['sticky-secret']!,
    },
    routes,
    idleTimeoutMs: settings['idle-timeout']!,
    drainTimeoutMs: settings['drain-timeout']!,
    logLevel: settings['log-level'] as LogLevel,
    connectionLog: settings['connection-log']!,
    accessFormat: settings['access-format'] as Config['accessFormat'],
  }
}

function resolvePools({ settings, file, given, problems }: Resolution): PoolConfig[] {
  const pools: PoolConfig[] = []
  if (settings.backend !== undefined && settings.backend.length > 0) {
    pools.push(pool(DEFAULT_POOL, settings.backend, settings, '--backend', problems))
  }
  for (const [name, section] of Object.entries(file?.content.pools ?? {})) {
    const where = (key: string): string => file!.where(['pools', name, key])
    if (pools.some(other => other.name === name)) {
      problems.push({
        where: where('backends'),
        message: `pool ${name} is what --backend fills; give this one another name`,
      })
      continue
    }
    const own = readSettings(
      [{ values: without(section, given), where }],
      problems,
      ['pool'],
      settings,
    )
    const urls =
      typeof section.backends === 'string' ? section.backends.split(/[\s,]+/) : section.backends
    pools.push(pool(name, urls, own, where('backends'), problems))
  }
  if (pools.length === 0) {
    problems.push({
      where: '--backend',
      message: 'no backend is given; write --backend tcp://HOST:PORT, or pools in the config file',
    })
  }
  return pools
}

function pool(
  name: string,
  urls: readonly string[],
  settings: Settings,
  where: string,
  problems: Problem[],
): PoolConfig {
  const backends: BackendConfig[] = []
  for (const url of urls) {
    const read = readBackendUrl(url)
    if ('error' in read) problems.push({ where, message: read.error })
    else if (backends.some(other => other.name === read.value.name)) {
      problems.push({
        where,
        message: `${read.value.name} is twice in pool ${name}; use ?weight= to send more to it`,
      })
    } else backends.push(read.value)
  }
  const path = settings['probe-path']!
  if (!/^\/[\x21-\x7e]*$/.test(path)) {
    problems.push({
      where: '--probe-path',
      message: `${JSON.stringify(path)} is no path; it begins with / and has no blanks`,
    })
  }
  const host = settings['probe-host']!
  if (host !== '' && !isHost(host.replace(/:\d+$/, ''))) {
    problems.push({ where: '--probe-host', message: `${JSON.stringify(host)} is no host name` })
  }
  return {
    name,
    balance: settings.balance as BalancerName,
    backends,
    probe: {
      kind: settings.probe as ProbeKind,
      path,
      host,
      statusMin: settings['probe-status']!.min,
      statusMax: settings['probe-status']!.max,
      intervalMs: settings['probe-interval']!,
      timeoutMs: settings['probe-timeout']!,
      rise: settings['probe-rise']!,
      fall: settings['probe-fall']!,
    },
    sendProxy: settings['send-proxy'] as SendProxy,
    connectTimeoutMs: settings['connect-timeout']!,
    queueMax: settings['queue-max']!,
    queueTimeoutMs: settings['queue-timeout']!,
    slowStartMs: settings['slow-start']!,
    ejectAfter: settings['eject-after']!,
    ejectMs: settings['eject-time']!,
    ejectMaxMs: Math.max(settings['eject-time']!, settings['eject-time-max']!),
    ejectShareMax: settings['eject-share-max']!,
    ejectErrors: settings['eject-errors']!,
    ejectSlow: settings['eject-slow']!,
    breaker: {
      errors: settings['breaker-errors']!,
      windowMs: settings['breaker-window']!,
      requests: settings['breaker-requests']!,
      openMs: settings['breaker-time']!,
    },
    backendIdleMax: settings['backend-idle-max']!,
    backendIdleMs: settings['backend-idle-timeout']!,
    backendMaxAgeMs: settings['backend-max-age']!,
    pipeline: settings['backend-pipeline']!,
    retries: settings.retries!,
    retryBudget: settings['retry-budget']!,
    sticky:
      settings.sticky === ''
        ? null
        : { cookie: settings.sticky!, maxAge: settings['sticky-ttl']! / 1000 },
  }
}

function resolveListeners(
  { settings, file, given, problems }: Resolution,
  pools: readonly PoolConfig[],
  httpRoutes: RouteConfig[],
): ListenerConfig[] {
  const listeners: ListenerConfig[] = []
  const add = (url: string, section: ListenerSection, own: Settings, where: string): void => {
    const read = readListenUrl(url)
    if ('error' in read) return void problems.push({ where, message: read.error })
    const { mode, host, port } = read.value
    const name = section.name ?? formatListenUrl(mode, host, port)
    if (
      listeners.some(
        other => other.name === name || (port !== 0 && other.port === port && other.host === host),
      )
    ) {
      return void problems.push({ where, message: `${name} is listened on twice` })
    }
    const routes = resolveRoutes(section.routes ?? {}, pools, mode, where, problems)
    const wanted = section.pool ?? read.value.pool
    const known = poolIndex(wanted, pools, routes.length > 0, where, problems)
    for (const index of [known, ...routes.map(route => route.pool)]) {
      checkScheme(mode, pools[index], where, problems)
    }
    listeners.push({
      name,
      mode,
      host,
      port,
      pool: known,
      routes,
      proxyProtocolFrom: own['proxy-protocol-from'] ?? [],
      forwardedFrom: own['forwarded-from'] ?? [],
      alpn: alpnOf(mode, own),
      httpRoutes: speaksHttp(mode) ? [httpRoutes.push(lastRoute(name, known, settings)) - 1] : [],
      redirectPort: 0,
      hsts: '',
    })
  }
  for (const url of settings.listen ?? []) add(url, {}, settings, '--listen')
  for (const [i, section] of (file?.content.listeners ?? []).entries()) {
    const where = (key: string): string => file!.where(['listeners', i, key])
    const own = readSettings(
      [{ values: without(section, given), where }],
      problems,
      ['listener'],
      settings,
    )
    add(section.listen, section, own, where('listen'))
  }
  if (listeners.length === 0 && (settings.listen ?? []).length === 0) {
    problems.push({
      where: '--listen',
      message:
        'no listener is given; write --listen tls://[::]:443, or listeners in the config file',
    })
  }
  return listeners
}

/** What a request gets that no other route matches. */
function lastRoute(name: string, pool: number, settings: Settings): RouteConfig {
  return {
    name,
    host: '',
    path: '/',
    exact: false,
    pool,
    stripPrefix: false,
    rewriteHost: '',
    requestFields: NO_EDITS,
    responseFields: NO_EDITS,
    bodyTimeoutMs: settings['body-timeout']!,
    responseTimeoutMs: settings['response-timeout']!,
    exchangeTimeoutMs: settings['exchange-timeout']!,
    bodyMax: settings['body-max']!,
  }
}

const NO_EDITS: FieldEdits = { remove: [], set: [], add: [] }

/** `http` and nothing else where HTTP is spoken: h2 is not there yet. */
function alpnOf(mode: ListenerMode, own: Settings): readonly string[] {
  if (mode === 'https') return own.alpn ?? ['http/1.1']
  return mode === 'tls' ? (own.alpn ?? []) : []
}

/** What is looked at as HTTP goes to backends that speak it, and the other way round. */
function checkScheme(
  mode: ListenerMode,
  pool: PoolConfig | undefined,
  where: string,
  problems: Problem[],
): void {
  const odd = pool?.backends.find(({ scheme }) => speaksHttp(scheme) !== speaksHttp(mode))
  if (pool === undefined || odd === undefined) return
  const wanted = speaksHttp(mode) ? 'http:// or https://' : 'tcp:// or tls://'
  problems.push({
    where,
    message: `a ${mode} listener needs ${wanted} backends, pool ${pool.name} has ${odd.scheme}://${odd.name}`,
  })
}

interface ListenerSection {
  readonly name?: string | undefined
  readonly pool?: string | undefined
  readonly routes?: Readonly<Record<string, string>> | undefined
}

function resolveRoutes(
  routes: Readonly<Record<string, string>>,
  pools: readonly PoolConfig[],
  mode: string,
  where: string,
  problems: Problem[],
): SniRoute[] {
  const names = Object.keys(routes)
  if ((mode === 'tcp' || mode === 'http') && names.length > 0) {
    problems.push({
      where,
      message: `${mode === 'tcp' ? 'a tcp' : 'an http'} listener sees no server name to route by; use sni://, tls:// or https://`,
    })
  }
  return names.flatMap(serverName => {
    const target = routes[serverName]!
    const pool = pools.findIndex(({ name }) => name === target)
    if (!isHost(serverName.replace(/^\*\./, ''))) {
      problems.push({
        where,
        message: `route ${JSON.stringify(serverName)} is no server name or *.suffix`,
      })
    } else if (pool === -1) {
      problems.push({
        where,
        message: `route ${serverName} names pool ${target}, which there is not${suggestPool(target, pools)}`,
      })
    } else return [{ serverName: serverName.toLowerCase(), pool }]
    return []
  })
}

/** @returns -1 where names that no route covers are to be refused */
function poolIndex(
  wanted: string | null | undefined,
  pools: readonly PoolConfig[],
  routed: boolean,
  where: string,
  problems: Problem[],
): number {
  if (wanted === null || wanted === undefined) {
    if (routed) return -1
    if (pools.length > 1)
      problems.push({
        where,
        message: `there are ${pools.length} pools; say which with pool: NAME or ?pool=NAME`,
      })
    return 0
  }
  const index = pools.findIndex(({ name }) => name === wanted)
  if (index === -1)
    problems.push({ where, message: `there is no pool ${wanted}${suggestPool(wanted, pools)}` })
  return index
}

function suggestPool(name: string, pools: readonly PoolConfig[]): string {
  return didYouMean(
    name,
    pools.map(pool => pool.name),
  )
}

function resolveCertificates(
  settings: Settings,
  listeners: readonly ListenerConfig[],
  problems: Problem[],
): Config['tls']['certificates'] {
  const certs = settings.cert ?? []
  const keys = settings.key ?? []
  if (certs.length === 0 && listeners.some(({ mode }) => terminatesTls(mode))) {
    problems.push({
      where: '--cert',
      message:
        'a tls:// or https:// listener needs a certificate; give --cert and --key (weir cert ca makes one for development)',
    })
  }
  // Without any --key the certificate files hold their keys as well.
  if (keys.length > 0 && keys.length !== certs.length) {
    problems.push({
      where: '--key',
      message: `${certs.length} --cert and ${keys.length} --key are given; each certificate needs its key, in the same order`,
    })
  }
  return certs.map((cert, i) => ({ cert, key: keys[i] ?? cert }))
}

function resolveGuards(settings: Settings, workers: number, problems: Problem[]): Config['guards'] {
  const limit = descriptorLimit()
  const given = settings['connections-max']
  const connectionsMax =
    given === undefined
      ? defaultConnectionsMax(limit, workers)
      : given === 0
        ? connectionsWithin(limit, workers)
        : given
  const needed = descriptorsFor(connectionsMax, workers)
  if (needed > limit) {
    problems.push({
      where: '--connections-max',
      message: `${connectionsMax} connections need ${needed} descriptors, the limit is ${limit}; raise it (LimitNOFILE= in the unit, ulimit -n) or lower --connections-max to ${connectionsWithin(limit, workers)}`,
    })
  }
  for (const kind of ['connection', 'handshake', 'request'] as const) {
    const rate = settings[`${kind}-rate`]!
    const burst = settings[`${kind}-burst`]!
    if (rate !== 0 && burst / rate > 3600) {
      problems.push({
        where: `--${kind}-burst`,
        message: `a burst of ${burst} at ${rate} per second takes over an hour to refill; lower it to ${Math.max(1, Math.floor(rate * 3600))}`,
      })
    }
  }
  return {
    connectionRate: settings['connection-rate']!,
    connectionBurst: settings['connection-burst']!,
    connectionsPerAddress: settings['connections-per-address']!,
    handshakeRate: settings['handshake-rate']!,
    handshakeBurst: settings['handshake-burst']!,
    requestRate: settings['request-rate']!,
    requestBurst: settings['request-burst']!,
    requestsPerAddress: settings['requests-per-address']!,
    connectionsMax,
    allow: settings.allow ?? [],
    deny: settings.deny ?? [],
    ipv4Prefix: settings['ipv4-prefix']!,
    ipv6Prefix: settings['ipv6-prefix']!,
    addressTableSize: settings['address-table-size']!,
  }
}

function without(section: object, given: ReadonlySet<string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(section).filter(([name]) => !given.has(name)))
}
