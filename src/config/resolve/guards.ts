/** Limits of the guards, and whether the system gives enough descriptors for them. */
import type { Config } from '../config.ts'
import {
  connectionsWithin,
  defaultConnectionsMax,
  defaultTarpitMax,
  descriptorLimit,
  descriptorsFor,
} from '../descriptors.ts'
import type { Problem } from '../flag.ts'
import { resolveActions } from '../guard-action.ts'
import { shadowedGuards } from '../../core/governed.ts'
import type { Settings } from '../flags.ts'

/**
 * A whole handshake takes 0.4 to 1 ms, so this is half of a processor at most: what is left serves requests. More than
 * so many new clients a second want more workers anyway.
 */
const HANDSHAKES_PER_WORKER = 500
/** Of the rate, that a full bucket holds; half of it for strangers, when all come at once. */
const HANDSHAKE_BURST_SECONDS = 4
const RATE_MAX = 65_536
const BURST_MAX = 1_000_000
/** One read: as much comes at once anyway. */
const BODY_BURST_MIN = 65_536

export function resolveGuards(
  settings: Settings,
  workers: number,
  problems: Problem[],
): Config['guards'] {
  const actions = resolveActions(settings.action ?? [], problems)
  const all = descriptorLimit()
  const tarpitMax = settings['tarpit-max'] ?? defaultTarpitMax(all)
  const hasTarpit = actions.some(each => each.action === 'tarpit')
  // What is held in the tarpit is none of the connections.
  const limit = hasTarpit ? all - tarpitMax : all
  const given = settings['connections-max']
  const connectionsMax =
    given === undefined
      ? defaultConnectionsMax(limit, workers)
      : given === 0
        ? connectionsWithin(limit, workers)
        : given
  const needed = descriptorsFor(connectionsMax, workers)
  const least = descriptorsFor(1, workers)
  if (least > limit && least <= all) {
    problems.push({
      where: '--tarpit-max',
      message: `${tarpitMax} in the tarpit leave too few of ${all} descriptors; lower it to ${all - least}, or raise the limit (LimitNOFILE= in the unit, ulimit -n)`,
    })
  } else if (least > limit) {
    problems.push({
      where: '--connections-max',
      message: `the limit of ${all} descriptors is too low for any; raise it to ${least} and 2 more for each connection (LimitNOFILE= in the unit, ulimit -n)`,
    })
  } else if (needed > limit) {
    problems.push({
      where: '--connections-max',
      message: `${connectionsMax} connections need ${needed} descriptors, the limit is ${all}${hasTarpit ? `, less ${tarpitMax} of --tarpit-max` : ''}; raise it (LimitNOFILE= in the unit, ulimit -n) or lower --connections-max to ${connectionsWithin(limit, workers)}`,
    })
  }
  const hostRate =
    settings['host-handshake-rate'] ?? Math.min(RATE_MAX, HANDSHAKES_PER_WORKER * workers)
  const hostBurst = settings['host-handshake-burst'] ?? burstOf(hostRate)
  const rates = [
    'connection',
    'handshake',
    'host-handshake',
    'fingerprint',
    'request',
    'error',
  ] as const
  for (const kind of rates) {
    const rate = kind === 'host-handshake' ? hostRate : settings[`${kind}-rate`]!
    const burst = kind === 'host-handshake' ? hostBurst : settings[`${kind}-burst`]!
    if (rate !== 0 && burst / rate > 3600) {
      problems.push({
        where: `--${kind}-burst`,
        message: `a burst of ${burst} at ${rate} per second takes over an hour to refill; lower it to ${Math.max(1, Math.floor(rate * 3600))}`,
      })
    }
  }
  const bodyRate = settings['body-rate']!
  const bodyBurst = settings['body-burst'] ?? Math.max(BODY_BURST_MIN, bodyRate)
  if (bodyRate !== 0 && bodyBurst / bodyRate > 3600) {
    problems.push({
      where: '--body-burst',
      message: `a burst of ${bodyBurst} bytes at ${bodyRate} per second takes over an hour to refill; lower it to ${bodyRate * 3600}`,
    })
  }
  const banThreshold = settings['ban-threshold']!
  const banDecay = settings['ban-decay']!
  if (banThreshold / banDecay > 3600) {
    problems.push({
      where: '--ban-threshold',
      message: `${banThreshold} points at ${banDecay} per second take over an hour to be forgiven; lower it to ${Math.max(10, Math.floor(banDecay * 3600))}`,
    })
  }
  if (settings['ban-time']! > settings['ban-time-max']!) {
    problems.push({
      where: '--ban-time',
      message: `a first ban is longer than --ban-time-max; lower it to ${settings['ban-time-max']! / 1000}s, or raise the other`,
    })
  }
  const shadow = shadowedGuards(settings.shadow ?? [])
  return {
    connectionRate: settings['connection-rate']!,
    connectionBurst: settings['connection-burst']!,
    connectionsPerAddress: settings['connections-per-address']!,
    handshakeRate: settings['handshake-rate']!,
    handshakeBurst: settings['handshake-burst']!,
    hostHandshakeRate: hostRate,
    hostHandshakeBurst: hostBurst,
    fingerprintDeny: settings['deny-fingerprint'] ?? [],
    fingerprintLimit: settings['limit-fingerprint'] ?? [],
    fingerprintRate: settings['fingerprint-rate']!,
    fingerprintBurst: settings['fingerprint-burst']!,
    requestRate: settings['request-rate']!,
    requestBurst: settings['request-burst']!,
    errorRate: settings['error-rate']!,
    errorBurst: settings['error-burst']!,
    bodyRate,
    bodyBurst,
    requestsPerAddress: settings['requests-per-address']!,
    authFailureRate: settings['auth-failure-rate']!,
    authFailureBurst: settings['auth-failure-burst']!,
    connectionsMax,
    connectionsCapacity: shadow.includes('connections-max')
      ? Math.max(connectionsMax, connectionsWithin(limit, workers))
      : connectionsMax,
    banThreshold: settings['ban-threshold']!,
    banDecay: settings['ban-decay']!,
    banTimeMs: settings['ban-time']!,
    banTimeMaxMs: settings['ban-time-max']!,
    banExempt: settings['ban-exempt'] ?? [],
    banState: settings['ban-state']!,
    shadow,
    actions,
    tarpitTimeMs: settings['tarpit-time']!,
    tarpitMax,
    delayTimeMs: settings['delay-time']!,
    delayMax: settings['delay-max']!,
    allow: settings.allow ?? [],
    deny: settings.deny ?? [],
    ipv4Prefix: settings['ipv4-prefix']!,
    ipv6Prefix: settings['ipv6-prefix']!,
    prefixMultiple: settings['prefix-multiple']!,
    prefixIpv4: settings['prefix-ipv4']!,
    prefixIpv6: settings['prefix-ipv6']!,
    addressTableSize: settings['address-table-size']!,
  }
}

function burstOf(rate: number): number {
  return Math.min(BURST_MAX, Math.max(1, Math.round(rate * HANDSHAKE_BURST_SECONDS)))
}
