/**
 * What there is to say of a reason besides its name, read off the tables: what it means, what it is counted under, and the
 * flags it depends on.
 */
import { faults } from './faults.ts'
import { governed } from './governed.ts'
import { isRejection, refusals } from './refusals.ts'

/** What a limit counts under. */
export type KeyKind =
  | 'address'
  | 'prefix'
  | 'route'
  | 'address and route'
  | 'identity'
  | 'fingerprint'
  | 'credential'
  | 'host'

export interface ReasonFacts {
  readonly name: string
  readonly kind: 'refusal' | 'rejection' | 'fault'
  readonly means: string
  readonly key: KeyKind
  /** Names of flags, without the dashes. */
  readonly flags: readonly string[]
}

/** Limits of the host as a whole, or what says nothing of the client. */
const OF_HOST = new Set(['connections-max', 'draining'])

/** @param reason the number of a refusal; of a fault `~number` */
export function reasonFacts(reason: number): ReasonFacts {
  const row = reason < 0 ? faults[~reason] : refusals[reason]
  const [name, means] = row ?? ['unknown', 'a reason of another version']
  const rejection = reason >= 0 && isRejection(reason)
  return {
    name,
    kind: reason < 0 ? 'fault' : rejection ? 'rejection' : 'refusal',
    means,
    key: keyKind(name, reason < 0, rejection),
    flags: flagsOf(name, means),
  }
}

/** Flags of all limits that count under an address, or what it lies in. */
export function flagsOfAddresses(): readonly string[] {
  const rows = Object.entries(governed).filter(([name]) =>
    ['address', 'prefix'].includes(keyKind(name, false, false)),
  )
  return [...new Set(rows.flatMap(([, flags]) => flags))]
}

/** Names of limits begin with what they count. */
function keyKind(name: string, isFault: boolean, rejection: boolean): KeyKind {
  if (isFault || OF_HOST.has(name) || name.startsWith('overload')) return 'host'
  if (name.startsWith('identity-')) return 'identity'
  if (name.startsWith('fingerprint-')) return 'fingerprint'
  if (name.startsWith('prefix-')) return 'prefix'
  if (name === 'route-address-rate') return 'address and route'
  if (name.startsWith('route-')) return 'route'
  return rejection && name !== 'auth-failure-rate' ? 'credential' : 'address'
}

/** Those a guard goes by, and those the table tells of. */
function flagsOf(name: string, means: string): readonly string[] {
  const own: readonly string[] =
    (governed as Readonly<Record<string, readonly string[]>>)[name] ?? []
  const told = [...means.matchAll(/--([a-z][a-z0-9-]*)/g)].map(([, flag]) => flag!)
  return [...new Set([...own, ...told])]
}
