/** Waits for something to become true, and says what if it does not. */
import { setTimeout as pause } from 'node:timers/promises'

const STEP_MS = 20

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
