/** A request head, RFC 9112 §3. */
import { CR, isTargetByte, LF, SP, tokenLower } from './characters.ts'
import { isAuthority } from './authority.ts'
import { CONNECTION, EXPECT, HOST, UPGRADE } from './field-names.ts'
import { CHUNKED, requestBody } from './framing.ts'
import { BAD, Head, LINE_MAX, NEED_MORE, OK, TOO_LONG } from './head.ts'
import { connectionOptions, type ConnectionOptions } from './connection.ts'
import { readTarget, type Target } from './target.ts'

const METHOD_MAX = 32
const NO_TARGET: Target = { authority: '', path: '/', query: '' }
const VERSION_UNSUPPORTED = 505
const EXPECTATION_FAILED = 417

export class RequestHead extends Head {
  method = ''
  target: Target = NO_TARGET
  /** 0 or 1: HTTP/1.x. */
  minor = 1
  /** Whom the client meant: the target's authority, else Host; '' for an HTTP/1.0 client that said neither. */
  authority = ''
  /** Bytes of the body, or CHUNKED. */
  body = 0
  connection: ConnectionOptions = connectionOptions('', 1)
  /** Asks to speak WebSocket. */
  upgrade = false
  expectsContinue = false
  /** Bytes of the head, once it was read. */
  size = 0

  /**
   * Reads the head that begins at `start`.
   *
   * @param scanned bytes from `start` on that an earlier call has seen
   * @returns OK, NEED_MORE, or the status to refuse with: 400, 414, 417, 431, 501, 505
   */
  parse(bytes: Buffer, start: number, end: number, scanned: number): number {
    const size = this.take(bytes, start, end, scanned)
    if (size < 0) return size === NEED_MORE ? NEED_MORE : -size
    this.size = size
    const lineEnd = this.#readLine()
    if (lineEnd < 0) return -lineEnd
    const fields = this.readFields(lineEnd + 2)
    if (fields !== OK) return fields
    if (this.minor > 1) return VERSION_UNSUPPORTED
    return this.#interpret()
  }

  get hasBody(): boolean {
    return this.body === CHUNKED || this.body > 0
  }

  /** @returns where the line ends, or the status, negative */
  #readLine(): number {
    const { text } = this
    let i = 0
    while (tokenLower[text.charCodeAt(i)]! !== 0) i++
    if (i === 0 || i > METHOD_MAX || text.charCodeAt(i) !== SP) return -BAD
    this.method = text.slice(0, i)
    const targetStart = ++i
    while (isTargetByte[text.charCodeAt(i)]! === 1) i++
    if (i > LINE_MAX) return -TOO_LONG
    if (i === targetStart || text.charCodeAt(i) !== SP) return -BAD
    const target = text.slice(targetStart, i)
    const version = text.slice(i + 1, i + 9)
    i += 9
    if (text.charCodeAt(i) !== CR || text.charCodeAt(i + 1) !== LF) return -BAD
    if (version === 'HTTP/1.1') this.minor = 1
    else if (version === 'HTTP/1.0') this.minor = 0
    else if (/^HTTP\/\d\.\d$/.test(version)) this.minor = 2
    else return -BAD
    const read = readTarget(this.method, target)
    if (read === null) return this.method === 'CONNECT' ? -501 : -BAD
    this.target = read
    return i
  }

  #interpret(): number {
    const host = this.only(HOST)
    if (host === -2 || (host === -1 && this.minor === 1)) return BAD
    const named = host === -1 ? '' : this.value(host)
    if (host !== -1 && !isAuthority(named)) return BAD
    this.authority = this.target.authority === '' ? named : this.target.authority

    this.body = requestBody(this, this.minor)
    if (this.body < CHUNKED) return -this.body

    this.connection = this.#connectionOptions()
    this.upgrade = this.connection.upgrade && this.minor === 1 && this.#asksForWebSocket()
    const expect = this.only(EXPECT)
    this.expectsContinue = false
    if (expect === -2) return BAD
    if (expect !== -1 && this.minor === 1) {
      if (this.value(expect).toLowerCase() !== '100-continue') return EXPECTATION_FAILED
      this.expectsContinue = this.hasBody
    }
    return OK
  }

  #connectionOptions(): ConnectionOptions {
    let value = ''
    for (let field = 0; field < this.count; field++) {
      if (this.number(field) !== CONNECTION) continue
      value = value === '' ? this.value(field) : `${value},${this.value(field)}`
    }
    return connectionOptions(value, this.minor)
  }

  /** Only WebSocket: h2c would carry requests nobody looks at. */
  #asksForWebSocket(): boolean {
    const field = this.only(UPGRADE)
    return field >= 0 && !this.hasBody && this.value(field).toLowerCase() === 'websocket'
  }
}
