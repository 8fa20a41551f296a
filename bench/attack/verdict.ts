/** What is wanted of weir under attack, and what misses. */
import type { Attack } from './attack.ts'
import type { Outcome } from './round.ts'

const SUCCESS_MIN = 0.999
const P99_TIMES = 3
const P99_MS = 30
/** To HAProxy, of the processor time of an event. */
const CPU_RATIO_MAX = 1.3

/** @returns what misses, in words; none if all is well */
export function misses(attack: Attack, weir: Outcome, haproxy: Outcome | undefined): string[] {
  const { quiet, attacked } = weir
  const successMin = attack.successMin ?? SUCCESS_MIN
  const p99Max = Math.max(P99_TIMES * quiet.p99Ms, P99_MS)
  const found: string[] = []
  const want = (holds: boolean, what: string): void => {
    if (!holds) found.push(what)
  }
  want(
    attacked.success >= successMin,
    `served ${percent(attacked.success)}, wanted ${percent(successMin)}`,
  )
  want(attacked.p99Ms <= p99Max, `p99 ${attacked.p99Ms.toFixed(1)} ms, wanted ${p99Max.toFixed(1)}`)
  want(weir.memoryBackSeconds !== null, 'memory is not back')
  want(
    weir.descriptorsAfter <= weir.descriptorsBefore,
    `${weir.descriptorsAfter - weir.descriptorsBefore} descriptors left`,
  )
  if (haproxy === undefined) return found
  const ratio = weir.microsPerEvent / haproxy.microsPerEvent
  want(
    ratio <= CPU_RATIO_MAX,
    `${ratio.toFixed(2)} of HAProxy's processor time, wanted ${CPU_RATIO_MAX}`,
  )
  want(
    attacked.success >= haproxy.attacked.success,
    `HAProxy served ${percent(haproxy.attacked.success)}, weir ${percent(attacked.success)}`,
  )
  return found
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}
