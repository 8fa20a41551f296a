/**
 * The ClientHello, RFC 8446 §4.1.2 and RFC 5246 §7.4.1.2: what the gate wants to know before any
 * handshake is paid for.
 *
 * Strict: lengths have to agree to the byte, nothing may come twice. What only the TLS library needs (the
 * keys of the shares, for one) is left to it.
 */
import { HELLO_MALFORMED, HELLO_TOO_LARGE, HelloRecords, OK } from './hello-records.ts'
import { isGrease, ja4 } from './ja4.ts'
import { agreedGroup, KNOWN_TO_TLS12, readGroups } from './key-exchange.ts'
import { readServerName } from './server-name.ts'

export { HELLO_MALFORMED, HELLO_TOO_LARGE, NEED_MORE, NOT_TLS, OK } from './hello-records.ts'
/** The server name is not a host name; see {@link readServerName}. */
export const BAD_SNI = -5

const HELLO_BYTES_MAX = 16_384
/** Browsers send fewer than 20; each one is compared with those before it. */
const EXTENSIONS_MAX = 128
const ALPN_NAMES_MAX = 32
const SESSION_ID_BYTES_MAX = 32
const TICKET_NAME_BYTES = 16
/** RFC 8446 §4.2.11: no hash in use is shorter. */
const BINDER_BYTES_MIN = 32

/** Version, random, and the length of the session id. */
const FIXED_BYTES = 35
const SESSION_ID_LENGTH_AT = 34

const TLS_1_2 = 0x0303
const TLS_1_3 = 0x0304

const SERVER_NAME = 0
const APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16
const SESSION_TICKET = 35
const SUPPORTED_GROUPS = 10
const SIGNATURE_ALGORITHMS = 13
const PRE_SHARED_KEY = 41
const SUPPORTED_VERSIONS = 43
const KEY_SHARE = 51
const NAME_TYPE_HOST_NAME = 0

const NO_NAMES: readonly string[] = []
/** Reused: bytes are copied into it to become a string, the longest an ALPN name. */
const scratch = Buffer.alloc(255)

/** One hello; reused with {@link reset}. Its fields hold once {@link parse} said OK. */
export class ClientHello {
  /** In lower case; '' if the client named no server. */
  serverName = ''
  /** Application protocols in the client's order, as latin1. */
  alpn = NO_NAMES
  /** As sent; 0x0303 in every client that knows TLS 1.2 or later. */
  legacyVersion = 0
  supportsTls12 = false
  supportsTls13 = false
  /**
   * Name of the key the ticket was made with: its first 16 bytes in hex; '' without a ticket. Of the
   * first pre-shared key (TLS 1.3) or else of the session ticket (TLS 1.2, RFC 5077 §4).
   */
  ticketName = ''
  /** Of ours: those the client knows, and those it sent a key share for; bits of key-exchange.ts. */
  #groups = 0
  #shares = 0
  /** For {@link ja4}: where the lists lie, and the highest version. */
  #ciphersStart = 0
  #ciphersEnd = 0
  #signaturesStart = 0
  #signaturesEnd = 0
  #version = 0

  readonly #records: HelloRecords
  /** The extensions seen so far, to find one that comes twice. */
  readonly #types = new Uint16Array(EXTENSIONS_MAX)
  #typeCount = 0

  /** @param bytesMax the longest hello taken, without record headers */
  constructor(bytesMax: number = HELLO_BYTES_MAX) {
    this.#records = new HelloRecords(bytesMax)
  }

  reset(): void {
    this.#records.reset()
    this.#clear()
  }

  /**
   * Reads the hello that starts at the first of `bytes`.
   *
   * After NEED_MORE it is to be called with the same bytes and more behind them; after any other
   * answer, {@link reset} first. What follows the hello is not looked at.
   *
   * @param end one past the last byte received
   * @returns OK, NEED_MORE, or a refusal: NOT_TLS, HELLO_MALFORMED, HELLO_TOO_LARGE, BAD_SNI (all
   * negative)
   */
  parse(bytes: Uint8Array, end: number = bytes.length): number {
    const records = this.#records
    const found = records.find(bytes, end)
    if (found !== OK) return found
    this.#clear()
    return this.#readBody(records.bytes, records.start, records.end)
  }

  /** The group of the key exchange that will follow; '' if there is none in common. */
  get group(): string {
    return this.supportsTls13
      ? agreedGroup(this.#groups, this.#shares)
      : agreedGroup(this.#groups & KNOWN_TO_TLS12, 0)
  }

  /**
   * Whether TLS asks for another hello (HelloRetryRequest), as there is no key share of a group of ours. Only after that one
   * it is known whether a ticket is taken.
   */
  get isRetried(): boolean {
    return this.supportsTls13 && this.#shares === 0
  }

  /** The fingerprint of the client; made anew each time, while the bytes it was parsed from are unchanged. */
  get ja4(): string {
    return ja4({
      bytes: this.#records.bytes,
      ciphersStart: this.#ciphersStart,
      ciphersEnd: this.#ciphersEnd,
      types: this.#types,
      typeCount: this.#typeCount,
      signaturesStart: this.#signaturesStart,
      signaturesEnd: this.#signaturesEnd,
      version: this.#version,
      protocol: this.alpn[0] ?? '',
    })
  }

  #clear(): void {
    this.serverName = ''
    this.alpn = NO_NAMES
    this.legacyVersion = 0
    this.supportsTls12 = false
    this.supportsTls13 = false
    this.ticketName = ''
    this.#groups = 0
    this.#shares = 0
    this.#typeCount = 0
    this.#ciphersStart = 0
    this.#ciphersEnd = 0
    this.#signaturesStart = 0
    this.#signaturesEnd = 0
    this.#version = 0
  }

  #readBody(bytes: Uint8Array, start: number, end: number): number {
    if (end - start < FIXED_BYTES || bytes[start] !== 3) return HELLO_MALFORMED
    this.legacyVersion = readUint16(bytes, start)
    this.supportsTls12 = this.legacyVersion >= TLS_1_2
    this.#version = this.legacyVersion

    const sessionIdBytes = bytes[start + SESSION_ID_LENGTH_AT]!
    if (sessionIdBytes > SESSION_ID_BYTES_MAX) return HELLO_MALFORMED
    let at = start + FIXED_BYTES + sessionIdBytes

    if (end - at < 2) return HELLO_MALFORMED
    const cipherBytes = readUint16(bytes, at)
    at += 2
    if (cipherBytes === 0 || cipherBytes % 2 === 1) return HELLO_MALFORMED
    if (end - at <= cipherBytes) return HELLO_MALFORMED
    this.#ciphersStart = at
    at += cipherBytes
    this.#ciphersEnd = at

    const compressionEnd = at + 1 + bytes[at]!
    if (compressionEnd > end) return HELLO_MALFORMED
    if (!hasNullCompression(bytes, at + 1, compressionEnd)) return HELLO_MALFORMED

    // A hello may end here, in TLS 1.2 and before (RFC 5246 §7.4.1.2).
    if (compressionEnd === end) return OK
    const extensions = listStart(bytes, compressionEnd, end)
    return extensions < 0 ? HELLO_MALFORMED : this.#readExtensions(bytes, extensions, end)
  }

  #readExtensions(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end) {
      if (end - at < 4) return HELLO_MALFORMED
      const type = readUint16(bytes, at)
      const bodyStart = at + 4
      const bodyEnd = bodyStart + readUint16(bytes, at + 2)
      if (bodyEnd > end) return HELLO_MALFORMED
      if (this.#hasType(type)) return HELLO_MALFORMED
      if (this.#typeCount === EXTENSIONS_MAX) return HELLO_TOO_LARGE
      this.#types[this.#typeCount++] = type
      // RFC 8446 §4.2.11: its binders cover all that stands before them.
      if (type === PRE_SHARED_KEY && bodyEnd !== end) return HELLO_MALFORMED

      const result = this.#readExtension(type, bytes, bodyStart, bodyEnd)
      if (result !== OK) return result
      at = bodyEnd
    }
    return OK
  }

  #hasType(type: number): boolean {
    for (let i = 0; i < this.#typeCount; i++) if (this.#types[i] === type) return true
    return false
  }

  #readExtension(type: number, bytes: Uint8Array, start: number, end: number): number {
    switch (type) {
      case SERVER_NAME:
        return this.#readServerNames(bytes, start, end)
      case APPLICATION_LAYER_PROTOCOL_NEGOTIATION:
        return this.#readAlpn(bytes, start, end)
      case SESSION_TICKET:
        this.ticketName = readTicketName(bytes, start, end)
        return OK
      case PRE_SHARED_KEY:
        return this.#readPreSharedKeys(bytes, start, end)
      case SUPPORTED_GROUPS:
        this.#groups = readGroups(bytes, listStart(bytes, start, end), end, false)
        return this.#groups === -1 ? HELLO_MALFORMED : OK
      case SIGNATURE_ALGORITHMS:
        return this.#readSignatures(bytes, start, end)
      case KEY_SHARE:
        this.#shares = readGroups(bytes, listStart(bytes, start, end), end, true)
        return this.#shares === -1 ? HELLO_MALFORMED : OK
      case SUPPORTED_VERSIONS:
        return this.#readVersions(bytes, start, end)
      default:
        // Also GREASE (RFC 8701): values nobody knows, sent to see that nobody minds.
        return OK
    }
  }

  /** RFC 6066 §3: a list that can hold one name only, as there is one type of name. */
  #readServerNames(bytes: Uint8Array, start: number, end: number): number {
    const at = listStart(bytes, start, end)
    if (at < 0 || end - at < 3 || bytes[at] !== NAME_TYPE_HOST_NAME) return HELLO_MALFORMED
    const name = listStart(bytes, at + 1, end)
    if (name < 0) return HELLO_MALFORMED
    const serverName = readServerName(bytes, name, end)
    if (serverName === null) return BAD_SNI
    this.serverName = serverName
    return OK
  }

  /** RFC 7301 §3.1. */
  #readAlpn(bytes: Uint8Array, start: number, end: number): number {
    let at = listStart(bytes, start, end)
    if (at < 0 || at === end) return HELLO_MALFORMED
    const names: string[] = []
    while (at < end) {
      const nameEnd = at + 1 + bytes[at]!
      if (nameEnd === at + 1 || nameEnd > end) return HELLO_MALFORMED
      if (names.length === ALPN_NAMES_MAX) return HELLO_TOO_LARGE
      names.push(readText(bytes, at + 1, nameEnd, 'latin1'))
      at = nameEnd
    }
    this.alpn = names
    return OK
  }

  /** RFC 8446 §4.2.3. */
  #readSignatures(bytes: Uint8Array, start: number, end: number): number {
    const at = listStart(bytes, start, end)
    if (at < 0 || (end - at) % 2 === 1) return HELLO_MALFORMED
    this.#signaturesStart = at
    this.#signaturesEnd = end
    return OK
  }

  /** RFC 8446 §4.2.1: if it is there, it decides, and the legacy version says nothing. */
  #readVersions(bytes: Uint8Array, start: number, end: number): number {
    const versionBytes = end - start - 1
    if (versionBytes < 2 || versionBytes % 2 === 1) return HELLO_MALFORMED
    if (bytes[start] !== versionBytes) return HELLO_MALFORMED
    this.supportsTls12 = false
    this.#version = 0
    for (let at = start + 1; at < end; at += 2) {
      const version = readUint16(bytes, at)
      if (version > this.#version && !isGrease(version)) this.#version = version
      if (version === TLS_1_3) this.supportsTls13 = true
      else if (version === TLS_1_2) this.supportsTls12 = true
    }
    return OK
  }

  /** RFC 8446 §4.2.11: a list of identities, and a list with one binder for each. */
  #readPreSharedKeys(bytes: Uint8Array, start: number, end: number): number {
    if (end - start < 2) return HELLO_MALFORMED
    const identities = start + 2
    const identitiesEnd = identities + readUint16(bytes, start)
    if (identitiesEnd === identities || identitiesEnd > end) return HELLO_MALFORMED
    let identityCount = 0
    for (let at = identities; at < identitiesEnd; identityCount++) {
      if (identitiesEnd - at < 2) return HELLO_MALFORMED
      const identityEnd = at + 2 + readUint16(bytes, at)
      if (identityEnd === at + 2) return HELLO_MALFORMED
      // Behind each identity stands the age of its ticket, four bytes.
      at = identityEnd + 4
      if (at > identitiesEnd) return HELLO_MALFORMED
    }
    if (!areBinders(bytes, identitiesEnd, end, identityCount)) return HELLO_MALFORMED

    const firstEnd = identities + 2 + readUint16(bytes, identities)
    this.ticketName = readTicketName(bytes, identities + 2, firstEnd)
    return OK
  }
}

/**
 * Opens a list that has its length in two bytes at `at` and has to fill the rest up to `end`.
 *
 * @returns the offset of its first byte, -1 if the length says something else
 */
function listStart(bytes: Uint8Array, at: number, end: number): number {
  const start = at + 2
  return start <= end && readUint16(bytes, at) === end - start ? start : -1
}

function areBinders(bytes: Uint8Array, start: number, end: number, count: number): boolean {
  let at = listStart(bytes, start, end)
  if (at < 0) return false
  let left = count
  while (at < end) {
    const binderBytes = bytes[at]!
    at += 1 + binderBytes
    if (binderBytes < BINDER_BYTES_MIN || at > end) return false
    left--
  }
  return left === 0
}

function hasNullCompression(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === 0) return true
  return false
}

/** @returns '' if there is less than a name: an empty ticket asks for a new one (RFC 5077 §3.2) */
function readTicketName(bytes: Uint8Array, start: number, end: number): string {
  return end - start < TICKET_NAME_BYTES
    ? ''
    : readText(bytes, start, start + TICKET_NAME_BYTES, 'hex')
}

function readText(
  bytes: Uint8Array,
  start: number,
  end: number,
  encoding: 'latin1' | 'hex',
): string {
  const length = end - start
  for (let i = 0; i < length; i++) scratch[i] = bytes[start + i]!
  return scratch.toString(encoding, 0, length)
}

function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
