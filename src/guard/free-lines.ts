/** Lines of a ledger that one worker has not in use, as a stack. */

export class FreeLines {
  readonly #lines: Int32Array
  #count: number

  /** @param count all of them: 0 to `count - 1` */
  constructor(count: number) {
    this.#lines = Int32Array.from({ length: count }, (_, i) => count - 1 - i)
    this.#count = count
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Not of an empty one. */
  take(): number {
    return this.#lines[--this.#count]!
  }

  give(line: number): void {
    this.#lines[this.#count++] = line
  }
}
