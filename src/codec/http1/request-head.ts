/** A request head, RFC 9112 §3. */
import {
  CR,
  LF,
  LOOK,
  LOOK_FIRST,
  nameByte,
  QUESTION,
  SEGMENT,
  SLASH,
  SP,
  targetByte,
} from './characters.ts'
import { isAuthority } from './authority.ts'
import { CONNECTION, EXPECT, HOST, UPGRADE } from './field-names.ts'
import { CHUNKED, requestBody } from './framing.ts'
import { BAD, Head, LINE_MAX, NEED_MORE, OK, TOO_LONG } from './head.ts'
import { connectionOptions, type ConnectionOptions, silentConnection } from './connection.ts'
import { readTarget, type Target, type TargetRules } from './target.ts'

const METHOD_MAX = 32
const NO_TARGET: Target = { authority: '', path: '/', query: '' }
const STRICT: TargetRules = { keepsEncodedSlash: false, isSecure: false }
const EXPECTATION_FAILED = 417
const MISDIRECTED = 421
const NOT_IMPLEMENTED = 501
const VERSION_UNSUPPORTED = 505

export class RequestHead extends Head {
  /** '' if the request line was not read. */
  method = ''
  target: Target = NO_TARGET
  /** 0 or 1: HTTP/1.x. */
  minor = 1
  /** Whom the client meant: the target's authority, else Host; '' for an HTTP/1.0 client that said neither. */
  authority = ''
  /** Bytes of the body, or CHUNKED. */
  body = 0
  connection: ConnectionOptions = silentConnection(1)
  /** Asks to speak WebSocket. */
  upgrade = false
  expectsContinue = false
  /** Bytes of the head, and of an empty line before it, once it was read. */
  size = 0
  /** Grows by one with each head whose fields, method or version are not those of the head before it. */
  revision = 0
  /** They are the same: all that was made of them still holds. */
  isRepeated = false
  readonly #rules: TargetRules
  // Of the head before, if it was valid; else ''.
  #before = ''
  /** Where its fields begin. */
  #baseBefore = 0
  /** Its fields; '' until they are compared whole. */
  #fieldsBefore = ''
  #methodBefore = ''
  #minorBefore = 0

  constructor(rules: TargetRules = STRICT) {
    super()
    this.#rules = rules
  }

  /**
   * Reads the head that begins at `start`. One empty line before it is passed over (RFC 9112 §2.2).
   *
   * @param scanned bytes from `start` on that an earlier call has seen
   * @returns OK, NEED_MORE, or the status to refuse with: 400, 414, 417, 421, 431, 501, 505
   */
  parse(bytes: Buffer, start: number, end: number, scanned: number): number {
    this.method = ''
    let skipped = 0
    if (bytes[start] === CR) {
      if (end - start < 2) return NEED_MORE
      if (bytes[start + 1] === LF) skipped = 2
    }
    const from = start + skipped
    const size = this.take(bytes, from, end, Math.max(0, scanned - skipped))
    if (size < 0) return size === NEED_MORE ? NEED_MORE : -size
    this.size = size + skipped
    const code = this.#read(bytes, from, size)
    return code === OK ? OK : this.refusal(bytes, from, size, code)
  }

  get hasBody(): boolean {
    return this.body === CHUNKED || this.body > 0
  }

  #read(bytes: Buffer, start: number, size: number): number {
    const lineEnd = this.#readLine(bytes, start)
    if (lineEnd < 0) {
      this.#before = ''
      return -lineEnd
    }
    const base = lineEnd + 2 - start
    this.isRepeated = this.#repeats(base)
    if (this.isRepeated) {
      this.moveFields(base)
      return OK
    }
    this.#before = this.text
    this.#baseBefore = base
    this.#fieldsBefore = ''
    this.revision++
    this.#methodBefore = this.method
    this.#minorBefore = this.minor
    const code = this.readFields(bytes, start, lineEnd + 2, size)
    const meaning = code === OK ? this.#interpret() : code
    // What is refused, or says its host itself, is read anew each time.
    if (meaning !== OK || this.target.authority !== '') this.#before = ''
    return meaning
  }

  /** Clients mostly say the same with each request, but for its target. @param base where the fields begin */
  #repeats(base: number): boolean {
    const { text } = this
    const before = this.#before
    const length = text.length - base
    return (
      before.length - this.#baseBefore === length &&
      this.method === this.#methodBefore &&
      this.minor === this.#minorBefore &&
      this.target.authority === '' &&
      mayBeSame(text, base, before, this.#baseBefore, length) &&
      text.slice(base) === (this.#fieldsBefore ||= before.slice(this.#baseBefore))
    )
  }

  /** @returns where the line ends, or the status, negative */
  #readLine(bytes: Buffer, start: number): number {
    let i = start
    while (nameByte[bytes[i]!]! !== 0) i++
    if (i === start || bytes[i] !== SP) return -BAD
    const methodEnd = i
    const targetStart = ++i

    let look = bytes[i] === SLASH ? 0 : LOOK
    let kind = 0
    let before = 0
    // To the end of the path, watching for what is not in normal form.
    for (kind = targetByte[bytes[i]!]!; kind !== 0; kind = targetByte[bytes[i]!]!) {
      if (bytes[i] === QUESTION) break
      look |= kind & ((before & SEGMENT) === 0 ? LOOK : LOOK | LOOK_FIRST)
      before = kind
      i++
    }
    const pathEnd = i
    while (targetByte[bytes[i]!]! !== 0) i++
    const targetEnd = i
    if (i === targetStart || bytes[i] !== SP) return -BAD
    const minor = readVersion(bytes, ++i)
    i += 8
    if (minor === -1 || bytes[i] !== CR || bytes[i + 1] !== LF) return -BAD
    if (i - start > LINE_MAX) return -TOO_LONG

    this.method = this.#method(bytes, start, methodEnd)
    if (minor > 1) return -VERSION_UNSUPPORTED
    this.minor = minor
    if (this.method === 'CONNECT' || methodEnd - start > METHOD_MAX) return -NOT_IMPLEMENTED
    const { text } = this
    if (look === 0) {
      const path = text.slice(targetStart - start, pathEnd - start)
      this.target = { authority: '', path, query: text.slice(pathEnd - start, targetEnd - start) }
      return i
    }
    const read = readTarget(
      this.method,
      text.slice(targetStart - start, targetEnd - start),
      this.#rules,
    )
    if (read === null) return -BAD
    if (read === 'insecure') return -MISDIRECTED
    this.target = read
    return i
  }

  #method(bytes: Buffer, start: number, end: number): string {
    // One string for all, instead of one each.
    if (end - start === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45) {
      if (bytes[start + 2] === 0x54) return 'GET'
    }
    return this.text.slice(0, end - start)
  }

  #interpret(): number {
    const host = this.only(HOST)
    if (host === -2 || (host === -1 && this.minor === 1)) return BAD
    const named = host === -1 ? '' : this.value(host)
    if (host !== -1 && !isAuthority(named)) return BAD
    this.authority = this.target.authority === '' ? named : this.target.authority

    this.body = requestBody(this, this.minor)
    if (this.body < CHUNKED) return -this.body
    // RFC 9110 §9.3.8
    if (this.hasBody && this.method === 'TRACE') return BAD

    const said = this.only(CONNECTION) === -1 ? null : this.list(CONNECTION)
    const connection =
      said === null ? silentConnection(this.minor) : connectionOptions(said, this.minor)
    if (connection === null) return BAD
    this.connection = connection
    this.upgrade = connection.upgrade && this.minor === 1 && this.#asksForWebSocket()
    return this.#readExpect()
  }

  #readExpect(): number {
    this.expectsContinue = false
    const expect = this.only(EXPECT)
    if (expect === -2) return BAD
    if (expect === -1 || this.minor === 0) return OK
    if (this.value(expect).toLowerCase() !== '100-continue') return EXPECTATION_FAILED
    this.expectsContinue = this.hasBody
    return OK
  }

  /** Only WebSocket, and as RFC 6455 §4.1 has it: h2c would carry requests nobody looks at. */
  #asksForWebSocket(): boolean {
    const field = this.only(UPGRADE)
    if (field < 0 || this.hasBody || this.method !== 'GET') return false
    return this.value(field).toLowerCase() === 'websocket'
  }
}

/** A look at a few letters: in most that differ a token does, of some length, and the rest is not worth comparing. */
function mayBeSame(a: string, startA: number, b: string, startB: number, length: number): boolean {
  for (let at = length >> 4; at < length; at += 1 + (length >> 3)) {
    if (a.charCodeAt(startA + at) !== b.charCodeAt(startB + at)) return false
  }
  return true
}

/** @returns 0 or 1 of HTTP/1.x, 2 for other versions, -1 if it is none */
function readVersion(bytes: Buffer, at: number): number {
  if (
    bytes[at] !== 0x48 ||
    bytes[at + 1] !== 0x54 ||
    bytes[at + 2] !== 0x54 ||
    bytes[at + 3] !== 0x50 ||
    bytes[at + 4] !== SLASH ||
    bytes[at + 6] !== 0x2e
  ) {
    return -1
  }
  const major = bytes[at + 5]! - 0x30
  const minor = bytes[at + 7]! - 0x30
  if (major < 0 || major > 9 || minor < 0 || minor > 9) return -1
  return major === 1 && minor <= 1 ? minor : 2
}
