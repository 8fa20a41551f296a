/**
 * Who did well lately: fixed memory, shared by every worker, that remembers addresses for an hour after a good deed.
 *
 * An entry is one 32-bit word: 20 bits of a keyed hash, and 12 of the minute of the last good deed. So it is read
 * and written whole, without a lock, and what two workers write at once costs one of them its entry at most. The
 * table is set-associative, eight ways; a set that is full forgets whom it has not heard of for longest. Only good
 * deeds write here: whoever floods weir with new addresses that earn nothing pushes out nobody.
 *
 * One address in 130,000 is taken for another that did well: it is asked for a favour, never for a right.
 */
import { type HashKey, hashAddress } from '../core/hash.ts'

/** How long a good deed counts. */
export const RECORD_MINUTES = 60

const WAYS = 8
const TIME_BITS = 12
const TIME_MASK = 0xfff
const SWEPT = 64

export class GoodRecords {
  readonly #words: Int32Array
  readonly #mask: number
  readonly #hashKey: HashKey
  readonly #hash = new Int32Array(2)
  #sweptTo = 0

  /** @param entries at least; a power of two is made of it */
  constructor(memory: SharedArrayBuffer, offset: number, entries: number, hashKey: HashKey) {
    const sets = setsFor(entries)
    this.#mask = sets - 1
    this.#hashKey = hashKey
    this.#words = new Int32Array(memory, offset, sets * WAYS)
  }

  static bytes(entries: number): number {
    return setsFor(entries) * WAYS * Int32Array.BYTES_PER_ELEMENT
  }

  /**
   * @param address four words, masked to the prefix that is counted as one client
   * @param minute  since the process started
   */
  has(address: Int32Array, minute: number): boolean {
    const first = this.#first(address)
    const tag = this.#tag()
    for (let i = first; i < first + WAYS; i++) {
      const word = this.#words[i]!
      if (word >>> TIME_BITS === tag) return isFresh(word, minute)
    }
    return false
  }

  /** A good deed of the address. Takes and returns as {@link has} does. */
  mark(address: Int32Array, minute: number): void {
    const words = this.#words
    const first = this.#first(address)
    const tag = this.#tag()
    let place = first
    let placeAge = -1
    for (let i = first; i < first + WAYS; i++) {
      const word = words[i]!
      if (word >>> TIME_BITS === tag) {
        place = i
        break
      }
      // An empty one is missed least.
      const age = word === 0 ? TIME_MASK + 1 : ageOf(word, minute)
      if (age > placeAge) {
        place = i
        placeAge = age
      }
    }
    const word = (tag << TIME_BITS) | (minute & TIME_MASK)
    // A line of the cache that is not written stays where it is.
    if (words[place] !== word) words[place] = word
  }

  forget(address: Int32Array): void {
    const first = this.#first(address)
    const tag = this.#tag()
    // Two workers that marked it at once may have put it into two places.
    for (let i = first; i < first + WAYS; i++) {
      if (this.#words[i]! >>> TIME_BITS === tag) this.#words[i] = 0
    }
  }

  /**
   * Housekeeping, a little at a time: minutes are counted modulo 2^12, and what is over must not become young again
   * when they wrap, after 68 hours.
   */
  sweep(minute: number): void {
    const words = this.#words
    for (let n = 0; n < SWEPT; n++) {
      const at = this.#sweptTo
      this.#sweptTo = at + 1 === words.length ? 0 : at + 1
      const word = words[at]!
      if (word !== 0 && !isFresh(word, minute)) Atomics.compareExchange(words, at, word, 0)
    }
  }

  /** Addresses that have a record now. For metrics: it looks at all of them. */
  count(minute: number): number {
    let count = 0
    for (const word of this.#words) if (word !== 0 && isFresh(word, minute)) count++
    return count
  }

  /** Of an address: the first word of its set; {@link #tag} is its tag then. */
  #first(address: Int32Array): number {
    hashAddress(address, this.#hashKey, this.#hash)
    return (this.#hash[0]! & this.#mask) * WAYS
  }

  /** Never 0: that is an empty word. */
  #tag(): number {
    return this.#hash[1]! >>> TIME_BITS || 1
  }
}

function isFresh(word: number, minute: number): boolean {
  return ageOf(word, minute) < RECORD_MINUTES
}

function ageOf(word: number, minute: number): number {
  return (minute - word) & TIME_MASK
}

function setsFor(entries: number): number {
  let sets = 1
  while (sets * WAYS < entries) sets *= 2
  return sets
}
