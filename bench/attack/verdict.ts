/** What is wanted of weir under attack, and what misses. */
import type { Attack } from './attack.ts'
import type { Outcome } from './round.ts'

const SUCCESS_MIN = 0.999
const P99_TIMES = 3
const P99_MS = 30
/** To HAProxy, of the processor time of an event. */
const CPU_RATIO_MAX = 1.3
/** Of an address that the kernel drops, to one that weir refuses. */
const KERNEL_SHARE_MAX = 0.1

/** @returns what misses, in words; none if all is well */
export function misses(
  attack: Attack,
  proxy: string,
  outcomes: Readonly<Record<string, Outcome>>,
): string[] {
  const weir = outcomes[proxy]!
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
  const userSpace = outcomes['weir']
  if (proxy === 'weir with kernel bans' && userSpace !== undefined) {
    const share = weir.microsPerEvent / userSpace.microsPerEvent
    want(share <= KERNEL_SHARE_MAX, `${share.toFixed(2)} of weir's own, wanted ${KERNEL_SHARE_MAX}`)
  }
  const { haproxy } = outcomes
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
