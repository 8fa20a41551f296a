/**
 * The log: pino's JSON lines to standard output, written by main alone.
 *
 * Writing never waits: what standard output does not take is kept up to a bound and then dropped and
 * counted, because a stuck reader must not stop a load balancer. Pino's own destination would: it
 * writes to a pipe in a thread that hangs, and the exit of the process with it.
 */
import type { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'
import type { LogLevel } from '../config/config.ts'

/** Lines not yet taken by standard output; about 20,000. */
const BYTES_MAX = 8 * 1024 * 1024

export interface Log {
  readonly logger: Logger
  /** Writes finished lines of a worker. @param done called when they are written, or dropped */
  readonly writeLines: (lines: Buffer, done: () => void) => void
  /** Lines dropped so far. */
  readonly dropped: () => number
  /** Waits until all is written, at most `ms`. */
  readonly flush: (ms: number) => Promise<void>
}

/** @param sink a pipe or socket that does not block, or a file */
export function createLog(level: LogLevel, sink: Writable = process.stdout): Log {
  let dropped = 0
  // A reader that is gone (EPIPE) is no reason to stop: there is nobody left to tell.
  sink.on('error', () => dropped++)
  const write = (lines: string | Buffer, done: () => void = nothing): void => {
    if (!sink.destroyed && sink.writableLength + lines.length <= BYTES_MAX) {
      sink.write(lines, done)
      return
    }
    dropped += count(lines)
    done()
  }
  return {
    logger: pino({ level, base: null, timestamp: () => `,"time":${Date.now()}` }, { write }),
    writeLines: write,
    dropped: () => dropped,
    flush: ms => {
      const { promise, resolve } = Promise.withResolvers<void>()
      if (sink.destroyed) resolve()
      const timer = setTimeout(resolve, ms)
      // After all that was written before it, or at the error that ends it all.
      sink.write('', () => {
        clearTimeout(timer)
        resolve()
      })
      return promise
    },
  }
}

function count(lines: string | Buffer): number {
  let lineEnds = 0
  for (let at = lines.indexOf('\n'); at !== -1; at = lines.indexOf('\n', at + 1)) lineEnds++
  return lineEnds
}

function nothing(): void {}
