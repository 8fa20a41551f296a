import type { RequestPlace } from '../../src/guard/request-admission.ts'

/** Of a request that is not counted yet. @param slot of its address, if it has one */
export function requestPlace(slot = -1): RequestPlace {
  return {
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
