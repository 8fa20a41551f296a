/** A response head, RFC 9112 §4: a backend is held to the same rules as a client. */
import { CR, isValueByte, LF, SP } from './characters.ts'
import { CONNECTION } from './field-names.ts'
import { connectionOptions, type ConnectionOptions } from './connection.ts'
import { CHUNKED, responseBody, TO_THE_END } from './framing.ts'
import { BAD, Head, NEED_MORE, OK } from './head.ts'

export class ResponseHead extends Head {
  /** 100 to 599. */
  status = 0
  /** 0 or 1: HTTP/1.x. */
  minor = 1
  reason = ''
  /** Bytes of the body, CHUNKED or TO_THE_END. */
  body = 0
  connection: ConnectionOptions = connectionOptions('', 1)
  size = 0

  /**
   * @param toHead whether HEAD was asked
   * @returns OK, NEED_MORE, or anything else if it is malformed
   */
  parse(bytes: Buffer, start: number, end: number, scanned: number, toHead: boolean): number {
    const size = this.take(bytes, start, end, scanned)
    if (size < 0) return size === NEED_MORE ? NEED_MORE : BAD
    this.size = size
    const lineEnd = this.#readLine()
    if (lineEnd < 0) return BAD
    if (this.readFields(lineEnd + 2) !== OK) return BAD
    this.body = responseBody(this, this.minor, this.status, toHead)
    if (this.body < TO_THE_END) return BAD
    const connection = this.only(CONNECTION)
    const said = connection === -1 ? '' : this.#connection()
    this.connection = connectionOptions(said, this.minor)
    return OK
  }

  /** Whether its end can be told without closing. */
  get isDelimited(): boolean {
    return this.body >= CHUNKED
  }

  #readLine(): number {
    const { text } = this
    if (!text.startsWith('HTTP/1.')) return -1
    const minor = text.charCodeAt(7) - 0x30
    if ((minor !== 0 && minor !== 1) || text.charCodeAt(8) !== SP) return -1
    let status = 0
    for (let i = 9; i < 12; i++) {
      const digit = text.charCodeAt(i) - 0x30
      if (digit < 0 || digit > 9) return -1
      status = status * 10 + digit
    }
    if (status < 100 || status > 599) return -1
    let i = 12
    // The blank before an empty reason is often left out.
    if (text.charCodeAt(i) === SP) i++
    else if (text.charCodeAt(i) !== CR) return -1
    const reasonStart = i
    while (isValueByte[text.charCodeAt(i)]! === 1) i++
    if (text.charCodeAt(i) !== CR || text.charCodeAt(i + 1) !== LF) return -1
    this.minor = minor
    this.status = status
    this.reason = text.slice(reasonStart, i)
    return i
  }

  #connection(): string {
    let value = ''
    for (let field = 0; field < this.count; field++) {
      if (this.number(field) !== CONNECTION) continue
      value = value === '' ? this.value(field) : `${value},${this.value(field)}`
    }
    return value
  }
}
