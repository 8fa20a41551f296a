/**
 * Tells of overload: a line at each change of level, and what `/readyz` and the metrics say of it. Workers decide it;
 * main only looks, so that nobody is refused, or served, because main has no time.
 */
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { type OverloadTable, signals } from '../shared/overload-table.ts'

const SWEEP_MS = 200

const effects = [
  'overload is over',
  'overload: connections are kept for less long',
  'overload: who has no good record is refused',
  'overload: new connections are refused',
  'overload: sessions are ended to make room',
] as const

/** Places are refused by --connections-max. */
const effectsOfPlaces = [0, 1, 2, 2, 4] as const

const advice = {
  memory:
    'give it more memory, or lower --connections-max; weir_session_held_bytes says what sessions hold',
  descriptors:
    'raise the limit of descriptors (LimitNOFILE= in the unit, ulimit -n), or lower --backend-idle-max',
  connections:
    'raise --connections-max and the limit of descriptors, or lower --connections-per-address and the timeouts',
  loop: 'give it more processors and --workers; weir top says who asks for most',
} as const

export class OverloadWatch {
  readonly #config: Config
  readonly #table: OverloadTable
  readonly #log: Logger
  #timer: NodeJS.Timeout | null = null
  #level = 0

  constructor(config: Config, table: OverloadTable, log: Logger) {
    this.#config = config
    this.#table = table
    this.#log = log
  }

  start(): void {
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  sweep(): void {
    const level = this.#table.highest
    const from = this.#level
    if (level === from) return
    this.#level = level
    const facts = { overload_level: level, from, ...this.#figures() }
    if (level === 0) return this.#log.info(facts, effects[0])
    const signal = this.#signal
    const told = { ...facts, signal, advice: advice[signal] }
    const effect = effects[signal === 'connections' ? effectsOfPlaces[level]! : level]!
    if (level > from) this.#log.warn(told, effect)
    else this.#log.info(told, effect)
  }

  /** Why weir is not ready; null if it is. */
  get notReady(): string | null {
    return this.#table.isShut ? `overload, no new connections: ${this.#text()}` : null
  }

  /** For who asks whether it is ready, and it is; '' if there is nothing to tell. */
  get note(): string {
    return this.#table.highest === 0 ? '' : `overload level ${this.#table.highest}: ${this.#text()}`
  }

  /** Of those that stand highest the first. */
  get #signal(): (typeof signals)[number] {
    const levels = signals.map((_, i) => this.#table.highestOf(i))
    return signals[levels.indexOf(Math.max(...levels))]!
  }

  #text(): string {
    const signal = this.#signal
    if (signal === 'loop') return `the loop of a worker is ${this.#table.loopMsMax} ms late`
    const share = percent(this.#table.share(signals.indexOf(signal)))
    return `${share} % of its ${signal === 'connections' ? '--connections-max' : signal} in use`
  }

  #figures() {
    const share = (signal: number): string => `${percent(this.#table.share(signal))}%`
    return {
      memory: share(0),
      descriptors: share(1),
      connections: share(2),
      connections_max: this.#config.guards.connectionsMax,
      loop_delay_ms: this.#table.loopMsMax,
    }
  }
}

function percent(share: number): number {
  return Math.round(share * 100)
}
