/** Waits for something to become true, and says what if it does not. */
import { setTimeout as pause } from 'node:timers/promises'

const STEP_MS = 20
/** Metrics are made once a second at most, and a scrape costs both sides some milliseconds. */
const SCRAPE_STEP_MS = 100

/** @throws naming `what` if it is not true within `ms` */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  ms = 30_000,
  stepMs = STEP_MS,
): Promise<void> {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await pause(stepMs)
  }
}

/** The same, for a condition that reads the metrics of a weir. */
export function untilScraped(
  condition: () => Promise<boolean>,
  what: string,
  ms?: number,
): Promise<void> {
  return until(condition, what, ms, SCRAPE_STEP_MS)
}
