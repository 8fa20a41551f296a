/** Settings and file sections → `Config`: builds it noun by noun, and checks what goes together. */
import { availableParallelism } from 'node:os'
import type { Config, ListenerConfig, LogLevel, TlsProfile } from './config.ts'
import { resolveAuth } from './resolve/auth.ts'
import { resolveCertificates } from './resolve/certificates.ts'
import { resolveGuards } from './resolve/guards.ts'
import { resolveKernelBans } from './resolve/kernel-bans.ts'
import { resolveHttp } from './resolve/http.ts'
import { resolveListeners } from './resolve/listeners.ts'
import { resolveOverload } from './resolve/overload.ts'
import { resolvePools } from './resolve/pools.ts'
import type { Resolution } from './resolve/resolution.ts'
import { resolveTokens } from './resolve/tokens.ts'

const WORKERS_MAX = 64

/** Builds the config from settings that could be read; adds to `problems` what does not fit. */
export function resolveConfig(resolution: Resolution): Config {
  const { settings, problems } = resolution
  const pools = resolvePools(resolution)
  const { listeners, routes } = resolveListeners(resolution, pools)
  // Who only redirects needs none.
  if (pools.length === 0 && !(listeners.length > 0 && listeners.every(isRedirect))) {
    problems.push({
      where: '--backend',
      message: 'no backend is given; write --backend tcp://HOST:PORT, or pools in the config file',
      absent: true,
    })
  }
  const workers = settings.workers ?? Math.min(availableParallelism(), WORKERS_MAX)
  return {
    listeners,
    pools,
    workers,
    admin: settings.admin ?? null,
    adminSocket: settings['admin-socket']!,
    guards: resolveGuards(settings, workers, problems),
    overload: resolveOverload(settings),
    kernelBans: resolveKernelBans(settings, listeners, problems),
    tls: {
      certificates: resolveCertificates(settings, listeners, problems),
      profile: settings['tls-profile'] as TlsProfile,
      strictSni: settings['strict-sni']!,
      helloTimeoutMs: settings['hello-timeout']!,
      handshakeTimeoutMs: settings['handshake-timeout']!,
      ticketRotationMs: settings['ticket-rotation']!,
    },
    tokens: resolveTokens(settings, problems),
    http: resolveHttp(settings, problems),
    auth: resolveAuth(settings, problems),
    routes,
    idleTimeoutMs: settings['idle-timeout']!,
    drainTimeoutMs: settings['drain-timeout']!,
    logLevel: settings['log-level'] as LogLevel,
    connectionLog: settings['connection-log']!,
    accessFormat: settings['access-format'] as Config['accessFormat'],
  }
}

function isRedirect({ redirectPort }: ListenerConfig): boolean {
  return redirectPort !== 0
}
