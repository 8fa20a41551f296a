/** What a weir says it refused, and what it would have, by reason. */
import { isDeepStrictEqual } from 'node:util'
import { untilScraped } from './until.ts'
import type { RunningWeir } from './weir.ts'

export interface RefusalCounts {
  readonly refused: Readonly<Record<string, number>>
  /** By guards that are only tried. */
  readonly shadowed: Readonly<Record<string, number>>
}

/**
 * Waits for what is `wanted`, and until everything has been counted once more.
 *
 * @returns what is counted then: something else, if that never came or did not stay
 */
export async function countedRefusals(
  weir: RunningWeir,
  wanted: RefusalCounts,
): Promise<RefusalCounts> {
  let text = ''
  const read = async (): Promise<RefusalCounts> => {
    text = await (await weir.admin('/metrics')).text()
    return {
      refused: byReason(text, 'weir_refusals_total'),
      shadowed: byReason(text, 'weir_shadow_refusals_total'),
    }
  }
  try {
    await untilScraped(
      async () => isDeepStrictEqual(await read(), wanted),
      'all is counted',
      10_000,
    )
  } catch {
    // The caller tells.
  }
  // Metrics are made once a second at most; the delays of the loops tell those of another second.
  const first = text
  let counts = await read()
  await untilScraped(async () => {
    counts = await read()
    return text !== first
  }, 'the metrics are made again')
  return counts
}

/** Over all listeners, where there were any. */
function byReason(text: string, metric: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [, labels, count] of text.matchAll(new RegExp(`^${metric}\\{(.*)\\} (\\d+)$`, 'gm'))) {
    const reason = /reason="([^"]+)"/.exec(labels!)![1]!
    if (Number(count) > 0) counts[reason] = (counts[reason] ?? 0) + Number(count)
  }
  return counts
}
