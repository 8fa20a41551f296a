/**
 * What was used once and must not be again, for a while: shared by all workers.
 *
 * An entry is one 64-bit word: 40 bits of a hash, and 24 bits of the second at which it may be forgotten. So it
 * is there or not, whole, with one compareExchange. The table is set-associative, eight ways; a set that is full
 * takes nothing more: to forget something that counts still would let it be used again.
 */

export const FRESH = 0
export const REPLAYED = 1
export const FULL = 2

const WAYS = 8
const TIME_BITS = 24n
const TIME_MASK = 0xff_ffff
/** What ends further ahead than that is over: seconds are counted modulo 2^24. */
const AHEAD_MAX = 1 << 22

export class ReplayTable {
  readonly #words: BigInt64Array
  readonly #mask: number

  /** @param entries at least; a power of two is made of it */
  constructor(memory: SharedArrayBuffer, offset: number, entries: number) {
    const sets = setsFor(entries)
    this.#mask = sets - 1
    this.#words = new BigInt64Array(memory, offset, sets * WAYS)
  }

  static bytes(entries: number): number {
    return setsFor(entries) * WAYS * BigInt64Array.BYTES_PER_ELEMENT
  }

  /**
   * Remembers what has this digest.
   *
   * Of two workers that do so at the same time neither may find it fresh, and never do both.
   *
   * @param digest of 12 bytes at least
   * @param now    seconds since 1970
   * @param until  seconds since 1970, at most 48 days ahead
   * @returns FRESH, REPLAYED if it is remembered already, FULL if there is no room
   */
  remember(digest: Buffer, now: number, until: number): number {
    const words = this.#words
    const first = (digest.readUInt32LE(0) & this.#mask) * WAYS
    const tag = digest.readBigUInt64LE(4) >> TIME_BITS
    const word = BigInt.asIntN(64, (tag << TIME_BITS) | BigInt(until & TIME_MASK))
    // Each round that finds its place taken means that somebody else has put something there.
    for (let round = 0; round < WAYS; round++) {
      let free = -1
      let old = 0n
      for (let i = first; i < first + WAYS; i++) {
        const seen = Atomics.load(words, i)
        if (isOver(seen, now)) {
          if (free === -1) {
            free = i
            old = seen
          }
        } else if (tagOf(seen) === tag) return REPLAYED
      }
      if (free === -1) return FULL
      if (Atomics.compareExchange(words, free, old, word) !== old) continue
      return this.#isTwice(first, free, tag, now) ? REPLAYED : FRESH
    }
    return FULL
  }

  /** Another worker may have put it elsewhere in the set since it was looked through. */
  #isTwice(first: number, own: number, tag: bigint, now: number): boolean {
    for (let i = first; i < first + WAYS; i++) {
      if (i === own) continue
      const seen = Atomics.load(this.#words, i)
      if (!isOver(seen, now) && tagOf(seen) === tag) return true
    }
    return false
  }
}

function tagOf(word: bigint): bigint {
  return BigInt.asUintN(64, word) >> TIME_BITS
}

function isOver(word: bigint, now: number): boolean {
  if (word === 0n) return true
  const left = (Number(BigInt.asUintN(24, word)) - now) & TIME_MASK
  return left === 0 || left > AHEAD_MAX
}

function setsFor(entries: number): number {
  let sets = 1
  while (sets * WAYS < entries) sets *= 2
  return sets
}
