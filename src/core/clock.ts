/** Monotonic time as a wrapping int32, so that it fits one shared word. */
import { performance } from 'node:perf_hooks'

/** 1 s = 65 536 ticks; differences are valid up to 2^31 ticks (9.1 h). */
export const TICKS_PER_SECOND = 65_536

/** Now, in ticks since the process started. All threads agree: they share one time origin. */
export function ticks(): number {
  return ticksAt(performance.now())
}

/** The same for a time that `performance.now()` told. */
export function ticksAt(ms: number): number {
  return (ms * (TICKS_PER_SECOND / 1000)) | 0
}

/** @param ms below 2^31 ticks, about 9 hours */
export function msToTicks(ms: number): number {
  return Math.round((ms * TICKS_PER_SECOND) / 1000)
}

/** Whole seconds since the process started, for what may last for days. All threads agree. */
export function seconds(): number {
  return Math.floor(performance.now() / 1000)
}

/** Whole minutes since the process started. */
export function minutes(): number {
  return Math.floor(performance.now() / 60_000)
}

/** For states that may last: differences are valid up to a year, where ticks would wrap after hours. */
export const COARSE_PER_SECOND = 64

export function coarseTicks(): number {
  return (performance.now() * (COARSE_PER_SECOND / 1000)) | 0
}
