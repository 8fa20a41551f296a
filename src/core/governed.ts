/**
 * What a guard decides, and by which flags: the refusals that depend on a limit or a list of the operator.
 *
 * These can be tried first (`--shadow`); the others are about bytes that cannot be served, whatever is set.
 */
import type { RefusalName } from './refusals.ts'

const overload = [
  'overload',
  'overload-memory',
  'overload-memory-max',
  'overload-descriptors',
  'overload-connections',
  'overload-loop-delay',
] as const

export const governed = {
  denied: ['deny', 'allow'],
  banned: ['ban-threshold', 'ban-decay', 'ban-time', 'ban-time-max', 'ban-exempt'],
  'connection-rate': ['connection-rate', 'connection-burst'],
  'connections-per-address': ['connections-per-address'],
  'connections-max': ['connections-max'],
  'overload-stranger': overload,
  'overload-closed': overload,
  'handshake-rate': ['handshake-rate', 'handshake-burst'],
  'host-handshake-rate': ['host-handshake-rate', 'host-handshake-burst'],
  'fingerprint-denied': ['deny-fingerprint'],
  'fingerprint-rate': ['limit-fingerprint', 'fingerprint-rate', 'fingerprint-burst'],
  'request-rate': ['request-rate', 'request-burst', 'request-cost'],
  'error-rate': ['error-rate', 'error-burst'],
  'requests-per-address': ['requests-per-address'],
  'prefix-connection-rate': [
    'prefix-multiple',
    'prefix-ipv4',
    'prefix-ipv6',
    'connection-rate',
    'connection-burst',
  ],
  'prefix-connections': [
    'prefix-multiple',
    'prefix-ipv4',
    'prefix-ipv6',
    'connections-per-address',
  ],
  'prefix-handshake-rate': [
    'prefix-multiple',
    'prefix-ipv4',
    'prefix-ipv6',
    'handshake-rate',
    'handshake-burst',
  ],
  'prefix-request-rate': [
    'prefix-multiple',
    'prefix-ipv4',
    'prefix-ipv6',
    'request-rate',
    'request-burst',
    'request-cost',
  ],
  'prefix-error-rate': [
    'prefix-multiple',
    'prefix-ipv4',
    'prefix-ipv6',
    'error-rate',
    'error-burst',
  ],
  'prefix-requests': ['prefix-multiple', 'prefix-ipv4', 'prefix-ipv6', 'requests-per-address'],
  'body-rate': ['body-rate', 'body-burst'],
  'route-request-rate': ['route-request-rate', 'route-request-burst'],
  'route-address-rate': ['route-address-rate', 'route-address-burst'],
  'auth-failure-rate': ['auth-failure-rate', 'auth-failure-burst'],
  'identity-rate': ['identity-rate', 'identity-burst'],
  'identity-concurrency': ['identity-concurrency'],
} as const satisfies Partial<Record<RefusalName, readonly string[]>>

export type GuardName = keyof typeof governed

export const guardNames = Object.keys(governed) as readonly GuardName[]

/** @param names of guards; `all` is all of them */
export function shadowedGuards(names: readonly string[]): readonly GuardName[] {
  return names.includes('all') ? guardNames : guardNames.filter(name => names.includes(name))
}
