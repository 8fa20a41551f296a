/** What a run found, as lines and tables. */
import type { FigureName, Figures } from './measure.ts'
import type { Scenario } from './scenario.ts'
import { figure, median, type Ratio, ratioOf, table } from './stats.ts'

/** What is said besides. */
const besides = ['per-second', 'busy', 'waited', 'p50', 'p99'] as const satisfies FigureName[]

/** A scenario in one line, when it is done. */
export function describe(scenario: Scenario, figures: Figures): string {
  const { unit, limit } = scenario
  const main = scenario.measure
  const rounds = figures[main] ?? {}
  const parts = [`${list(rounds, main)} per ${unit}`]
  if (limit !== undefined) parts.push(`weir may have ${figure(limit, main)}`)
  const wanted = wantedOf(scenario)
  for (const name of othersOf(rounds)) {
    const want = wanted[name] === undefined ? '' : `, wanted ${wanted[name]}`
    parts.push(`weir/${name} ${ratio(rounds, name)}${want}`)
  }
  for (const what of besides) {
    if (figures[what] !== undefined) {
      parts.push(`${what}: ${list(figures[what], what)}`)
    }
  }
  return parts.join('; ')
}

/** All scenarios: a table per set of proxies for what they are about, and one for rates and times. */
export function tables(results: readonly (readonly [Scenario, Figures])[]): string {
  const sets = new Map<string, (readonly [Scenario, Figures])[]>()
  for (const result of results) {
    const key = Object.keys(mainRounds(...result)).join(' ')
    sets.set(key, [...(sets.get(key) ?? []), result])
  }
  const parts: string[] = []
  for (const [key, members] of sets) {
    const names = key.split(' ')
    const [, ...others] = names
    parts.push(
      table(
        ['work', ...names, ...others.map(name => `weir / ${name}`)],
        members.map(([scenario, figures]) => mainRow(scenario, figures)),
      ),
    )
    const timed = members.filter(([{ measure }]) => measure === 'cpu')
    if (timed.length > 0) parts.push(table(['work', ...names], timed.map(timeRow)))
  }
  return parts.join('\n\n')
}

/** What a file of figures says of a scenario. */
export interface Summary {
  readonly about: string
  /** What the figures are per. */
  readonly unit: string
  /** Every round: µs, bytes, ms, or a share. */
  readonly figures: Figures
  /** weir's main figure to that of the others. */
  readonly ratios: Readonly<Record<string, Ratio>>
  /** What the project asks of itself. */
  readonly wanted: Readonly<Record<string, number>>
}

export function summary(scenario: Scenario, figures: Figures): Summary {
  const { about, unit } = scenario
  const rounds = mainRounds(scenario, figures)
  const ratios = Object.fromEntries(
    othersOf(rounds).map(name => [name, ratioOf(rounds['weir']!, rounds[name]!)]),
  )
  return { about, unit, figures, ratios, wanted: wantedOf(scenario) }
}

function wantedOf({ target, targets }: Scenario): Record<string, number> {
  return { ...(target === undefined ? {} : { haproxy: target }), ...targets }
}

function mainRow(scenario: Scenario, figures: Figures): string[] {
  const rounds = mainRounds(scenario, figures)
  const main = scenario.measure
  return [
    scenario.about,
    ...Object.values(rounds).map(values => figure(median(values), main)),
    ...othersOf(rounds).map(name => ratio(rounds, name, '**')),
  ]
}

/** Operations a second on one processor; half and 99 of 100 took no longer. */
function timeRow([scenario, figures]: readonly [Scenario, Figures]): string[] {
  const cells = Object.keys(mainRounds(scenario, figures)).map(name =>
    (['per-second', 'p50', 'p99'] as const)
      .filter(what => figures[what]?.[name] !== undefined)
      .map(
        what => figure(median(figures[what]![name]!), what) + (what === 'per-second' ? '/s' : ''),
      )
      .join(', '),
  )
  return [scenario.about, ...cells]
}

function mainRounds(scenario: Scenario, figures: Figures): Record<string, number[]> {
  return figures[scenario.measure] ?? {}
}

function othersOf(rounds: Readonly<Record<string, number[]>>): string[] {
  return Object.keys(rounds).filter(name => name !== 'weir')
}

function ratio(rounds: Readonly<Record<string, number[]>>, name: string, mark = ''): string {
  const { low, median: middle, high } = ratioOf(rounds['weir']!, rounds[name]!)
  return `${mark}${middle.toFixed(2)}${mark} (${low.toFixed(2)} to ${high.toFixed(2)})`
}

function list(rounds: Readonly<Record<string, number[]>>, what: FigureName): string {
  return Object.entries(rounds)
    .map(([name, values]) => `${name} ${figure(median(values), what)}`)
    .join(', ')
}
