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
      'body-timeout': formatDuration(http.bodyTimeoutMs),
      'keep-alive-timeout': formatDuration(http.keepAliveTimeoutMs),
      'response-timeout': formatDuration(http.responseTimeoutMs),
      'body-max': http.bodyMax,
      'requests-per-connection': http.requestsPerConnection,
      'backend-idle-max': http.backendIdleMax,
      'backend-idle-timeout': formatDuration(http.backendIdleMs),
      'connection-rate': guards.connectionRate,
      'connection-burst': guards.connectionBurst,
      'connections-per-address': guards.connectionsPerAddress,
      'handshake-rate': guards.handshakeRate,
      'handshake-burst': guards.handshakeBurst,
      'request-rate': guards.requestRate,
      'request-burst': guards.requestBurst,
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
    'queue-max': pool.queueMax,
    'queue-timeout': formatDuration(pool.queueTimeoutMs),
  }
}
