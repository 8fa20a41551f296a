/**
 * Buckets that nobody touches. One says when its next token is due, on a clock that goes round in 18 hours: left alone for
 * as long it would say that it is due soon, and look like a debt of somebody who owes nothing. So all are looked at now and
 * then, and what is long over is set to now, which is the same: a full bucket.
 */

/** Ticks after which it is: two hours. Within seven more it must be, or it counts as a time to come. */
const LONG_OVER = 2 ** 29

/** @param now ticks */
export function freshen(words: Int32Array, at: number, now: number): void {
  const word = words[at]!
  if (isLongOver(word, now)) Atomics.compareExchange(words, at, word, now)
}

/** The same of a score (guard/penalties.ts): one with its lowest bit set is a ban, and on another clock. */
export function freshenScore(words: Int32Array, at: number, now: number): void {
  const word = words[at]!
  if ((word & 1) === 0 && isLongOver(word, now)) {
    Atomics.compareExchange(words, at, word, now & ~1)
  }
}

/** All of a few: those of the host, of routes. */
export function freshenAll(words: Int32Array, now: number): void {
  for (let at = 0; at < words.length; at++) freshen(words, at, now)
}

function isLongOver(word: number, now: number): boolean {
  return ((now - word) | 0) > LONG_OVER
}
