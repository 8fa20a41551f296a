/**
 * What a worker does less of when weir is short of memory, descriptors, places or time: its level, and who is let in.
 *
 *   1  clients wait less long between requests, and those without a good record get one answer per connection
 *   2  new connections, and requests that a proxy passes on, only of those with a good record
 *   3  no new connections; requests on those there are go on
 *   4  sessions end to make room (proxy/evictor.ts)
 *
 * Each worker judges by itself, from figures of the process that whoever finds them old makes anew: nothing waits for
 * main. `--connections-max` refuses everybody by itself, so that what is left below it is for those with a good
 * record: places are a signal of the levels 1, 2 and 4 alone.
 */
import { ADDRESS_WORDS } from '../core/address.ts'
import { ADMITTED, refusal } from '../core/refusals.ts'
import type { Shared } from '../shared/layout.ts'
import { CONNECTIONS, DESCRIPTORS, LOOP, MEMORY, signals } from '../shared/overload-table.ts'
import type { GoodRecord } from './good-record.ts'
import { delayLevels, LEVEL_MAX, OverloadLevel, shareLevels } from './overload-level.ts'
import type { Penalties } from './penalties.ts'
import type { RequestPlace } from './request-admission.ts'
import type { Shadow, Tried } from './shadow.ts'
import { StandingDelay } from './standing-delay.ts'

const STRANGER = refusal('overload-stranger')
const CLOSED = refusal('overload-closed')
const CONNECTIONS_MAX = refusal('connections-max')

/** How old the figures of the process may be. */
const SAMPLE_MS = 250
/** Of a client that waits between requests, from level 1 on; less if it is less anyway. */
export const SHORT_KEEP_ALIVE_MS = 2000
/** Of fewer places none can be kept back. */
const PLACES_MIN = 100

const SHORTER = 1
const STRANGERS_OUT = 2
const SHUT = 3

export interface OverloadRules {
  readonly isOn: boolean
  /** Shares, 0 to 1, where level 1 begins; 0 is off. */
  readonly memory: number
  readonly descriptors: number
  readonly connections: number
  /** The same of a loop. */
  readonly loopDelayMs: number
}

/** Reads of the system, as shares of what there may be. */
export interface OverloadSources {
  memory(): number
  descriptors(): number
}

export interface OverloadParts {
  readonly shared: Pick<Shared, 'overload' | 'workers' | 'addresses'>
  readonly worker: number
  readonly rules: OverloadRules
  readonly connectionsMax: number
  readonly keepAliveMs: number
  readonly goodRecord: Pick<GoodRecord, 'has'>
  readonly penalties: Pick<Penalties, 'isExempt'>
  readonly shadow: Shadow
  readonly sources: OverloadSources
}

/** A connection that asks to come in. */
export interface Comer extends Tried {
  readonly isDirect: boolean
}

export class Overload {
  /** 0 to 4, the worst of all signals. */
  level = 0
  /** How long a client may wait between requests now. */
  keepAliveMs: number
  readonly #parts: OverloadParts
  readonly #signals: readonly OverloadLevel[]
  readonly #levels = new Uint8Array(signals.length)
  readonly #delay = new StandingDelay()
  readonly #words = new Int32Array(ADDRESS_WORDS)
  /** Strangers are only counted: nobody is to notice anything of levels 1 and 2. */
  readonly #triesStrangers: boolean
  readonly #triesClosed: boolean
  #isShut = false

  constructor(parts: OverloadParts) {
    const { rules, connectionsMax, shadow } = parts
    this.#parts = parts
    this.#triesStrangers = shadow.isTried(STRANGER)
    this.#triesClosed = shadow.isTried(CLOSED)
    this.keepAliveMs = parts.keepAliveMs
    // Places beyond a limit that is only tried are there.
    const areCounted = connectionsMax >= PLACES_MIN && !shadow.isTried(CONNECTIONS_MAX)
    const begins = [
      shareLevels(rules.memory),
      shareLevels(rules.descriptors),
      shareLevels(areCounted ? rules.connections : 0),
      delayLevels(rules.loopDelayMs),
    ]
    this.#signals = begins.map(each => new OverloadLevel(rules.isOn ? each : []))
  }

  /**
   * Each step of the wheel.
   *
   * @param lateMs how late it is
   * @param nowMs  since the process started
   */
  step(lateMs: number, nowMs: number): void {
    const { shared, worker, keepAliveMs } = this.#parts
    const { overload } = shared
    if (overload.maySample(nowMs, SAMPLE_MS)) this.#sample()
    const delay = this.#delay.add(lateMs, nowMs)
    overload.setLoopMs(worker, Math.round(delay))

    let level = 0
    for (let i = 0; i < signals.length; i++) {
      const value = i === LOOP ? delay : overload.share(i)
      this.#levels[i] = this.#signals[i]!.look(value, nowMs)
      if (this.#levels[i]! > level) level = this.#levels[i]!
    }
    this.level = level
    this.#isShut = this.#is(MEMORY, SHUT) || this.#is(DESCRIPTORS, SHUT) || this.#is(LOOP, SHUT)
    this.keepAliveMs = this.#shortens() ? Math.min(SHORT_KEEP_ALIVE_MS, keepAliveMs) : keepAliveMs
    overload.publish(worker, this.#levels, level, this.#isShut && !this.#triesClosed)
  }

  /**
   * Asks whether an address may come in now. Once per connection: in shadow it counts.
   *
   * @param comer not direct if a proxy named it: of its connection {@link checkShut} was asked at accept, and has counted
   */
  check(address: Int32Array, comer: Comer): number {
    if (this.level < STRANGERS_OUT) return ADMITTED
    const shut = comer.isDirect || !this.#triesClosed ? this.checkShut(comer) : ADMITTED
    if (shut !== ADMITTED || this.knows(address)) return shut
    return this.#parts.shadow.passes(STRANGER, comer) ? ADMITTED : STRANGER
  }

  /** Asks whether anybody may, for who is not told by its address. */
  checkShut(comer: Tried): number {
    if (!this.#isShut || this.#parts.shadow.passes(CLOSED, comer)) return ADMITTED
    return CLOSED
  }

  /** Asks whether a client may be served that comes with another's connection. @param place of its request, which was let in */
  checkRequest(place: RequestPlace): number {
    if (this.level < STRANGERS_OUT || this.knowsSlot(place.requestSlot)) return ADMITTED
    return this.#parts.shadow.passes(STRANGER, place) ? ADMITTED : STRANGER
  }

  /** Whether it was served lately, or the operator vouches for it. */
  knows(address: Int32Array): boolean {
    return this.#parts.goodRecord.has(address) || this.#parts.penalties.isExempt(address)
  }

  /** The same of an address by its slot, held by the caller; -1 is nobody's. */
  knowsSlot(slot: number): boolean {
    const { addresses } = this.#parts.shared
    return slot !== -1 && addresses.copyAddress(slot, this.#words) && this.knows(this.#words)
  }

  /** Whether the connection of this address is to end with its answer. */
  endsAfterAnswer(slot: number): boolean {
    return this.#shortens() && !this.knowsSlot(slot)
  }

  /** Which signal asks for sessions to end, the one that asks for most first; -1 for none. */
  get evictsFor(): number {
    if (this.level < LEVEL_MAX || this.#triesClosed) return -1
    // No longer than it takes: the level stays for a while after there is room.
    return this.#signals.findIndex(({ isFull }) => isFull)
  }

  #shortens(): boolean {
    return this.level >= SHORTER && !this.#triesStrangers
  }

  #is(signal: number, level: number): boolean {
    return this.#levels[signal]! >= level
  }

  #sample(): void {
    const { shared, sources, connectionsMax } = this.#parts
    const { overload, workers } = shared
    overload.setShare(MEMORY, sources.memory())
    overload.setShare(DESCRIPTORS, sources.descriptors())
    const places = connectionsMax === 0 ? 0 : workers.hostConnections() / connectionsMax
    overload.setShare(CONNECTIONS, places)
  }
}
