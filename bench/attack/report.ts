/** What an attack did, as rows of a table. */
import { table } from '../stats.ts'
import type { Attack } from './attack.ts'
import type { Outcome, Service } from './round.ts'
import { percent } from './verdict.ts'

const MIB = 1024 * 1024

export interface Result {
  readonly attack: Attack
  /** By proxy. */
  readonly outcomes: Readonly<Record<string, Outcome>>
  readonly misses: readonly string[]
}

export function resultTable(results: readonly Result[]): string {
  const rows = results.flatMap(({ attack, outcomes, misses: found }) =>
    Object.entries(outcomes).map(([name, outcome], i) => [
      i === 0 ? attack.about : '',
      name,
      percent(outcome.attacked.success),
      `${times(outcome.quiet)} → ${times(outcome.attacked)}`,
      `${outcome.perSecond.toFixed(0)}/s`,
      `${outcome.microsPerEvent.toFixed(1)} µs`,
      percent(outcome.busy),
      memory(outcome),
      `${outcome.descriptorsBefore}/${outcome.descriptorsPeak}/${outcome.descriptorsAfter}`,
      found
        .filter(each => each.startsWith(`${name}: `))
        .map(each => each.slice(name.length + 2))
        .join('; '),
    ]),
  )
  return table(
    [
      'attack',
      'proxy',
      'client served',
      'p50/p99 quiet → attacked, ms',
      'hostile events',
      'CPU per event',
      'busy',
      'RSS before/peak/after, MiB',
      'descriptors',
      'misses',
    ],
    rows,
  )
}

export function describeOutcome(name: string, outcome: Outcome): string {
  return [
    `${name}: client ${percent(outcome.attacked.success)} of ${outcome.attacked.requests}${failures(outcome)}`,
    `${times(outcome.quiet)} → ${times(outcome.attacked)} ms`,
    `${outcome.events} events (${JSON.stringify(outcome.outcomes)})`,
    `${outcome.microsPerEvent.toFixed(1)} µs each, busy ${percent(outcome.busy)}`,
    `RSS ${memory(outcome)} MiB`,
    `descriptors ${outcome.descriptorsBefore}/${outcome.descriptorsPeak}/${outcome.descriptorsAfter}`,
  ].join(', ')
}

function failures({ quiet, attacked }: Outcome): string {
  const found = [quiet.failures, attacked.failures].map(each => JSON.stringify(each))
  return found.every(each => each === '{}') ? '' : ` (${found.join(' → ')})`
}

function times({ p50Ms, p99Ms }: Service): string {
  return `${p50Ms.toFixed(1)}/${p99Ms.toFixed(1)}`
}

function memory({ memoryBefore, memoryPeak, memoryAfter, memoryBackSeconds }: Outcome): string {
  const sizes = [memoryBefore, memoryPeak, memoryAfter].map(each => (each / MIB).toFixed(0))
  const after = memoryBackSeconds === null ? 'not back' : `${memoryBackSeconds.toFixed(0)} s`
  return `${sizes.join('/')} (${after})`
}
