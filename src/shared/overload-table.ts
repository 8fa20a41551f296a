/**
 * What is known of how short weir is of anything: the figures of the process, and what each worker makes of them.
 *
 * The figures are sampled by whichever worker finds them too old, so that neither main nor any one worker is needed
 * for it. Each worker judges for itself, because how late its loop is concerns its own clients alone. Main only reads.
 */

/** What weir may be short of, in the order of their words: who asks for most evictions first. */
export const signals = ['memory', 'descriptors', 'connections', 'loop'] as const

export const MEMORY = 0
export const DESCRIPTORS = 1
export const CONNECTIONS = 2
export const LOOP = 3

const WORDS = 16
/** Of the line of the process, which comes first. */
const SAMPLED_AT = 0
const SHARES = 1
/** Of a worker's line: its level, whether it lets nobody in, the lateness of its loop, then a level per signal. */
const LEVEL = 0
const SHUT = 1
const LOOP_MS = 2
const LEVELS = 3

export class OverloadTable {
  readonly #words: Int32Array
  readonly #workers: number

  constructor(memory: SharedArrayBuffer, offset: number, workers: number) {
    this.#workers = workers
    this.#words = new Int32Array(memory, offset, (workers + 1) * WORDS)
  }

  static bytes(workers: number): number {
    return (workers + 1) * WORDS * Int32Array.BYTES_PER_ELEMENT
  }

  /**
   * Whether the caller is to sample now. It is told to one of those who ask; if that one dies over it, to another
   * one `everyMs` later.
   *
   * @param nowMs since the process started
   */
  maySample(nowMs: number, everyMs: number): boolean {
    const words = this.#words
    const sampled = Atomics.load(words, SAMPLED_AT)
    // It goes round after 50 days, and 0 is never.
    const now = nowMs | 0 || 1
    if (sampled !== 0 && ((now - sampled) | 0) < everyMs) return false
    return Atomics.compareExchange(words, SAMPLED_AT, sampled, now) === sampled
  }

  /** @param share how much of what there may be is used: 0 to 1, or more */
  setShare(signal: number, share: number): void {
    this.#words[SHARES + signal] = Math.round(share * 10_000)
  }

  share(signal: number): number {
    return this.#words[SHARES + signal]! / 10_000
  }

  /** @param levels by signal */
  publish(worker: number, levels: ArrayLike<number>, level: number, isShut: boolean): void {
    const at = (worker + 1) * WORDS
    for (let i = 0; i < signals.length; i++) this.#words[at + LEVELS + i] = levels[i]!
    this.#words[at + SHUT] = Number(isShut)
    this.#words[at + LEVEL] = level
  }

  setLoopMs(worker: number, ms: number): void {
    this.#words[(worker + 1) * WORDS + LOOP_MS] = Math.min(ms, 0x7fff_ffff)
  }

  level(worker: number): number {
    return this.#words[(worker + 1) * WORDS + LEVEL]!
  }

  levelOf(worker: number, signal: number): number {
    return this.#words[(worker + 1) * WORDS + LEVELS + signal]!
  }

  loopMs(worker: number): number {
    return this.#words[(worker + 1) * WORDS + LOOP_MS]!
  }

  /** The highest of all workers. */
  get highest(): number {
    let highest = 0
    for (let worker = 0; worker < this.#workers; worker++) {
      highest = Math.max(highest, this.level(worker))
    }
    return highest
  }

  /** Of all workers. */
  highestOf(signal: number): number {
    let highest = 0
    for (let worker = 0; worker < this.#workers; worker++) {
      highest = Math.max(highest, this.levelOf(worker, signal))
    }
    return highest
  }

  /** Of the worker that is latest. */
  get loopMsMax(): number {
    let max = 0
    for (let worker = 0; worker < this.#workers; worker++) max = Math.max(max, this.loopMs(worker))
    return max
  }

  /** No worker lets a new connection in. */
  get isShut(): boolean {
    for (let worker = 0; worker < this.#workers; worker++) {
      if (this.#words[(worker + 1) * WORDS + SHUT] === 0) return false
    }
    return true
  }

  /** Main: what a dead worker thought. */
  giveBack(worker: number): void {
    this.#words.fill(0, (worker + 1) * WORDS, (worker + 2) * WORDS)
  }
}
