/**
 * When each API key was used last: one word per key, seconds since 1970.
 *
 * Any worker stores into it; which of two stores of the same second comes last does not matter. The memory belongs to
 * one set of keys and comes with it, because sets change while weir runs.
 */

export class KeyUsage {
  readonly memory: SharedArrayBuffer
  readonly #seconds: Uint32Array

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.#seconds = new Uint32Array(memory)
  }

  static forKeys(count: number): KeyUsage {
    return new KeyUsage(new SharedArrayBuffer(count * Uint32Array.BYTES_PER_ELEMENT))
  }

  /** @param key its place in the set */
  note(key: number, seconds: number): void {
    // Most requests come within the second of another: a line of cache that is only read stays with all of them.
    if (this.#seconds[key] !== seconds) this.#seconds[key] = seconds
  }

  /** @returns 0 if it was not used */
  last(key: number): number {
    return this.#seconds[key] ?? 0
  }
}
