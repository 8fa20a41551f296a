/**
 * THE LIST of flags, a file per group. Help, environment names, the file's schema, docs/flags.md and
 * validation are all read off it: to add a flag, add its row to its group and use its setting in
 * `resolve/`.
 *
 * The spellings are kept: operators' scripts rely on them.
 */
import type { Flag, KindValues } from './flag.ts'
import { authFlags } from './flags/auth.ts'
import { backendsFlags } from './flags/backends.ts'
import { forwardingFlags } from './flags/forwarding.ts'
import { guardsFlags } from './flags/guards.ts'
import { healthFlags } from './flags/health.ts'
import { httpFlags } from './flags/http.ts'
import { operationFlags } from './flags/operation.ts'
import { overloadFlags } from './flags/overload.ts'
import { timeoutsFlags } from './flags/timeouts.ts'
import { tlsFlags } from './flags/tls.ts'
import { tokensFlags } from './flags/tokens.ts'
import { trafficFlags } from './flags/traffic.ts'

export const flags = {
  ...trafficFlags,
  ...tlsFlags,
  ...tokensFlags,
  ...timeoutsFlags,
  ...httpFlags,
  ...forwardingFlags,
  ...backendsFlags,
  ...healthFlags,
  ...guardsFlags,
  ...overloadFlags,
  ...authFlags,
  ...operationFlags,
} as const satisfies Record<string, Flag>

export type FlagName = keyof typeof flags

/** The value of every flag; undefined where nothing was said and there is no default. */
export type Settings = {
  readonly [Name in FlagName]: KindValues[(typeof flags)[Name]['kind']] | undefined
}

export const flagNames = Object.keys(flags) as FlagName[]

/** `connection-rate` → `WEIR_CONNECTION_RATE`. */
export function environmentName(flag: FlagName): string {
  return `WEIR_${flag.toUpperCase().replaceAll('-', '_')}`
}

export function isRepeatable(flag: Flag): boolean {
  return flag.kind.endsWith('s') && flag.kind !== 'statuses'
}
