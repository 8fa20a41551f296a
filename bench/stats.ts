/** Medians, ratios and the tables they are shown in. */
import type { FigureName } from './measure.ts'

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2
}

/** Of what is compared round by round. */
export interface Ratio {
  readonly low: number
  readonly median: number
  readonly high: number
}

export function ratioOf(of: readonly number[], to: readonly number[]): Ratio {
  const each = of.map((value, i) => value / (to[i] ?? Number.NaN))
  return { low: Math.min(...each), median: median(each), high: Math.max(...each) }
}

const KIB = 1024

/** A figure as it is shown. */
export function figure(value: number, what: FigureName): string {
  if (what === 'cpu')
    return value < 10_000 ? `${value.toFixed(1)} µs` : `${(value / 1000).toFixed(1)} ms`
  if (what === 'memory') return `${(value / KIB).toFixed(1)} KiB`
  if (what === 'busy' || what === 'waited') return `${(value * 100).toFixed(0)} %`
  if (what === 'leak') return `${value.toFixed(3)}×`
  if (what === 'p50' || what === 'p99') return `${value.toFixed(value < 10 ? 2 : 0)} ms`
  return value.toFixed(0)
}

/** Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
