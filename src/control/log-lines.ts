/**
 * Brings the lines of workers to the log, through a few buffers that are used again and again: with fresh ones, tens
 * of megabytes a second under load, the collector would be at work all the time.
 */
import type { LogRing } from '../shared/log-ring.ts'

/** Bytes; four batches of a worker. */
const BUFFER = 65_536
/** Lines that fill less of a buffer than this are copied: the log may have to keep them for long. */
const COPY_MAX = BUFFER / 4
const SPARE_MAX = 8
/** Buffers of one ring in one go: twice what a ring holds. Who writes faster waits for the next. */
const ROUNDS_MAX = 32

export class LogLines {
  readonly #write: (lines: Buffer, done: () => void) => void
  readonly #spare: Buffer[] = []

  /** @param write writes whole lines, in the order of its calls, and calls `done` when it needs the buffer no more */
  constructor(write: (lines: Buffer, done: () => void) => void) {
    this.#write = write
  }

  /** Writes what waits in `ring`. */
  drain(ring: LogRing): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER)
      const count = ring.read(buffer)
      if (count > COPY_MAX) {
        this.#write(buffer.subarray(0, count), () => this.#keep(buffer))
      } else {
        if (count > 0) this.#write(Buffer.from(buffer.subarray(0, count)), nothing)
        this.#keep(buffer)
      }
      if (count === 0) return
    }
  }

  #keep(buffer: Buffer): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(buffer)
  }
}

function nothing(): void {}
