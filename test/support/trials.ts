/**
 * Tries guards out, `--shadow`: each is provoked at a weir where it bites and, in the same way, at one where it only counts.
 *
 * The verdicts differ, and nothing else does: the reason, how often it is counted, and the lines of the log are the same. What
 * was let in has cost the client no points, and banned nobody.
 *
 * The guards to be tried are those of a stage of provocations.ts, so one that is new has to be provoked here as well.
 */
import type { Test } from 'tap'
import type { ToldAddress } from '../../src/control/why.ts'
import { type GuardName, guardNames } from '../../src/core/governed.ts'
import { refusal } from '../../src/core/refusals.ts'
import { weights } from '../../src/core/weights.ts'
import { adminSocket, askSocket } from './admin-socket.ts'
import { guardedBy, stages } from './provocations.ts'
import { countedRefusals, type RefusalCounts } from './refusal-counts.ts'
import { until } from './until.ts'
import { type LogLine, type RunningWeir, startWeir } from './weir.ts'

/** A weir with its backend, and whatever else is needed to provoke it. */
export interface Site {
  readonly weir: RunningWeir
  readonly port: number
}

export interface Trial<Here extends Site> {
  readonly guard: GuardName
  /** @param flags of the trial: what weir is told besides; see {@link onTrial} */
  readonly start: (flags: readonly string[]) => Promise<Here>
  /** What makes the guard bite. */
  readonly flags: readonly string[]
  /** Whoever asks, one after the other, and is one too many. More than a few lines of a second are not written. */
  readonly clients: readonly string[]
  /** What is served, or refused for `others`, before. */
  readonly before?: (here: Here) => Promise<unknown>
  /** @returns the verdict */
  readonly ask: (here: Here, client: string) => Promise<string>
  readonly served: string
  readonly refused: string
  /** What else is refused on the way, whether the guard bites or not. */
  readonly others?: Readonly<Record<string, number>>
}

/** What stands in a line of a refusal, however the client came and whatever else it did. */
type Told = Readonly<Record<'listener' | 'client' | 'reason', string>>

/** What one weir made of it. */
interface Outcome {
  readonly verdicts: readonly string[]
  readonly counts: RefusalCounts
  /** What the log says of the guard, in no order: each worker has its own. */
  readonly lines: readonly Told[]
  /** Of the penalties of all clients, how many the asking has cost. */
  readonly points: number
  readonly bans: number
}

/** For a client that is to ask so often. */
export const asOften = (client: string, times = 3): string[] => Array(times).fill(client)

export class Trials {
  readonly #guards: readonly GuardName[]
  readonly #tried = new Set<GuardName>()

  constructor(stage: keyof typeof stages) {
    this.#guards = guardsOf(stage)
  }

  async run<Here extends Site>(t: Test, trial: Trial<Here>): Promise<void> {
    const { guard, clients, served, refused, others = {} } = trial
    this.#tried.add(guard)
    const count = { [guard]: clients.length }
    const refusing = { refused: { ...others, ...count }, shadowed: {} }
    const counting = { refused: others, shadowed: count }
    const [bites, tried] = await Promise.all([
      attempt(t, trial, [], refusing),
      attempt(t, trial, ['--shadow', guard], counting),
    ])
    const every = (verdict: string): string[] => clients.map(() => verdict)
    t.strictSame(bites.verdicts, every(refused), `${guard} bites`)
    t.strictSame(tried.verdicts, every(served), `${guard} is only tried`)
    t.strictSame(bites.counts, refusing, 'each refusal counts once')
    t.strictSame(tried.counts, counting, 'and each that would have been one')
    t.strictSame(tried.lines, bites.lines, 'the log tells both alike')
    const told = tried.lines.map(({ client }) => client)
    t.strictSame(told, [...clients].toSorted(), 'and each client')
    t.equal(bites.points > 0, weights[refusal(guard)]! > 0, 'who is refused pays')
    t.notOk(tried.points > 0, 'who is let in does not')
    t.equal(bites.bans, 0)
    t.equal(tried.bans, 0)
  }

  /** All guards of the stage were. */
  areAll(t: Test): void {
    t.strictSame(
      this.#guards.filter(guard => !this.#tried.has(guard)),
      [],
      'nobody tried these',
    )
  }
}

/** The guards that turn a client away there. */
export function guardsOf(stage: keyof typeof stages): readonly GuardName[] {
  const reasons: readonly string[] = stages[stage]
  return guardNames.filter(guard => reasons.includes(guard))
}

/** Starts weir so that nothing but what `flags` say refuses anybody, and who is refused may be banned. */
export function onTrial(t: Test, ...flags: readonly string[]): Promise<RunningWeir> {
  const bans = ['--ban-threshold', '100', '--ban-decay', '0.1']
  const exempt = flags.includes('--ban-exempt') ? [] : ['--ban-exempt', '198.51.100.1']
  return startWeir(t, guardedBy(...bans, ...exempt, ...flags))
}

async function attempt<Here extends Site>(
  t: Test,
  trial: Trial<Here>,
  shadow: readonly string[],
  wanted: RefusalCounts,
): Promise<Outcome> {
  const socket = adminSocket(t)
  const { guard, clients } = trial
  const here = await trial.start([...trial.flags, ...shadow, '--admin-socket', socket])
  const { weir } = here
  await trial.before?.(here)
  const before = await pointsOf(socket, clients)
  const verdicts: string[] = []
  for (const client of clients) verdicts.push(await trial.ask(here, client))
  const points = (await pointsOf(socket, clients)) - before
  const counts = await countedRefusals(weir, wanted)
  const told = (): LogLine[] => weir.lines.filter(({ reason }) => reason === guard)
  await until(() => told().length >= clients.length, `the log tells of ${guard}`)
  const lines = told()
    .map(line => ({
      listener: String(line['listener']),
      client: String(line['client']),
      reason: String(line['reason']),
    }))
    .toSorted((a, b) => (a.client < b.client ? -1 : 1))
  return { verdicts, counts, lines, points, bans: await weir.metric('weir_bans_total') }
}

/** That all of them have, each counted once. */
async function pointsOf(socket: string, clients: readonly string[]): Promise<number> {
  let points = 0
  for (const client of new Set(clients)) {
    const [, told] = await askSocket(socket, `/why?address=${client}`)
    points += (told as ToldAddress).now.score
  }
  return points
}
