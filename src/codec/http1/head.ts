/**
 * A message head, strictly read: RFC 9112 §2 to §5 without any of the leniencies it allows.
 *
 * What two parsers could read in two ways is malformed: bare CR or LF, folded lines, blanks before the
 * colon, control characters. Fields are kept as offsets into the text of the head and are written anew.
 * However the bytes are cut, the answer is the same: what shows first decides.
 */
import { latin1 } from '../../core/latin1.ts'
import { COLON, CR, HTAB, isValueByte, LF, nameByte, ODD, SP } from './characters.ts'
import { fieldNumber } from './field-names.ts'

/** The head has not ended yet. */
export const NEED_MORE = -1
export const OK = 0
/** Other answers of `parse()` are the status to refuse with. */
export const BAD = 400
export const TOO_LONG = 414
export const TOO_LARGE = 431

/** Bytes of a start line, without its CRLF; RFC 9112 §3 asks for 8000 at least. */
export const LINE_MAX = 8192
/** Bytes of a head, its start line included. */
export const HEAD_MAX = 16_384
export const FIELDS_MAX = 100

const END = Buffer.from('\r\n\r\n')
/** Bytes. */
const NEAR = 512
/**
 * Words kept per field: bounds of name and value, the number of the name, and whether it is odd. One more
 * word says where the last line ends.
 */
const WORDS = 6
const NONE = -1
const SEVERAL = -2

export class Head {
  /** The whole head, its last empty line included, as latin1. */
  text = ''
  /** Fields. */
  count = 0
  /** Where the first field begins in {@link text}; the words below count from there. */
  #base = 0
  /** Grows with the heads that come: most clients send a dozen fields, and there is a head for each client. */
  readonly #at: number[] = []
  /** A bit for each number that is there, or may be: several share one. */
  #present = 0

  number(field: number): number {
    return this.#at[field * WORDS + 4]!
  }

  /** As it was written. */
  name(field: number): string {
    const word = field * WORDS
    return this.text.slice(this.#base + this.#at[word]!, this.#base + this.#at[word + 1]!)
  }

  /** Without the blanks around it. */
  value(field: number): string {
    const word = field * WORDS
    return this.text.slice(this.#base + this.#at[word + 2]!, this.#base + this.#at[word + 3]!)
  }

  /**
   * Its name has more than letters, digits and hyphens: some readers take an underscore, or any other
   * character, for a hyphen, and one field for another.
   */
  hasOddName(field: number): boolean {
    return this.#at[field * WORDS + 5] !== 0
  }

  /** Where its line begins in {@link text}. */
  start(field: number): number {
    return this.#base + this.#at[field * WORDS]!
  }

  /** One past its line, the CRLF included. */
  end(field: number): number {
    return this.#base + this.#at[(field + 1) * WORDS]!
  }

  /** Written as weir writes it: one blank before the value, none after it. */
  isPlain(field: number): boolean {
    const word = field * WORDS
    const valueStart = this.#at[word + 2]!
    return (
      valueStart === this.#at[word + 1]! + 2 &&
      this.#at[word + WORDS] === this.#at[word + 3]! + 2 &&
      this.text.charCodeAt(this.#base + valueStart - 1) === SP
    )
  }

  /** The only field with that number: its index, -1 if there is none, -2 if there are several. */
  only(number: number): number {
    if ((this.#present & bitOf(number)) === 0) return NONE
    let found = NONE
    for (let field = 0; field < this.count; field++) {
      if (this.number(field) !== number) continue
      if (found !== NONE) return SEVERAL
      found = field
    }
    return found
  }

  /** The values of all fields with that number, joined by commas. */
  list(number: number): string {
    if ((this.#present & bitOf(number)) === 0) return ''
    let list = ''
    for (let field = 0; field < this.count; field++) {
      if (this.number(field) !== number) continue
      list = list === '' ? this.value(field) : `${list},${this.value(field)}`
    }
    return list
  }

  /**
   * Finds the end of the head that begins at `start` and takes its text.
   *
   * @param scanned bytes from `start` on that were looked at before, without finding the end
   * @returns bytes of the head, or NEED_MORE, BAD, TOO_LONG, TOO_LARGE as a negative number
   */
  protected take(bytes: Buffer, start: number, end: number, scanned: number): number {
    const found = findEnd(bytes, start + Math.max(0, scanned - END.length + 1), end)
    const size = found + END.length - start
    if (found === -1 || found + END.length > end || size > HEAD_MAX) {
      const refused = early(bytes, start, end, scanned)
      return refused === OK ? NEED_MORE : -refused
    }
    this.text = latin1(bytes, start, start + size)
    return size
  }

  /**
   * The status to refuse a whole head with, where `status` is what its grammar says.
   *
   * @param start and `size`: what `take` was given and said
   */
  protected refusal(bytes: Buffer, start: number, size: number, status: number): number {
    // Its last byte shows nothing, and a head of the largest size is not too large.
    const shown = early(bytes, start, start + size - 1, 0)
    return shown === OK ? status : shown
  }

  /** The fields are those that were read last, behind another first line. @param base where they begin in the text */
  protected moveFields(base: number): void {
    this.#base = base
  }

  /** @returns OK, BAD or TOO_LARGE */
  protected readFields(bytes: Buffer, start: number, from: number, size: number): number {
    const at = this.#at
    let present = 0
    const end = start + size - 2
    this.#base = from - start
    let count = 0
    let i = from
    while (i < end) {
      if (count === FIELDS_MAX) return TOO_LARGE
      const nameStart = i
      let kinds = 0
      let kind = nameByte[bytes[i]!]!
      while (kind !== 0) {
        kinds |= kind
        kind = nameByte[bytes[++i]!]!
      }
      // Also a line that begins with a blank (obs-fold) or has one before its colon.
      if (bytes[i] !== COLON || kinds === 0) return BAD
      const nameEnd = i
      let code = bytes[++i]!
      while (code === SP || code === HTAB) code = bytes[++i]!
      const valueStart = i
      while (isValueByte[code] === 1) code = bytes[++i]!
      if (code !== CR || bytes[i + 1] !== LF) return BAD
      let valueEnd = i
      while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1]!)) valueEnd--
      const number = fieldNumber(bytes, nameStart, nameEnd)
      const word = count * WORDS
      at[word] = nameStart - from
      at[word + 1] = nameEnd - from
      at[word + 2] = valueStart - from
      at[word + 3] = valueEnd - from
      at[word + 4] = number
      at[word + 5] = kinds & ODD
      present |= bitOf(number)
      count++
      i += 2
    }
    at[count * WORDS] = i - from
    this.count = count
    this.#present = present
    return OK
  }
}

/**
 * Whether a head that begins with the first byte has not ended, and may still become one.
 *
 * @param scanned bytes of which that is known
 */
export function isUnfinished(bytes: Buffer, end: number, scanned: number): boolean {
  // Most come whole. And what begins with an empty line is for who knows whether there was a head before it.
  if (bytes[0] === CR || (bytes[end - 1] === LF && bytes[end - 3] === LF)) return false
  const found = findEnd(bytes, Math.max(0, scanned - END.length + 1), end)
  return (found === -1 || found + END.length > end) && early(bytes, 0, end, scanned) === OK
}

/** Shifts count modulo 32. */
function bitOf(number: number): number {
  return 1 << number
}

/** In most heads the end is found sooner than Node's search has begun. */
function findEnd(bytes: Buffer, from: number, end: number): number {
  const stop = Math.min(end, from + NEAR)
  // From the last byte of the pattern on: what is in no CRLF moves it by its whole length.
  let i = from + 3
  while (i < stop) {
    const byte = bytes[i]!
    if (byte > CR || (byte !== LF && byte !== CR)) i += 4
    else if (byte === CR) i++
    else if (bytes[i - 1] === CR && bytes[i - 2] === LF && bytes[i - 3] === CR) return i - 3
    else i += 2
  }
  return i < end ? bytes.indexOf(END, i - 3) : -1
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB
}

/**
 * What can be said of a head before its end is there, looking at each byte once.
 *
 * @returns BAD, TOO_LONG, TOO_LARGE, or OK if there is nothing to say yet
 */
function early(bytes: Buffer, start: number, end: number, scanned: number): number {
  if (start === end) return OK
  // No start line begins so: another protocol, or a blank line too many.
  if (nameByte[bytes[start]!] === 0) return BAD
  const lineLimit = start + LINE_MAX + 2
  const lineEnd = end < lineLimit ? start : bytes.indexOf(LF, start)
  const longLine = lineEnd === -1 || lineEnd >= lineLimit
  const seen = longLine ? lineLimit : Math.min(end, start + HEAD_MAX)
  if (hasBadLineEnd(bytes, Math.max(start, start + scanned - 1), seen)) return BAD
  if (longLine) return TOO_LONG
  return end < start + HEAD_MAX ? OK : TOO_LARGE
}

/** A CR or LF that is not part of a CRLF, or a NUL: no head ever gets whole with it. */
function hasBadLineEnd(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte > CR) continue
    if (byte === 0) return true
    if (byte === LF && bytes[i - 1] !== CR) return true
    if (byte === CR && i + 1 < end && bytes[i + 1] !== LF) return true
  }
  return false
}
