/**
 * Times in buckets, eight to an octave: a median is then exact to a sixteenth, in memory that does not grow.
 */

/** Times below it are one bucket: 2^4 µs. */
const FIRST_OCTAVE = 4
/** Times of this octave and above are counted as its longest: 2^27 µs, two minutes. */
const LAST_OCTAVE = 26
const STEPS_LOG2 = 3
const STEPS = 1 << STEPS_LOG2

export const TIME_BUCKETS = (LAST_OCTAVE - FIRST_OCTAVE + 1) * STEPS

/** @param us microseconds, a whole number from 0 to 2^31 - 1 */
export function bucketOf(us: number): number {
  if (us < 1 << FIRST_OCTAVE) return 0
  const octave = 31 - Math.clz32(us)
  if (octave > LAST_OCTAVE) return TIME_BUCKETS - 1
  const step = (us >> (octave - STEPS_LOG2)) & (STEPS - 1)
  return (octave - FIRST_OCTAVE) * STEPS + step
}

/** Microseconds. */
export function bucketMiddle(bucket: number): number {
  const octave = FIRST_OCTAVE + Math.floor(bucket / STEPS)
  const width = 2 ** (octave - STEPS_LOG2)
  return Math.round((STEPS + (bucket % STEPS) + 0.5) * width)
}
