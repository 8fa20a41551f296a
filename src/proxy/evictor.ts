/**
 * Level 4: ends sessions to make room, a few at each step, in this order, and only as far as it helps.
 *
 *   idle ones of strangers    where places, descriptors or memory are short
 *   what strangers hold most  memory
 *   idle ones of the known    descriptors, memory
 *   what the known hold most  memory
 *
 * It goes on to the next when a walk over all sessions found nobody, and back to the first with each victim, so that
 * those with a good record go last. Idle and large are looked at, not counted along: that costs the data path nothing.
 */
import type { Overload } from '../guard/overload.ts'
import { evictionStages } from '../shared/counters.ts'
import { CONNECTIONS, DESCRIPTORS, MEMORY } from '../shared/overload-table.ts'
import { Held } from '../transport/held.ts'
import type { Holder } from './held-bytes.ts'
import type { Walkable } from './sessions.ts'

/** Sessions looked at in one step of 50 ms. */
const PER_STEP = 256
/** Of them end at most so many, and one of so many: what it comes to is seen a few steps later. */
const VICTIMS_PER_STEP = 32
const SHARE_PER_STEP = 64
/** Of the largest: at the end of a walk, those at the top of it. */
const LARGEST = 8
/** Who holds less than one read is not large. */
const LARGE_BYTES = 65_536
/** Steps of silence: a second between requests, ten seconds in a tunnel. */
const HTTP_IDLE_STEPS = 20
const TUNNEL_IDLE_STEPS = 200

/** By signal: places in {@link evictionStages}. */
const stagesOf: Readonly<Record<number, readonly number[]>> = {
  [MEMORY]: [0, 1, 2, 3],
  [DESCRIPTORS]: [0, 2],
  [CONNECTIONS]: [0],
}

/** A session. */
export interface Evictable extends Holder {
  readonly slot: number
  /** Speaks HTTP. */
  readonly isHttp: boolean
  /** Steps since its last byte while it waits for its client; -1 for one that is at work. */
  idleSteps(): number
  evict(cause: string): void
}

/** Where its victims are counted, by stage. */
export interface EvictorPlace {
  readonly slice: Float64Array
  readonly at: number
}

export class Evictor {
  readonly #sessions: Walkable<Evictable>
  readonly #overload: Pick<Overload, 'evictsFor' | 'knowsSlot'>
  readonly #place: EvictorPlace
  readonly #held = new Held()
  #walk: Iterator<Evictable> | null = null
  /** Sessions that were there when the walk began: those that come meanwhile must not keep it from ending. */
  #left = 0
  /** Which of the stages of the signal is tried. */
  #stage = 0
  #victims = 0
  /** Largest first. */
  #largest: { session: Evictable; bytes: number }[] = []

  constructor(
    sessions: Walkable<Evictable>,
    overload: Pick<Overload, 'evictsFor' | 'knowsSlot'>,
    place: EvictorPlace,
  ) {
    this.#sessions = sessions
    this.#overload = overload
    this.#place = place
  }

  step(): void {
    const signal = this.#overload.evictsFor
    if (signal === -1) {
      this.#walk?.return?.()
      this.#walk = null
      this.#stage = 0
      return
    }
    const stages = stagesOf[signal]!
    if (this.#stage >= stages.length) this.#stage = 0
    if (this.#walk === null) this.#begin()
    this.#look(this.#walk!, stages[this.#stage]!)
    if (this.#left === 0) this.#end(stages)
  }

  #begin(): void {
    this.#walk = this.#sessions.values()
    this.#left = this.#sessions.size
    this.#victims = 0
    this.#largest = []
  }

  #look(walk: Iterator<Evictable>, stage: number): void {
    const share = Math.ceil(this.#sessions.size / SHARE_PER_STEP)
    const limit = this.#victims + Math.min(VICTIMS_PER_STEP, share)
    for (let n = 0; n < PER_STEP && this.#left > 0 && this.#victims < limit; n++) {
      const { done, value } = walk.next()
      if (done === true) {
        this.#left = 0
        return
      }
      this.#left--
      if (stage % 2 === 1) this.#weigh(value, stage)
      else if (isIdle(value) && this.#isOf(stage, value)) this.#evict(value, stage)
    }
  }

  #end(stages: readonly number[]): void {
    const stage = stages[this.#stage]!
    for (const { session } of this.#largest) this.#evict(session, stage)
    this.#largest = []
    this.#walk?.return?.()
    this.#walk = null
    this.#stage = this.#victims > 0 ? 0 : (this.#stage + 1) % stages.length
  }

  #weigh(session: Evictable, stage: number): void {
    const held = this.#held
    held.clear()
    session.hold(held)
    const bytes = held.total
    const top = this.#largest
    if (bytes < LARGE_BYTES || (top.length === LARGEST && bytes <= top.at(-1)!.bytes)) return
    if (!this.#isOf(stage, session)) return
    top.push({ session, bytes })
    top.sort((a, b) => b.bytes - a.bytes)
    if (top.length > LARGEST) top.pop()
  }

  /** The first two stages are about strangers. */
  #isOf(stage: number, { slot }: Evictable): boolean {
    return this.#overload.knowsSlot(slot) === stage > 1
  }

  #evict(session: Evictable, stage: number): void {
    this.#victims++
    this.#place.slice[this.#place.at + stage]!++
    session.evict(evictionStages[stage]!)
  }
}

function isIdle(session: Evictable): boolean {
  return session.idleSteps() >= (session.isHttp ? HTTP_IDLE_STEPS : TUNNEL_IDLE_STEPS)
}
