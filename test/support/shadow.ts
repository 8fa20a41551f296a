import type { GuardName } from '../../src/core/governed.ts'
import { refusal } from '../../src/core/refusals.ts'
import { Shadow } from '../../src/guard/shadow.ts'
import type { Shared } from '../../src/shared/layout.ts'

/** Guards of a worker that are only tried: none unless told. */
export function shadowOf(shared: Shared, reasons: readonly GuardName[] = []): Shadow {
  const { counters } = shared
  return new Shadow(reasons, {
    slice: counters.slice(0),
    at: counters.at.shadowed,
    tell: () => {},
  })
}

/** What they would have refused so far. */
export function shadowCount(shared: Shared, reason: GuardName): number {
  return shared.counters.slice(0)[shared.counters.at.shadowed + refusal(reason)]!
}
