/** `Config` → the YAML that `--config` reads back to the same: what `weir check` prints. */
import { stringify } from 'yaml'
import { formatBackendUrl } from './backend-url.ts'
import {
  type Config,
  type ListenerConfig,
  type PoolConfig,
  speaksHttp,
  terminatesTls,
} from './config.ts'
import { formatListenUrl } from './listen-url.ts'
import { formatDuration } from './values.ts'

export function configToYaml(config: Config): string {
  const { guards, tls, http, admin } = config
  return stringify(
    {
      workers: config.workers,
      admin:
        admin === null
          ? 'off'
          : `${admin.host.includes(':') ? `[${admin.host}]` : admin.host}:${admin.port}`,
      'log-level': config.logLevel,
      'connection-log': config.connectionLog,
      'access-format': config.accessFormat,
      'idle-timeout': formatDuration(config.idleTimeoutMs),
      'drain-timeout': formatDuration(config.drainTimeoutMs),
      cert: tls.certificates.map(pair => pair.cert),
      key: tls.certificates.map(pair => pair.key),
      'tls-profile': tls.profile,
      'strict-sni': tls.strictSni,
      'hello-timeout': formatDuration(tls.helloTimeoutMs),
      'handshake-timeout': formatDuration(tls.handshakeTimeoutMs),
      'ticket-rotation': formatDuration(tls.ticketRotationMs),
      'head-timeout': formatDuration(http.headTimeoutMs),
      'body-rate-min': http.bodyRateMin,
      'write-timeout': formatDuration(http.writeTimeoutMs),
      'write-rate-min': http.writeRateMin,
      'half-close-timeout': formatDuration(http.halfCloseMs),
      'keep-alive-timeout': formatDuration(http.keepAliveTimeoutMs),
      'requests-per-connection': http.requestsPerConnection,
      'encoded-slash': http.encodedSlash,
      'forwarded-fields': http.forwardedFields,
      traceparent: http.traceparent,
      'sticky-secret': http.stickySecret,
      'connection-rate': guards.connectionRate,
      'connection-burst': guards.connectionBurst,
      'connections-per-address': guards.connectionsPerAddress,
      'handshake-rate': guards.handshakeRate,
      'handshake-burst': guards.handshakeBurst,
      'request-rate': guards.requestRate,
      'request-burst': guards.requestBurst,
      'requests-per-address': guards.requestsPerAddress,
      'connections-max': guards.connectionsMax,
      allow: guards.allow,
      deny: guards.deny,
      'ipv4-prefix': guards.ipv4Prefix,
      'ipv6-prefix': guards.ipv6Prefix,
      'address-table-size': guards.addressTableSize,
      listeners: config.listeners.map(listener => listenerSection(listener, config.pools)),
      pools: Object.fromEntries(config.pools.map(pool => [pool.name, poolSection(pool)])),
    },
    { aliasDuplicateObjects: false },
  )
}

function listenerSection(listener: ListenerConfig, pools: readonly PoolConfig[]): object {
  const { name, mode, host, port, pool, routes, proxyProtocolFrom, forwardedFrom, alpn } = listener
  return {
    listen: formatListenUrl(mode, host, port),
    name,
    ...(pool === -1 ? {} : { pool: pools[pool]!.name }),
    ...(routes.length === 0
      ? {}
      : {
          routes: Object.fromEntries(
            routes.map(route => [route.serverName, pools[route.pool]!.name]),
          ),
        }),
    'proxy-protocol-from': proxyProtocolFrom,
    ...(speaksHttp(mode) ? { 'forwarded-from': forwardedFrom } : {}),
    ...(terminatesTls(mode) ? { alpn } : {}),
  }
}

function poolSection(pool: PoolConfig): object {
  const { probe } = pool
  return {
    backends: pool.backends.map(formatBackendUrl),
    balance: pool.balance,
    'send-proxy': pool.sendProxy,
    'connect-timeout': formatDuration(pool.connectTimeoutMs),
    probe: probe.kind,
    'probe-path': probe.path,
    'probe-host': probe.host,
    'probe-status': `${probe.statusMin}-${probe.statusMax}`,
    'probe-interval': formatDuration(probe.intervalMs),
    'probe-timeout': formatDuration(probe.timeoutMs),
    'probe-rise': probe.rise,
    'probe-fall': probe.fall,
    'slow-start': formatDuration(pool.slowStartMs),
    'eject-after': pool.ejectAfter,
    'eject-time': formatDuration(pool.ejectMs),
    'eject-time-max': formatDuration(pool.ejectMaxMs),
    'eject-share-max': pool.ejectShareMax,
    'eject-errors': pool.ejectErrors,
    'eject-slow': pool.ejectSlow,
    'breaker-errors': pool.breaker.errors,
    'breaker-window': formatDuration(pool.breaker.windowMs),
    'breaker-requests': pool.breaker.requests,
    'breaker-time': formatDuration(pool.breaker.openMs),
    'backend-idle-max': pool.backendIdleMax,
    'backend-idle-timeout': formatDuration(pool.backendIdleMs),
    'backend-max-age': formatDuration(pool.backendMaxAgeMs),
    'backend-pipeline': pool.pipeline,
    retries: pool.retries,
    'retry-budget': pool.retryBudget,
    sticky: pool.sticky?.cookie ?? '',
    'sticky-ttl': pool.sticky === null ? '0s' : `${pool.sticky.maxAge}s`,
    'queue-max': pool.queueMax,
    'queue-timeout': formatDuration(pool.queueTimeoutMs),
  }
}
