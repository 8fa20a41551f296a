/**
 * The level of one signal, 0 to 4: up at once, down a step at a time and not before it has held for a while, so that
 * what a level does (fewer clients) does not end it in the same second.
 */

export const LEVEL_MAX = 4
/** Least time at a level before the next lower one. */
export const STAY_MS = 2000

export class OverloadLevel {
  level = 0
  /** By level less one: where it begins. Rising. */
  readonly #begins: readonly number[]
  /** Where it ends. */
  readonly #ends: readonly number[]
  #sinceMs = 0
  #value = 0

  /** @param begins of level 1, 2, …; empty for a signal that is off */
  constructor(begins: readonly number[]) {
    this.#begins = begins
    // Half a step below, and no less than half of it: what hovers around the begin does not flap.
    this.#ends = begins.map((begin, i) => {
      const step = i === 0 ? begins[1]! - begin : begin - begins[i - 1]!
      return begin - Math.min(step, begin) / 2
    })
  }

  /** Whether the value that was looked at last would hold the highest level: one that only stays does not. */
  get isFull(): boolean {
    return this.level === LEVEL_MAX && this.#value >= this.#ends[LEVEL_MAX - 1]!
  }

  /** @returns the level */
  look(value: number, nowMs: number): number {
    this.#value = value
    let reached = 0
    while (reached < this.#begins.length && value >= this.#begins[reached]!) reached++
    if (reached >= this.level) {
      // Its time begins anew: it is not over.
      if (reached > 0) this.#sinceMs = nowMs
      this.level = reached
      return reached
    }
    const mayGo = value < this.#ends[this.level - 1]! && nowMs - this.#sinceMs >= STAY_MS
    if (mayGo) {
      this.level--
      this.#sinceMs = nowMs
    }
    return this.level
  }
}

/** Of a share of what there may be: four levels evenly from the first begin to all of it. @param first 0 is off */
export function shareLevels(first: number): readonly number[] {
  if (first === 0) return []
  return [0, 1, 2, 3].map(n => first + ((1 - first) * n) / LEVEL_MAX)
}

/** Of a loop: three, each twice as late as the one before. Nobody who is evicted makes it quicker. @param first 0 is off */
export function delayLevels(first: number): readonly number[] {
  return first === 0 ? [] : [first, first * 2, first * 4]
}
