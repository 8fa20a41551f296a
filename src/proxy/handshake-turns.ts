/**
 * Handshakes take turns: a few begin in each turn of the loop, and who is known goes first.
 *
 * The runtime accepts one connection of each listening socket in a turn. Were all that said hello given their handshake at
 * once, a turn would last as long as eight of them take, and whoever knocks would stand behind a flood for dozens of such
 * turns, unseen. So those who flood wait in a line of their own instead, and are told apart from others; who resumes, which is cheap, does not wait at all. (Handshakes from
 * 1,000 addresses: of a hundred others one waited 17 to 162 ms, now 10 to 15; npm run bench:attack.)
 */

/** In each turn of the loop: a millisecond of work. */
const BEGUN_MAX = 2

/** @returns false for one whose client has gone meanwhile: the turn is the next one's */
type Begin = () => boolean

export class HandshakeTurns {
  /** Those that are known, and those that are not. */
  readonly #lines: readonly Begin[][] = [[], []]
  /** In this turn of the loop. */
  #begun = 0
  #isCounting = false
  readonly #next = (): void => {
    this.#isCounting = false
    this.#begun = 0
    this.#begin()
  }

  /** @param begin called now, or when it is its turn */
  take(isKnown: boolean, begin: Begin): void {
    this.#lines[isKnown ? 0 : 1]!.push(begin)
    this.#begin()
  }

  #begin(): void {
    while (this.#begun < BEGUN_MAX) {
      // The last place in a turn is the others': a flood of known clients keeps nobody out.
      const isLast = this.#begun === BEGUN_MAX - 1
      const [known, others] = this.#lines
      const begin = isLast
        ? (others!.shift() ?? known!.shift())
        : (known!.shift() ?? others!.shift())
      if (begin === undefined) return
      this.#begun++
      if (!this.#isCounting) {
        this.#isCounting = true
        setImmediate(this.#next)
      }
      if (!begin()) this.#begun--
    }
  }
}
