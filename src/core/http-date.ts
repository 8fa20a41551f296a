/** The time of day as `Date` fields have it. */
import { performance } from 'node:perf_hooks'

let text = ''
/** Until when that holds, as `performance.now()` tells it: to ask for the time of day costs more. */
let untilMs = 0

/** Now, as RFC 9110 §5.6.7 writes it; made anew once a second. */
export function httpDate(): string {
  const nowMs = performance.now()
  if (nowMs >= untilMs) {
    const timeMs = Date.now()
    untilMs = nowMs + 1000 - (timeMs % 1000)
    text = new Date(timeMs).toUTCString()
  }
  return text
}
