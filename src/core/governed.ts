/**
 * What a guard decides, and by which flags: the refusals that depend on a limit or a list of the operator.
 *
 * These can be tried first (`--shadow`). Each of the others is in {@link untried} or says who a client is
 * (rejections.ts): a refusal that is nowhere does not compile.
 */
import type { RefusalName } from './refusals.ts'
import { type RejectionName, rejections } from './rejections.ts'

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
  'prefix-auth-failure-rate': [
    'prefix-multiple',
    'prefix-ipv4',
    'prefix-ipv6',
    'auth-failure-rate',
    'auth-failure-burst',
  ],
  'identity-rate': ['identity-rate', 'identity-burst'],
  'identity-concurrency': ['identity-concurrency'],
} as const satisfies Partial<Record<RefusalName, readonly string[]>>

export type GuardName = keyof typeof governed

const UNSERVABLE = 'nobody could serve it: what the client sent is malformed, or means two things'
const ENDLESS = 'weir waits for no client, and keeps of none, without an end; raise the limit'
const NAMELESS = 'who the client is stands there, and there alone'
const UNANSWERED = 'there is nothing here to answer it with'
const UNPROVEN = 'whoever proved nothing is not let in as somebody'

/** What no guard decides, and why it cannot be tried. */
export const untried = {
  draining: 'weir is about to end',
  'proxy-header-malformed': NAMELESS,
  'proxy-header-timeout': NAMELESS,
  'not-tls': UNSERVABLE,
  'hello-malformed': UNSERVABLE,
  'hello-too-large': ENDLESS,
  'hello-timeout': ENDLESS,
  'bad-server-name': UNSERVABLE,
  'unknown-server-name': UNANSWERED,
  'tls-version': UNANSWERED,
  'bad-request': UNSERVABLE,
  'request-too-large': ENDLESS,
  'request-timeout': ENDLESS,
  'not-supported': UNANSWERED,
} as const satisfies Record<Exclude<RefusalName, 'admitted' | RejectionName | GuardName>, string>

/** @returns why `--shadow` does not take the reason; null if it does, or there is no such refusal */
export function whyNotTried(name: string): string | null {
  if (Object.hasOwn(governed, name)) return null
  if (Object.hasOwn(untried, name)) return untried[name as keyof typeof untried]
  return rejections.some(([rejection]) => rejection === name) ? UNPROVEN : null
}

export const guardNames = Object.keys(governed) as readonly GuardName[]

/** @param names of guards; `all` is all of them */
export function shadowedGuards(names: readonly string[]): readonly GuardName[] {
  return names.includes('all') ? guardNames : guardNames.filter(name => names.includes(name))
}
