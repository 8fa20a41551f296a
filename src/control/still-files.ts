/**
 * Files that are watched for changes, and taken only while they lie still.
 *
 * Whoever writes a file in place truncates it first: read in that moment it may be half of what it is to be and
 * look whole, a list of keys without its last ones. So a change counts once two looks in a row found the same
 * state of every file, and nothing moved while they were read.
 */
import { statSync } from 'node:fs'

export class StillFiles {
  readonly #paths: readonly string[]
  /** What they were like when they were read last. */
  #taken: string
  #seen: string

  /** @param areRead they are read right after this; else the first look that finds them still says so */
  constructor(paths: readonly string[], areRead = true) {
    this.#paths = paths
    this.#seen = this.#state()
    this.#taken = areRead ? this.#seen : ''
  }

  /** Looks. @returns whether they changed, and lie still: they are to be read now */
  haveChanged(): boolean {
    const state = this.#state()
    const still = state === this.#seen
    this.#seen = state
    return still && state !== this.#taken
  }

  /** After they were read. @returns whether they lay still meanwhile; if not they are to be read again later */
  take(): boolean {
    const state = this.#state()
    if (state !== this.#seen) {
      this.#seen = state
      return false
    }
    this.#taken = state
    return true
  }

  #state(): string {
    return this.#paths.map(stateOf).join('\n')
  }
}

/** Another text for every change: a file that is replaced has another inode, one that is written to another time. */
function stateOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true })
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch (error) {
    // It is not there, or leads in a circle: whoever reads it is told what it is.
    return String((error as NodeJS.ErrnoException).code)
  }
}
