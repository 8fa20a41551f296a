/**
 * What is done with a client that a guard refuses, `--action`: by default the answer or alert its protocol has for it.
 *
 * What is possible depends on where it is refused: right after accept no word was said, so there is none to answer.
 */
import type { GuardName } from './governed.ts'

export const actions = [
  'reject', // 429, 403 or a TLS alert: what is done unless told
  'reset', // RST
  'close', // FIN, without a word
  'tarpit', // held open in silence for a time, then reset
  'delay', // a request that is held until its tokens are due, and then served
] as const

export type ActionName = (typeof actions)[number]

/** The number of an action, for module-level constants. */
export function action(name: ActionName): number {
  return actions.indexOf(name)
}

const stages = {
  accept: ['reset', 'close', 'tarpit'],
  // In an overload nobody is held: what weir is short of may be descriptors. A request then comes over a proxy's
  // connection, and is answered whatever was chosen.
  overload: ['reset', 'close'],
  hello: ['reject', 'reset', 'close', 'tarpit'],
  request: ['reject', 'reset', 'close', 'tarpit'],
  // What comes back with time can be waited for.
  rate: ['reject', 'reset', 'close', 'tarpit', 'delay'],
} as const satisfies Record<string, readonly ActionName[]>

type Stage = keyof typeof stages

/** Where each guard refuses. */
const stagesOf = {
  denied: ['accept'],
  banned: ['accept', 'request'],
  'connection-rate': ['accept'],
  'connections-per-address': ['accept'],
  'connections-max': ['accept'],
  'overload-stranger': ['overload'],
  'overload-closed': ['overload'],
  'handshake-rate': ['hello'],
  'host-handshake-rate': ['hello'],
  'fingerprint-denied': ['hello'],
  'fingerprint-rate': ['hello'],
  'request-rate': ['rate'],
  'error-rate': ['request'],
  'requests-per-address': ['request'],
  'prefix-connection-rate': ['accept'],
  'prefix-connections': ['accept'],
  'prefix-handshake-rate': ['hello'],
  'prefix-request-rate': ['rate'],
  'prefix-error-rate': ['request'],
  'prefix-requests': ['request'],
  'body-rate': ['request'],
  'route-request-rate': ['rate'],
  'route-address-rate': ['rate'],
  'auth-failure-rate': ['request'],
  'prefix-auth-failure-rate': ['request'],
  'identity-rate': ['request'],
  'identity-concurrency': ['request'],
} as const satisfies Record<GuardName, readonly Stage[]>

/** What a guard may do: what is possible wherever it refuses. */
export function actionsOf(guard: GuardName): readonly ActionName[] {
  const where: readonly Stage[] = stagesOf[guard]
  return actions.filter(name =>
    where.every(stage => (stages[stage] as readonly ActionName[]).includes(name)),
  )
}

/** What the operator chose for a guard. */
export interface GuardAction {
  readonly guard: GuardName
  readonly action: ActionName
}
