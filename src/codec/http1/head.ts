/**
 * A message head, strictly read: RFC 9112 §2 to §5 without any of the leniencies it allows.
 *
 * What two parsers could read in two ways is malformed: bare CR or LF, folded lines, blanks before the
 * colon, control characters. Fields are kept as offsets into the text of the head and are written anew.
 */
import { COLON, CR, HTAB, isValueByte, LF, SP, tokenLower } from './characters.ts'
import { fieldNumber, hashNameByte } from './field-names.ts'

/** The head has not ended yet. */
export const NEED_MORE = -1
export const OK = 0
/** Other answers of `parse()` are the status to refuse with. */
export const BAD = 400
export const TOO_LONG = 414
export const TOO_LARGE = 431

/** Bytes of a start line; RFC 9112 §3 asks for 8000 at least. */
export const LINE_MAX = 8192
/** Bytes of a head, its start line included. */
export const HEAD_MAX = 16_384
export const FIELDS_MAX = 100

const END = Buffer.from('\r\n\r\n')
/** Words kept per field: bounds of name and value, and the number of the name. */
const WORDS = 5

export class Head {
  /** The whole head, its last empty line included, as latin1. */
  text = ''
  /** Fields. */
  count = 0
  readonly #at = new Int32Array(FIELDS_MAX * WORDS)

  number(field: number): number {
    return this.#at[field * WORDS + 4]!
  }

  /** As it was written. */
  name(field: number): string {
    const word = field * WORDS
    return this.text.slice(this.#at[word], this.#at[word + 1])
  }

  /** Without the blanks around it. */
  value(field: number): string {
    const word = field * WORDS
    return this.text.slice(this.#at[word + 2], this.#at[word + 3])
  }

  /** An underscore in the name: some readers take it for a hyphen, and one field for another. */
  hasUnderscore(field: number): boolean {
    const at = this.text.indexOf('_', this.#at[field * WORDS])
    return at !== -1 && at < this.#at[field * WORDS + 1]!
  }

  /** The only field with that number: its index, -1 if there is none, -2 if there are several. */
  only(number: number): number {
    let found = -1
    for (let field = 0; field < this.count; field++) {
      if (this.number(field) !== number) continue
      if (found !== -1) return -2
      found = field
    }
    return found
  }

  /**
   * Finds the end of the head that begins at `start` and takes its text.
   *
   * @param scanned bytes from `start` on that were looked at before, without finding the end
   * @returns bytes of the head, or NEED_MORE, BAD, TOO_LONG, TOO_LARGE as a negative number
   */
  protected take(bytes: Buffer, start: number, end: number, scanned: number): number {
    const from = start + Math.max(0, scanned - END.length + 1)
    const found = bytes.indexOf(END, from)
    const size = found === -1 || found >= end ? -1 : found + END.length - start
    if (size === -1 || size > HEAD_MAX) {
      const seen = Math.min(end, start + HEAD_MAX)
      const lineEnd = bytes.indexOf(LF, start)
      const longLine = (lineEnd === -1 || lineEnd >= end ? end : lineEnd) - start > LINE_MAX
      if (hasBadLineEnd(bytes, start, longLine ? start + LINE_MAX : seen)) return -BAD
      if (longLine) return -TOO_LONG
      return end - start > HEAD_MAX ? -TOO_LARGE : NEED_MORE
    }
    this.text = bytes.toString('latin1', start, start + size)
    return size
  }

  /** @returns OK, BAD or TOO_LARGE */
  protected readFields(from: number): number {
    const { text } = this
    const at = this.#at
    const end = text.length - 2
    let count = 0
    let i = from
    while (i < end) {
      if (count === FIELDS_MAX) return TOO_LARGE
      const nameStart = i
      let hash = 0
      let code = text.charCodeAt(i)
      for (let lower = tokenLower[code]!; lower !== 0; lower = tokenLower[code]!) {
        hash = hashNameByte(hash, lower)
        code = text.charCodeAt(++i)
      }
      // Also a line that begins with a blank (obs-fold) or has one before its colon.
      if (code !== COLON || i === nameStart) return BAD
      const nameEnd = i
      do code = text.charCodeAt(++i)
      while (code === SP || code === HTAB)
      const valueStart = i
      while (isValueByte[code] === 1) code = text.charCodeAt(++i)
      if (code !== CR || text.charCodeAt(i + 1) !== LF) return BAD
      let valueEnd = i
      while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--
      const word = count * WORDS
      at[word] = nameStart
      at[word + 1] = nameEnd
      at[word + 2] = valueStart
      at[word + 3] = valueEnd
      at[word + 4] = fieldNumber(hash, text, nameStart, nameEnd)
      count++
      i += 2
    }
    this.count = count
    return OK
  }
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB
}

/** A CR or LF that is not part of a CRLF, or a NUL: no head ever gets whole with it. */
function hasBadLineEnd(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte === 0) return true
    if (byte === LF && (i === start || bytes[i - 1] !== CR)) return true
    if (byte === CR && i + 1 < end && bytes[i + 1] !== LF) return true
  }
  return false
}
