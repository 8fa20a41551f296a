/** Bounds of durations are milliseconds. */
export const SECOND = 1000
export const HOUR = 3_600_000
export const DAY = 24 * HOUR
