/** A response head, RFC 9112 §4: a backend is held to the same rules as a client. */
import { CR, isValueByte, LF, SP } from './characters.ts'
import { CONNECTION } from './field-names.ts'
import { connectionOptions, type ConnectionOptions, silentConnection } from './connection.ts'
import { CHUNKED, responseBody, TO_THE_END } from './framing.ts'
import { BAD, Head, LINE_MAX, NEED_MORE, OK } from './head.ts'

const VERSION = 'HTTP/1.'

export class ResponseHead extends Head {
  /** 100 to 599. */
  status = 0
  /** 0 or 1: HTTP/1.x. */
  minor = 1
  reason = ''
  /** Bytes of the body, CHUNKED or TO_THE_END. */
  body = 0
  connection: ConnectionOptions = silentConnection(1)
  size = 0
  /** Its first line has the blank before the reason, which some leave out where there is none. */
  isPlainLine = true
  /** It is the head before it, byte for byte, and so is all that was read of it. */
  isRepeated = false
  /** For who writes it: what was made of it; null again with each head that is not repeated. */
  kept: unknown = null
  // The head before, if it was valid.
  #before = ''
  #toHeadBefore = false

  /**
   * @param toHead whether HEAD was asked
   * @returns OK, NEED_MORE, or BAD
   */
  parse(bytes: Buffer, start: number, end: number, scanned: number, toHead: boolean): number {
    if (!mayBegin(bytes, start, end)) return BAD
    const size = this.take(bytes, start, end, scanned)
    if (size < 0) return size === NEED_MORE ? NEED_MORE : BAD
    this.size = size
    this.isRepeated = this.text === this.#before && toHead === this.#toHeadBefore
    if (this.isRepeated) return OK
    this.kept = null
    this.#before = ''
    const code = this.#read(bytes, start, size, toHead)
    if (code === OK) this.#before = this.text
    this.#toHeadBefore = toHead
    return code
  }

  #read(bytes: Buffer, start: number, size: number, toHead: boolean): number {
    const lineEnd = this.#readLine(bytes, start)
    if (lineEnd < 0 || lineEnd - start > LINE_MAX) return BAD
    if (this.readFields(bytes, start, lineEnd + 2, size) !== OK) return BAD
    this.body = responseBody(this, this.minor, this.status, toHead)
    if (this.body < TO_THE_END) return BAD
    const connection =
      this.only(CONNECTION) === -1
        ? silentConnection(this.minor)
        : connectionOptions(this.list(CONNECTION), this.minor)
    if (connection === null) return BAD
    this.connection = connection
    return OK
  }

  /** Whether its end can be told without closing. */
  get isDelimited(): boolean {
    return this.body >= CHUNKED
  }

  /** @returns where the line ends, -1 if it is none */
  #readLine(bytes: Buffer, start: number): number {
    let i = start + VERSION.length
    const minor = bytes[i]! - 0x30
    if ((minor !== 0 && minor !== 1) || bytes[i + 1] !== SP) return -1
    i += 2
    const status = (bytes[i]! - 0x30) * 100 + (bytes[i + 1]! - 0x30) * 10 + (bytes[i + 2]! - 0x30)
    for (const stop = i + 3; i < stop; i++) {
      if (bytes[i]! < 0x30 || bytes[i]! > 0x39) return -1
    }
    if (status < 100 || status > 599) return -1
    // The blank before an empty reason is often left out.
    this.isPlainLine = bytes[i] === SP
    if (this.isPlainLine) i++
    else if (bytes[i] !== CR) return -1
    const reasonStart = i
    while (isValueByte[bytes[i]!] === 1) i++
    if (bytes[i] !== CR || bytes[i + 1] !== LF) return -1
    this.minor = minor
    this.status = status
    this.reason = this.text.slice(reasonStart - start, i - start)
    return i
  }
}

/** Whether the first bytes are those of a status line, as far as they are there. */
function mayBegin(bytes: Buffer, start: number, end: number): boolean {
  const length = Math.min(VERSION.length, end - start)
  for (let i = 0; i < length; i++) if (bytes[start + i] !== VERSION.charCodeAt(i)) return false
  return true
}
