/**
 * Reads a chunked body, RFC 9112 §7.1, however its bytes are cut.
 *
 * Extensions are read and dropped, within a bound; trailers are checked and dropped. Sizes are hex digits and
 * nothing else: no blanks, no sign, no `0x`, and every line ends in CRLF. A trailer that would be about framing
 * or the target is refused: some reader merges trailers into the head.
 */
import {
  BACKSLASH,
  COLON,
  CR,
  hexValue,
  isValueByte,
  LF,
  QUOTE,
  SEMICOLON,
  tokenLower,
} from './characters.ts'

const SIZE = 0
const EXTENSION = 1
const SIZE_LF = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILER_NAME_START = 6
const TRAILER_NAME = 7
const TRAILER_VALUE = 8
const TRAILER_LF = 9
const LAST_LF = 10
const DONE = 11
const BROKEN = 12
const QUOTED = 13
const QUOTED_PAIR = 14

/** 2^48 bytes: more digits are an overflow somewhere. */
const SIZE_DIGITS_MAX = 12
/** Of all chunks of a body together: nobody uses them but to hide something or to keep us busy. */
const EXTENSIONS_MAX = 4096
const TRAILERS_MAX = 8192
/** RFC 9110 §6.5.1. */
const forbidden: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'authorization',
])
const NAME_MAX = 17

/** Gets the data, piece by piece. */
export interface ChunkOwner {
  onData(bytes: Buffer, start: number, end: number): void
}

export class ChunkReader {
  #state = SIZE
  #left = 0
  #digits = 0
  #extensions = 0
  #trailers = 0
  /** The first bytes of a trailer's name, in lower case. */
  #name = ''

  /** The last chunk and its trailers are in. */
  get done(): boolean {
    return this.#state === DONE
  }

  reset(): void {
    this.#state = SIZE
    this.#left = 0
    this.#digits = 0
    this.#extensions = 0
    this.#trailers = 0
  }

  /**
   * Reads on from `start`.
   *
   * @returns where it stopped: `end`, or sooner where the body is over; -1 if it is malformed
   */
  read(bytes: Buffer, start: number, end: number, owner: ChunkOwner): number {
    let i = start
    while (i < end && this.#state !== DONE) {
      if (this.#state === DATA) {
        const stop = Math.min(end, i + this.#left)
        this.#left -= stop - i
        if (this.#left === 0) this.#state = DATA_CR
        owner.onData(bytes, i, stop)
        i = stop
        continue
      }
      this.#state = this.#next(bytes[i]!)
      if (this.#state === BROKEN) return -1
      i++
    }
    return i
  }

  #next(byte: number): number {
    switch (this.#state) {
      case SIZE:
        return this.#size(byte)
      case EXTENSION:
        if (byte === CR) return SIZE_LF
        return this.#extension(byte, byte === QUOTE ? QUOTED : EXTENSION)
      case QUOTED:
        if (byte === BACKSLASH) return this.#extension(byte, QUOTED_PAIR)
        return this.#extension(byte, byte === QUOTE ? EXTENSION : QUOTED)
      case QUOTED_PAIR:
        return this.#extension(byte, QUOTED)
      case SIZE_LF:
        if (byte !== LF) return BROKEN
        this.#digits = 0
        return this.#left === 0 ? TRAILER_NAME_START : DATA
      case DATA_CR:
        return byte === CR ? DATA_LF : BROKEN
      case DATA_LF:
        return byte === LF ? SIZE : BROKEN
      case TRAILER_NAME_START:
        if (byte === CR) return LAST_LF
        this.#name = ''
        return this.#trailerName(byte)
      case TRAILER_NAME:
        if (byte !== COLON) return this.#trailerName(byte)
        return this.#trailer(forbidden.has(this.#name) ? BROKEN : TRAILER_VALUE)
      case TRAILER_VALUE:
        if (byte === CR) return this.#trailer(TRAILER_LF)
        return this.#trailer(isValueByte[byte] === 0 ? BROKEN : TRAILER_VALUE)
      case TRAILER_LF:
        return this.#trailer(byte === LF ? TRAILER_NAME_START : BROKEN)
      case LAST_LF:
        return byte === LF ? DONE : BROKEN
      default:
        return BROKEN
    }
  }

  #size(byte: number): number {
    const value = hexValue[byte]!
    if (value !== 0) {
      if (++this.#digits > SIZE_DIGITS_MAX) return BROKEN
      this.#left = this.#left * 16 + value - 1
      return SIZE
    }
    if (this.#digits === 0) return BROKEN
    if (byte === CR) return SIZE_LF
    return byte === SEMICOLON ? EXTENSION : BROKEN
  }

  #extension(byte: number, next: number): number {
    // Above ASCII nobody agrees on what it is, and a quoted line end is what smuggles.
    if (isValueByte[byte] === 0 || byte > 0x7e) return BROKEN
    return ++this.#extensions > EXTENSIONS_MAX ? BROKEN : next
  }

  #trailerName(byte: number): number {
    const lower = tokenLower[byte]!
    if (lower === 0) return BROKEN
    // One more than the longest that is looked for tells that it is longer.
    if (this.#name.length <= NAME_MAX) this.#name += String.fromCharCode(lower)
    return this.#trailer(TRAILER_NAME)
  }

  #trailer(next: number): number {
    return ++this.#trailers > TRAILERS_MAX ? BROKEN : next
  }
}
