/**
 * Who is heard of most, by a few hundred counts per worker however many there are (space-saving, Metwally et al. 2005).
 *
 * A key that has no place takes that of the one with the smallest count in its set, and inherits the count as a bound of
 * its error: whoever makes up more than his share is found in any case. Counts are of windows of time: of the one that
 * runs, and of the one before it.
 */
import { mix } from '../core/hash.ts'

/** Words of a key at most: those of a JA4. */
export const TALKER_WORDS = 9
export const WINDOW_SECONDS = 30

const WAYS = 8
const SETS = 64

/** Words of a place. SEQUENCE is odd while it changes hands, and HASH 0 in an empty one. */
const SEQUENCE = 0
const HASH = 1
const KEY = 2
const WINDOW = 11
const COUNT = 12
const BEFORE = 13
const ERROR = 14
const REFUSED = 15
const REFUSED_BEFORE = 16
const WORDS = 24

export interface Talker {
  readonly key: Int32Array
  /** In the window that runs and the one before it; at least, and at most so many more. */
  readonly count: number
  readonly error: number
  /** Of these refusals, the same way. */
  readonly refused: number
}

export class Talkers {
  readonly #words: Int32Array
  readonly #keyWords: number
  readonly #seed: number

  /**
   * @param keyWords of its keys, TALKER_WORDS at most
   * @param seed     nobody outside knows it, so that nobody chooses whose place he takes
   */
  constructor(memory: SharedArrayBuffer, offset: number, keyWords: number, seed: number) {
    this.#keyWords = keyWords
    this.#words = new Int32Array(memory, offset, SETS * WAYS * WORDS)
    this.#seed = seed
  }

  static bytes(): number {
    return SETS * WAYS * WORDS * Int32Array.BYTES_PER_ELEMENT
  }

  /**
   * Worker: counts some more.
   *
   * @param key     as many words as its keys have
   * @param window  the number of the one that runs
   * @param refused refusals among them
   * @param more    how many
   * @returns how many of its own there were in this window, at least
   */
  count(key: Int32Array, window: number, refused: number, more = 1): number {
    const words = this.#words
    let hash = this.#seed
    for (let i = 0; i < this.#keyWords; i++) {
      hash = Math.imul(hash ^ key[i]!, 0x9e3779b1) ^ (hash >>> 15)
    }
    hash = mix(hash) | 1
    const first = ((hash >>> 8) & (SETS - 1)) * WAYS * WORDS
    let least = first
    let leastCount = 0x7fff_ffff
    for (let way = 0; way < WAYS; way++) {
      const at = first + way * WORDS
      if (words[at + HASH] === hash && this.#holds(at, key)) {
        if (words[at + WINDOW] !== window) this.#turn(at, window)
        words[at + REFUSED]! += refused
        words[at + COUNT]! += more
        return words[at + COUNT]! - words[at + ERROR]!
      }
      const behind = (window - words[at + WINDOW]!) | 0
      const count =
        words[at + HASH] === 0 || behind > 1 ? -1 : behind === 1 ? 0 : words[at + COUNT]!
      if (count < leastCount) {
        leastCount = count
        least = at
      }
    }
    this.#settle(least, hash, key, window, leastCount < 0 ? 0 : leastCount)
    words[least + COUNT]! += more
    words[least + REFUSED] = refused
    Atomics.store(words, least + SEQUENCE, (words[least + SEQUENCE]! + 1) | 0)
    return more
  }

  /** Main: everybody in it, in no order. */
  list(window: number): Talker[] {
    const words = this.#words
    const found: Talker[] = []
    for (let at = 0; at < words.length; at += WORDS) {
      const sequence = Atomics.load(words, at + SEQUENCE)
      if (words[at + HASH] === 0 || (sequence & 1) === 1) continue
      const behind = (window - words[at + WINDOW]!) | 0
      if (behind > 1) continue
      // In the window before this one: its count is the whole of it.
      const before = behind === 1 ? 0 : 1
      const talker = {
        key: words.slice(at + KEY, at + KEY + this.#keyWords),
        count: words[at + COUNT]! - words[at + ERROR]! + before * words[at + BEFORE]!,
        error: words[at + ERROR]!,
        refused: words[at + REFUSED]! + before * words[at + REFUSED_BEFORE]!,
      }
      if (Atomics.load(words, at + SEQUENCE) === sequence) found.push(talker)
    }
    return found
  }

  #holds(at: number, key: Int32Array): boolean {
    const words = this.#words
    for (let i = 0; i < this.#keyWords; i++) if (words[at + KEY + i] !== key[i]) return false
    return true
  }

  /** A new window: what was counted is of the one before it, unless that was another. */
  #turn(at: number, window: number): void {
    const words = this.#words
    const isNext = ((window - words[at + WINDOW]!) | 0) === 1
    words[at + BEFORE] = isNext ? words[at + COUNT]! - words[at + ERROR]! : 0
    words[at + REFUSED_BEFORE] = isNext ? words[at + REFUSED]! : 0
    words[at + COUNT] = 0
    words[at + ERROR] = 0
    words[at + REFUSED] = 0
    words[at + WINDOW] = window
  }

  /** Gives the place to another; the caller marks it as whole. */
  #settle(at: number, hash: number, key: Int32Array, window: number, inherited: number): void {
    const words = this.#words
    // Odd until all of it is there; one that a worker died over is odd already.
    Atomics.exchange(words, at + SEQUENCE, words[at + SEQUENCE]! | 1)
    words[at + HASH] = hash
    for (let i = 0; i < this.#keyWords; i++) words[at + KEY + i] = key[i]!
    words[at + WINDOW] = window
    words[at + COUNT] = inherited
    words[at + ERROR] = inherited
    words[at + BEFORE] = 0
    words[at + REFUSED_BEFORE] = 0
  }
}

/** Text as a key. @param text ASCII; what is behind 36 characters is left out */
export function textWords(text: string, into: Int32Array): void {
  into.fill(0)
  for (let i = 0; i < text.length && i < TALKER_WORDS * 4; i++) {
    into[i >> 2]! |= text.charCodeAt(i) << ((i & 3) * 8)
  }
}

/** A key as the text it was. */
export function wordsText(key: Int32Array): string {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  return bytes.toString('latin1').replace(/\0+$/, '')
}

/** The window that runs. @param nowMs as performance.now() tells it */
export function windowAt(nowMs: number): number {
  return Math.floor(nowMs / (WINDOW_SECONDS * 1000))
}
