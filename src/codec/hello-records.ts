/**
 * The TLS records around a ClientHello: finds the one message in the first bytes of a connection
 * (RFC 8446 §4 and §5.1).
 *
 * Nearly every client sends it in one record, and then it is read where it lies. Spread over
 * several it is copied as it arrives, each byte once: a client that sends a byte a second in a
 * record of its own makes this walk its bytes, never the same bytes again.
 */

export const OK = 0
export const NEED_MORE = -1
/** Not a TLS handshake record: known at the first wrong byte. */
export const NOT_TLS = -2
export const HELLO_MALFORMED = -3
/** The message, or the number of records it is cut into, is over its limit. */
export const HELLO_TOO_LARGE = -4

const RECORD_HEADER_BYTES = 5
/** RFC 8446 §5.1: 2^14. */
const RECORD_BYTES_MAX = 16_384
const MESSAGE_HEADER_BYTES = 4
const CONTENT_HANDSHAKE = 22
const VERSION_MAJOR = 3
const TYPE_CLIENT_HELLO = 1

/** A hello with post-quantum key shares, of some 1,800 bytes, still fits at one byte a record. */
const RECORDS_MAX = 2048
const ASSEMBLY_BYTES_FIRST = 1024

const NOTHING = new Uint8Array(0)

export class HelloRecords {
  /** Where the body of the message lies, once {@link find} said OK. */
  bytes: Uint8Array = NOTHING
  start = 0
  end = 0

  readonly #bytesMax: number
  /** The message so far, if it is spread over records, and how many bytes of it are there. */
  #assembly: Uint8Array = NOTHING
  #assembledBytes = 0
  /** Its length with its header; 0 until the header is there. */
  #messageBytes = 0
  /** The next byte to take from the connection; 0 as long as nothing had to be assembled. */
  #at = 0
  #recordBytesLeft = 0
  #records = 0

  /** @param bytesMax the longest message taken, with its header, without the record headers */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Makes this ready for another connection, and lets go of the bytes of the last one. */
  reset(): void {
    this.bytes = NOTHING
    this.start = 0
    this.end = 0
    this.#assembly = NOTHING
    this.#assembledBytes = 0
    this.#messageBytes = 0
    this.#at = 0
    this.#recordBytesLeft = 0
    this.#records = 0
  }

  /**
   * Looks for the end of the ClientHello that starts at the first of `bytes`.
   *
   * Until it says something else than NEED_MORE, it is to be called with the same bytes and more
   * behind them. What follows the message is not looked at.
   *
   * @param end one past the last byte received
   * @returns OK, NEED_MORE, NOT_TLS, HELLO_MALFORMED or HELLO_TOO_LARGE
   */
  find(bytes: Uint8Array, end: number): number {
    if (this.#at > 0) return this.#assemble(bytes, end)
    if (end === 0) return NEED_MORE
    if (bytes[0] !== CONTENT_HANDSHAKE) return NOT_TLS
    if (end === 1) return NEED_MORE
    // The minor version is to be ignored (RFC 8446 §5.1).
    if (bytes[1] !== VERSION_MAJOR) return NOT_TLS

    if (end <= RECORD_HEADER_BYTES) return NEED_MORE
    const recordBytes = (bytes[3]! << 8) | bytes[4]!
    if (recordBytes === 0 || recordBytes > RECORD_BYTES_MAX) return HELLO_MALFORMED
    if (bytes[RECORD_HEADER_BYTES] !== TYPE_CLIENT_HELLO) return HELLO_MALFORMED
    if (recordBytes < MESSAGE_HEADER_BYTES) return this.#assemble(bytes, end)

    const start = RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES
    if (end < start) return NEED_MORE
    const messageBytes = readMessageBytes(bytes, RECORD_HEADER_BYTES)
    if (messageBytes > this.#bytesMax) return HELLO_TOO_LARGE
    if (messageBytes > recordBytes) return this.#assemble(bytes, end)
    if (end < RECORD_HEADER_BYTES + messageBytes) return NEED_MORE
    return this.#found(bytes, start, RECORD_HEADER_BYTES + messageBytes)
  }

  #found(bytes: Uint8Array, start: number, end: number): number {
    this.bytes = bytes
    this.start = start
    this.end = end
    return OK
  }

  /** Takes what has arrived since the last call; ends because each turn takes a byte at least. */
  #assemble(bytes: Uint8Array, end: number): number {
    while (this.#at < end) {
      if (this.#recordBytesLeft === 0) {
        const opened = this.#openRecord(bytes, end)
        if (opened !== OK) return opened
      }
      this.#take(bytes, end)
      if (this.#assembledBytes < MESSAGE_HEADER_BYTES) continue
      if (this.#messageBytes === 0) {
        this.#messageBytes = readMessageBytes(this.#assembly, 0)
        if (this.#messageBytes > this.#bytesMax) return HELLO_TOO_LARGE
      }
      if (this.#assembledBytes === this.#messageBytes) {
        return this.#found(this.#assembly, MESSAGE_HEADER_BYTES, this.#messageBytes)
      }
    }
    return NEED_MORE
  }

  #openRecord(bytes: Uint8Array, end: number): number {
    const at = this.#at
    if (end - at < RECORD_HEADER_BYTES) return NEED_MORE
    // Between the parts of a message no other record may come (RFC 8446 §5.1).
    if (bytes[at] !== CONTENT_HANDSHAKE || bytes[at + 1] !== VERSION_MAJOR) return HELLO_MALFORMED
    const recordBytes = (bytes[at + 3]! << 8) | bytes[at + 4]!
    if (recordBytes === 0 || recordBytes > RECORD_BYTES_MAX) return HELLO_MALFORMED
    if (this.#records === RECORDS_MAX) return HELLO_TOO_LARGE
    this.#records++
    this.#recordBytesLeft = recordBytes
    this.#at = at + RECORD_HEADER_BYTES
    return OK
  }

  /** Copies what is there of this record, but not past the message or the header of the message. */
  #take(bytes: Uint8Array, end: number): void {
    const wanted = (this.#messageBytes || MESSAGE_HEADER_BYTES) - this.#assembledBytes
    const count = Math.min(wanted, this.#recordBytesLeft, end - this.#at)
    const assembledBytes = this.#assembledBytes + count
    if (assembledBytes > this.#assembly.length) this.#grow(assembledBytes)
    // Not `set(subarray())`: most parts are a few bytes, and a view costs more than they do.
    for (let i = 0; i < count; i++) {
      this.#assembly[this.#assembledBytes + i] = bytes[this.#at + i]!
    }
    this.#assembledBytes = assembledBytes
    this.#recordBytesLeft -= count
    this.#at += count
  }

  /** Grows with what has arrived, not with what the client says will come. */
  #grow(bytesMin: number): void {
    const size = Math.max(bytesMin, 2 * this.#assembly.length, ASSEMBLY_BYTES_FIRST)
    const assembly = new Uint8Array(size)
    assembly.set(this.#assembly)
    this.#assembly = assembly
  }
}

/** The length of the handshake message at `at`, with its header. */
function readMessageBytes(bytes: Uint8Array, at: number): number {
  const bodyBytes = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  return MESSAGE_HEADER_BYTES + bodyBytes
}
