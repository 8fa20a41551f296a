/** `Config` → the YAML that `--config` reads back to the same: what `weir check` prints. */
import { stringify } from 'yaml'
import type { PolicyRules } from '../auth/policy.ts'
import { formatBackendUrl } from './backend-url.ts'
import {
  type Config,
  type ListenerConfig,
  type FieldEdits,
  type OverloadConfig,
  type PoolConfig,
  type RouteAuth,
  type RouteConfig,
  speaksHttp,
  terminatesTls,
} from './config.ts'
import { formatErrorPage } from './error-pages.ts'
import { formatListenUrl, formatRedirect } from './listen-url.ts'
import { hstsSettings } from './resolve/hsts.ts'
import { defaultRouteName } from './resolve/routes.ts'
import { tokenSettings } from './token-settings.ts'
import { formatDuration } from './values.ts'

export function configToYaml(config: Config): string {
  const { guards, tls, http, auth, admin, pools, routes } = config
  // What its last route has is what was set for all routes.
  const last = routes.findLast(({ shared }) => !shared)
  return stringify(
    {
      workers: config.workers,
      'admin-socket': config.adminSocket,
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
      'rate-limit-fields': http.rateLimitFields,
      'encoded-slash': http.encodedSlash,
      'forwarded-read': http.forwardedRead,
      'forwarded-fields': http.forwardedFields,
      traceparent: http.traceparent,
      'error-page': http.errorPages.map(formatErrorPage),
      'sticky-secret': http.stickySecret,
      ...tokenSettings(config.tokens),
      'api-keys': auth.apiKeys,
      'api-key-query': auth.apiKeyQuery,
      'api-key-usage': auth.apiKeyUsage,
      'auth-realm': auth.realm,
      'auth-failure-rate': guards.authFailureRate,
      'auth-failure-burst': guards.authFailureBurst,
      'identity-rate': auth.identityRate,
      'identity-burst': auth.identityBurst,
      'identity-concurrency': auth.identityConcurrency,
      ...(last === undefined ? {} : { ...routeLimits(last), ...routeAuth(last.auth) }),
      'connection-rate': guards.connectionRate,
      'connection-burst': guards.connectionBurst,
      'connections-per-address': guards.connectionsPerAddress,
      'handshake-rate': guards.handshakeRate,
      'handshake-burst': guards.handshakeBurst,
      'host-handshake-rate': guards.hostHandshakeRate,
      'host-handshake-burst': guards.hostHandshakeBurst,
      'deny-fingerprint': guards.fingerprintDeny,
      'limit-fingerprint': guards.fingerprintLimit,
      'fingerprint-rate': guards.fingerprintRate,
      'fingerprint-burst': guards.fingerprintBurst,
      'request-rate': guards.requestRate,
      'request-burst': guards.requestBurst,
      'error-rate': guards.errorRate,
      'error-burst': guards.errorBurst,
      'body-rate': guards.bodyRate,
      'body-burst': guards.bodyBurst,
      'requests-per-address': guards.requestsPerAddress,
      'connections-max': guards.connectionsMax,
      allow: guards.allow,
      deny: guards.deny,
      'ban-threshold': guards.banThreshold,
      'ban-decay': guards.banDecay,
      'ban-time': formatDuration(guards.banTimeMs),
      'ban-time-max': formatDuration(guards.banTimeMaxMs),
      'ban-exempt': guards.banExempt,
      'ban-state': guards.banState,
      shadow: guards.shadow,
      action: guards.actions.map(each => `${each.guard}=${each.action}`),
      'tarpit-time': formatDuration(guards.tarpitTimeMs),
      'tarpit-max': guards.tarpitMax,
      'delay-time': formatDuration(guards.delayTimeMs),
      'delay-max': guards.delayMax,
      'kernel-bans': config.kernelBans.how,
      'kernel-bans-socket': config.kernelBans.socket,
      'kernel-bans-table': config.kernelBans.table,
      'ipv4-prefix': guards.ipv4Prefix,
      'ipv6-prefix': guards.ipv6Prefix,
      'prefix-multiple': guards.prefixMultiple,
      'prefix-ipv4': guards.prefixIpv4,
      'prefix-ipv6': guards.prefixIpv6,
      'address-table-size': guards.addressTableSize,
      ...overloadSettings(config.overload),
      listeners: config.listeners.map(listener => listenerSection(listener, config)),
      routes: routes.filter(({ shared }) => shared).map(route => routeSection(route, '', pools)),
      pools: Object.fromEntries(pools.map(pool => [pool.name, poolSection(pool)])),
    },
    { aliasDuplicateObjects: false },
  )
}

function overloadSettings(overload: OverloadConfig): object {
  return {
    overload: overload.isOn,
    'overload-memory': Math.round(overload.memory * 100),
    'overload-memory-max': overload.memoryMax,
    'overload-descriptors': Math.round(overload.descriptors * 100),
    'overload-connections': Math.round(overload.connections * 100),
    'overload-loop-delay': formatDuration(overload.loopDelayMs),
  }
}

function listenerSection(listener: ListenerConfig, { pools, routes }: Config): object {
  const { name, mode, host, port, pool, proxyProtocolFrom, forwardedFrom, alpn } = listener
  const own = listener.httpRoutes
    .slice(0, -1)
    .map(index => routes[index]!)
    .filter(({ shared }) => !shared)
  const serverNames = listener.routes.map(route => [route.serverName, pools[route.pool]!.name])
  return {
    listen: formatListenUrl(mode, host, port) + formatRedirect(listener.redirectPort),
    name,
    ...(pool === -1 ? {} : { pool: pools[pool]!.name }),
    ...(own.length === 0 ? {} : { routes: own.map(route => routeSection(route, name, pools)) }),
    ...(serverNames.length === 0 ? {} : { routes: Object.fromEntries(serverNames) }),
    'proxy-protocol-from': proxyProtocolFrom,
    ...(speaksHttp(mode) ? { 'forwarded-from': forwardedFrom } : {}),
    ...(terminatesTls(mode) ? { alpn, ...clientSettings(listener.clientCertificates) } : {}),
    ...(mode === 'https' ? hstsSettings(listener.hsts) : {}),
  }
}

function clientSettings(config: ListenerConfig['clientCertificates']): object {
  return {
    'client-ca': config?.ca ?? '',
    'client-crl': config?.crl ?? '',
    'client-cert': config?.isRequired === false ? 'optional' : 'required',
  }
}

function routeSection(route: RouteConfig, listener: string, pools: readonly PoolConfig[]): object {
  const { name, host, path, exact, stripPrefix, rewriteHost } = route
  return {
    // Made of what follows unless it was given; then it may be longer than one that is.
    ...(name === defaultRouteName(listener, route) ? {} : { name }),
    ...(host === '' ? {} : { host }),
    path,
    exact,
    pool: pools[route.pool]!.name,
    'strip-prefix': stripPrefix,
    ...(rewriteHost === '' ? {} : { 'rewrite-host': rewriteHost }),
    'request-headers': editsSection(route.requestFields),
    'response-headers': editsSection(route.responseFields),
    ...routeLimits(route),
    ...routeAuth(route.auth),
    ...accessOf(route.auth),
  }
}

function editsSection({ remove, set, add }: FieldEdits): object {
  const added = Map.groupBy(add, ({ name }) => name)
  return {
    remove,
    set: Object.fromEntries(set.map(({ name, value }) => [name, value])),
    add: Object.fromEntries(
      [...added].map(([name, fields]) => [name, fields.map(({ value }) => value)]),
    ),
  }
}

function routeLimits(route: RouteConfig): object {
  return {
    'body-timeout': formatDuration(route.bodyTimeoutMs),
    'response-timeout': formatDuration(route.responseTimeoutMs),
    'exchange-timeout': formatDuration(route.exchangeTimeoutMs),
    'body-max': route.bodyMax,
    'request-buffer': route.requestBuffer,
    'request-buffer-silence': formatDuration(route.requestBufferSilenceMs),
    'route-request-rate': route.routeRequestRate,
    'route-request-burst': route.routeRequestBurst,
    'route-address-rate': route.routeAddressRate,
    'route-address-burst': route.routeAddressBurst,
    'request-cost': route.requestCost,
  }
}

/** What flags can say of it. */
function routeAuth({
  policy,
  passesPreflights,
  removesCredential,
  resourceMetadata,
}: RouteAuth): object {
  return {
    ...policySection(policy),
    'cors-preflight': passesPreflights ? 'pass' : 'check',
    credential: removesCredential ? 'remove' : 'pass',
    'resource-metadata': resourceMetadata,
  }
}

/** What only the file can. */
function accessOf({ policy, methods }: RouteAuth): object {
  const own = methods.map(({ method, policy: rules }) => [
    method,
    { ...policySection(rules), ...claimsSection(rules) },
  ])
  return {
    ...claimsSection(policy),
    ...(own.length === 0 ? {} : { methods: Object.fromEntries(own) }),
  }
}

function policySection(policy: PolicyRules | null): object {
  if (policy === null) return { auth: 'none', 'require-scope': [] }
  return { auth: `${policy.rule}:${policy.schemes.join(',')}`, 'require-scope': policy.scopes }
}

function claimsSection(policy: PolicyRules | null): object {
  if (policy === null) return {}
  const claims = policy.claims.map(({ name, oneOf, prefix }) => [
    name,
    prefix === '' ? oneOf : { prefix },
  ])
  return { 'require-claims': Object.fromEntries(claims) }
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
    'adaptive-concurrency': pool.concurrency.isOn,
    'adaptive-concurrency-min': pool.concurrency.min,
    'adaptive-concurrency-max': pool.concurrency.max,
    'adaptive-concurrency-tolerance': pool.concurrency.tolerance,
    'adaptive-concurrency-interval': formatDuration(pool.concurrency.intervalMs),
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
