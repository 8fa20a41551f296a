/** Who and what keeps weir busy: the rows of `weir top`. Made at the question, of what the workers keep anyway. */
import { performance } from 'node:perf_hooks'
import type { Config } from '../config/config.ts'
import { reasonFacts } from '../core/reason-facts.ts'
import { labelValues } from '../shared/counters.ts'
import type { Shared, WorkerRefusals } from '../shared/layout.ts'
import {
  type Talker,
  type Talkers,
  WINDOW_SECONDS,
  windowAt,
  wordsText,
} from '../shared/talkers.ts'
import { AddressScan, blockOf, networkOf } from './address-scan.ts'
import { RouteSamples } from './route-samples.ts'

export const topKinds = [
  'addresses',
  'prefixes',
  'routes',
  'fingerprints',
  'reasons',
  'keys',
] as const

export type TopKind = (typeof topKinds)[number]

/** One row: a name, and figures that say in their own names what they are. */
export interface TopRow {
  readonly name: string
  readonly [figure: string]: string | number
}

export interface ToldTop {
  readonly kind: TopKind
  /** What counts of the last seconds are of. */
  readonly window_s: number
  readonly rows: readonly TopRow[]
}

type Figures = Record<string, number>

export class Top {
  readonly #config: Config
  readonly #shared: Shared
  readonly #scan: AddressScan
  readonly #samples: RouteSamples

  constructor(config: Config, shared: Shared) {
    this.#config = config
    this.#shared = shared
    this.#scan = new AddressScan(shared.addresses, config.guards)
    this.#samples = new RouteSamples(shared)
  }

  start(): void {
    this.#samples.start()
  }

  stop(): void {
    this.#samples.stop()
  }

  /** @param limit rows at most */
  async ask(kind: TopKind, limit: number): Promise<ToldTop> {
    const window_s = this.#windowSeconds()
    const tell = (rows: readonly TopRow[], window = window_s): ToldTop => ({
      kind,
      window_s: window,
      rows: rows.slice(0, limit),
    })
    switch (kind) {
      case 'addresses':
        return tell(await this.#holders('addresses', key => blockOf(key, this.#config.guards)))
      case 'prefixes':
        return tell(await this.#holders('networks', networkOf))
      case 'fingerprints':
        return tell(this.#texts('fingerprints', 'handshakes'))
      case 'keys':
        return tell(this.#texts('identities', 'requests'))
      case 'routes':
        return tell(this.#routes(), this.#sampleSeconds())
      case 'reasons':
        break
    }
    return tell(this.#reasons(), this.#sampleSeconds())
  }

  async #holders(
    of: 'addresses' | 'networks',
    nameOf: (key: Int32Array) => string,
  ): Promise<readonly TopRow[]> {
    const scan = await this.#scan.look()
    const rows = new Map<string, Figures>()
    const row = (name: string): Figures => {
      let figures = rows.get(name)
      if (figures === undefined) {
        const held = scan[of].get(name)
        figures = {
          refused: 0,
          requests: 0,
          connections_now: held?.connections ?? 0,
          requests_now: held?.requests ?? 0,
          ...(of === 'networks' ? { addresses_now: held?.addresses ?? 0 } : {}),
          banned_now: held?.banned ?? 0,
        }
        rows.set(name, figures)
      }
      return figures
    }
    for (const name of scan[of].keys()) row(name)
    for (const talker of this.#talkers(({ addresses }) => addresses)) {
      row(nameOf(talker.key))['refused']! += talker.refused
    }
    for (const talker of this.#talkers(({ served }) => served)) {
      row(nameOf(talker.key))['requests']! += talker.count
    }
    return sorted(rows, ['refused', 'connections_now', 'requests', 'requests_now', 'banned_now'])
  }

  #texts(of: 'fingerprints' | 'identities', figure: string): readonly TopRow[] {
    const rows = new Map<string, Figures>()
    for (const { key, count, refused } of this.#talkers(each => each[of])) {
      const name = wordsText(key)
      const figures = rows.get(name) ?? { [figure]: 0, refused: 0 }
      figures[figure]! += count
      figures['refused']! += refused
      rows.set(name, figures)
    }
    return sorted(rows, [figure, 'refused'])
  }

  #routes(): readonly TopRow[] {
    const now = this.#samples.now()
    const { before } = this.#samples
    const rows = new Map<string, Figures>()
    for (const [i, { name }] of this.#config.routes.entries()) {
      const lately = now.requests[i]!.map((count, status) => count - before.requests[i]![status]!)
      const of = (status: (typeof labelValues.status)[number]): number =>
        lately[labelValues.status.indexOf(status)]!
      rows.set(name, {
        requests: sum(lately),
        '4xx': of('4xx'),
        '5xx': of('5xx'),
        faults: now.faults[i]! - before.faults[i]!,
        requests_ever: sum(now.requests[i]!),
      })
    }
    return sorted(rows, ['requests', 'requests_ever'])
  }

  #reasons(): readonly TopRow[] {
    const now = this.#samples.now()
    const { before } = this.#samples
    const rows: TopRow[] = []
    for (const [reason, name] of labelValues.reason.entries()) {
      const [ever, shadowed] = [now.refused[reason]!, now.shadowed[reason]!]
      if (ever + shadowed === 0) continue
      rows.push({
        name,
        refused: ever - before.refused[reason]!,
        refused_ever: ever,
        in_shadow_ever: shadowed,
        flags: reasonFacts(reason)
          .flags.map(flag => `--${flag}`)
          .join(' '),
      })
    }
    return rows.toSorted((a, b) => larger(a, b, ['refused', 'refused_ever', 'in_shadow_ever']))
  }

  #talkers(of: (worker: WorkerRefusals) => Talkers): readonly Talker[] {
    const window = windowAt(performance.now())
    return this.#shared.refusals.flatMap(worker => of(worker).list(window))
  }

  /** Since the beginning of the window before the one that runs. */
  #windowSeconds(): number {
    const now = performance.now() / 1000
    return Math.ceil(Math.min(now, (now % WINDOW_SECONDS) + WINDOW_SECONDS))
  }

  #sampleSeconds(): number {
    return Math.ceil((performance.now() - this.#samples.before.atMs) / 1000)
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** Those of whom there is anything to tell, the largest first. */
function sorted(rows: ReadonlyMap<string, Figures>, by: readonly string[]): readonly TopRow[] {
  return [...rows]
    .filter(([, figures]) => by.some(figure => figures[figure]! > 0))
    .map(([name, figures]): TopRow => ({ name, ...figures }))
    .toSorted((a, b) => larger(a, b, by))
}

function larger(a: TopRow, b: TopRow, by: readonly string[]): number {
  for (const figure of by) {
    if (a[figure] !== b[figure]) return Number(b[figure]) - Number(a[figure])
  }
  return 0
}
