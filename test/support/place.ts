import type { RequestPlace } from '../../src/guard/request-admission.ts'

/** Who asks, as the log would name it. */
export const TRIED = { address: '10.0.0.1', listener: 'web' }

/** Of a request that is not counted yet. @param slot of its address, if it has one */
export function requestPlace(slot = -1): RequestPlace {
  return {
    ...TRIED,
    requestSlot: slot,
    requestPrefixSlot: -1,
    requestLine: -1,
    holdsSlot: false,
    isDirect: true,
    banCounted: false,
    bodyCounted: false,
    retryAfter: 0,
    delayTicks: 0,
    delayedBy: 0,
  }
}
