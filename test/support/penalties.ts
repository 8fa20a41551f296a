import type { BanNotice } from '../../src/core/ban.ts'
import { Penalties, type PenaltyRules } from '../../src/guard/penalties.ts'
import type { Shared } from '../../src/shared/layout.ts'

export const BANS_OFF: PenaltyRules = {
  banThreshold: 0,
  banDecay: 0.01,
  banTimeMs: 10_000,
  banExempt: [],
  ipv4Prefix: 32,
  ipv6Prefix: 64,
}

/** Those of a worker: they ban nobody unless told. */
export function penaltiesOf(
  shared: Shared,
  rules: Partial<PenaltyRules> = {},
  bans: BanNotice[] = [],
): Penalties {
  return new Penalties(shared, { ...BANS_OFF, ...rules }, ban => bans.push(ban))
}
