/** Cuts what comes over a socket into lines, and holds no more than one line of it. */

const LF = 0x0a

export class LineReader {
  readonly #lengthMax: number
  readonly #onLine: (line: string) => void
  #rest = ''

  /** @param lengthMax characters of a line, without its end */
  constructor(lengthMax: number, onLine: (line: string) => void) {
    this.#lengthMax = lengthMax
    this.#onLine = onLine
  }

  /** @returns false once a line is too long: there is no telling where the next one begins */
  take(bytes: Buffer): boolean {
    let start = 0
    for (;;) {
      const end = bytes.indexOf(LF, start)
      const length = (end === -1 ? bytes.length : end) - start
      if (this.#rest.length + length > this.#lengthMax) return false
      // latin1: every byte stays what it is, and none but ASCII is well-formed.
      const text = this.#rest + bytes.toString('latin1', start, start + length)
      if (end === -1) {
        this.#rest = text
        return true
      }
      this.#rest = ''
      this.#onLine(text)
      start = end + 1
    }
  }
}
