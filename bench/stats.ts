/** Medians, ratios and the tables they are shown in. */
import type { FigureName } from './measure.ts'

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Lowest, median and highest ratio, round by round. */
export function ratios(of: readonly number[], to: readonly number[]): [string, string, string] {
  const each = of.map((value, i) => value / (to[i] ?? Number.NaN))
  return [Math.min(...each), median(each), Math.max(...each)].map(x => x.toFixed(2)) as [
    string,
    string,
    string,
  ]
}

const KIB = 1024

/** A figure as it is shown. */
export function figure(value: number, what: FigureName): string {
  if (what === 'cpu')
    return value < 10_000 ? `${value.toFixed(1)} µs` : `${(value / 1000).toFixed(1)} ms`
  if (what === 'memory') return `${(value / KIB).toFixed(1)} KiB`
  if (what === 'busy') return `${(value * 100).toFixed(0)} %`
  if (what === 'leak') return `${value.toFixed(3)}×`
  if (what === 'p50' || what === 'p99') return `${value.toFixed(value < 10 ? 2 : 0)} ms`
  return value.toFixed(0)
}

/** Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
