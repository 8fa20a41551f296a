/** Medians, ratios and the table they are shown in. */

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

const units = { cpu: ' µs', memory: ' B', leak: '×' } as const

/** A figure as it is shown. */
export function figure(value: number, what: keyof typeof units): string {
  return `${value.toFixed(what === 'memory' ? 0 : what === 'leak' ? 3 : 1)}${units[what]}`
}

/** Markdown. */
export function table(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = ['work', ...names, 'weir / haproxy']
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
