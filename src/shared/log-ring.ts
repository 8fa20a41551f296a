/**
 * The way of log lines from a worker to main: a ring of bytes per worker, one writer and one reader.
 *
 * A message per batch would cost more than the lines: it is copied twice, and it wakes main each time. Here
 * a line is copied once, and main comes for many at a time. A full ring takes no more: the log never
 * holds up the data path, nor grows.
 */

/** Bytes per worker; a power of two. About 2,000 access lines, which main fetches ten times a second at least. */
export const RING_BYTES = 1_048_576
const MASK = RING_BYTES - 1

/** Two cache lines before the bytes: written by the worker, and by main. */
const HEAD_BYTES = 128
const WRITTEN = 0
const READ = 16
const LF = 0x0a

export class LogRing {
  readonly #counts: Int32Array
  readonly #bytes: Buffer

  constructor(memory: SharedArrayBuffer, offset: number, worker: number) {
    const at = offset + worker * (HEAD_BYTES + RING_BYTES)
    this.#counts = new Int32Array(memory, at, HEAD_BYTES / 4)
    this.#bytes = Buffer.from(memory, at + HEAD_BYTES, RING_BYTES)
  }

  static bytes(workers: number): number {
    return workers * (HEAD_BYTES + RING_BYTES)
  }

  /**
   * Worker: puts whole lines in.
   *
   * @param lines ASCII
   * @returns false, and takes nothing, if there is no room
   */
  write(lines: string): boolean {
    const { length } = lines
    const written = this.#counts[WRITTEN]!
    if (length > RING_BYTES - ((written - Atomics.load(this.#counts, READ)) | 0)) return false
    const at = written & MASK
    const first = this.#bytes.write(lines, at, RING_BYTES - at, 'latin1')
    if (first < length) this.#bytes.write(lines.slice(first), 0, 'latin1')
    // What main sees of the count it sees of the bytes.
    Atomics.store(this.#counts, WRITTEN, (written + length) | 0)
    return true
  }

  /**
   * Main: takes what waits, as many whole lines as there is room for.
   *
   * @param into with room for the longest line; one that has none is taken in parts
   * @returns bytes; 0 if nothing waits
   */
  read(into: Buffer): number {
    const read = this.#counts[READ]!
    const waiting = (Atomics.load(this.#counts, WRITTEN) - read) | 0
    let count = Math.min(waiting, into.length)
    if (count === 0) return 0
    const at = read & MASK
    const first = this.#bytes.copy(into, 0, at, Math.min(at + count, RING_BYTES))
    if (first < count) this.#bytes.copy(into, first, 0, count - first)
    if (count < waiting) count = into.lastIndexOf(LF, count - 1) + 1 || count
    Atomics.store(this.#counts, READ, (read + count) | 0)
    return count
  }
}
