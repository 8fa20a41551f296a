/**
 * The log: pino's JSON lines to standard output, written by main alone.
 *
 * Writing never waits: what standard output does not take is kept up to a bound and then dropped and
 * counted, because a stuck reader must not stop a load balancer.
 */
import { destination, type Logger, pino } from 'pino'
import type { LogLevel } from '../config/config.ts'

/** Lines not yet taken by standard output; about 20,000. */
const BYTES_MAX = 8 * 1024 * 1024

export interface Log {
  readonly logger: Logger
  /** Writes finished lines of a worker. */
  readonly writeLines: (lines: string) => void
  /** Lines dropped so far. */
  readonly dropped: () => number
  /** Waits until all is written, at most `ms`. */
  readonly flush: (ms: number) => Promise<void>
}

export function createLog(level: LogLevel, fd = 1): Log {
  const sink = destination({ fd, sync: false, maxLength: BYTES_MAX })
  let dropped = 0
  sink.on('drop', () => dropped++)
  // A reader that is gone (EPIPE) is no reason to stop: there is nobody left to tell.
  sink.on('error', () => dropped++)
  const logger = pino({ level, base: null, timestamp: () => `,"time":${Date.now()}` }, sink)
  return {
    logger,
    writeLines: lines => void sink.write(lines),
    dropped: () => dropped,
    flush: ms => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, ms)
      sink.flush(() => {
        clearTimeout(timer)
        resolve()
      })
      return promise
    },
  }
}
