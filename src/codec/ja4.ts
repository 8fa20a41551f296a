/**
 * JA4, the fingerprint of a TLS client by its ClientHello (FoxIO, technical_details/JA4.md; this part of it
 * is under the BSD licence).
 *
 * It names the software, not who runs it: all copies of one browser have the same. It lies open in each
 * hello and can be imitated, so it is good for limits and for telling clients apart, never as a credential.
 */
import { hash } from 'node:crypto'

/** What it is made of: places in the bytes of one hello that was parsed. */
export interface HelloLists {
  readonly bytes: Uint8Array
  /** Of the cipher suites. */
  readonly ciphersStart: number
  readonly ciphersEnd: number
  /** Types of the extensions as they came; the first `typeCount` of them. */
  readonly types: Uint16Array
  readonly typeCount: number
  /** Of the signature algorithms; both 0 if the client sent none. */
  readonly signaturesStart: number
  readonly signaturesEnd: number
  /** The highest that the client offers, GREASE left out. */
  readonly version: number
  /** The first protocol of ALPN, as latin1; '' for none. */
  readonly protocol: string
}

const SERVER_NAME = 0x0000
const APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 0x0010

const COUNT_MAX = 99
const HASH_DIGITS = 12
/** In place of the hash of nothing. */
const EMPTY = '0'.repeat(HASH_DIGITS)

const versions: ReadonlyMap<number, string> = new Map([
  [0x0304, '13'],
  [0x0303, '12'],
  [0x0302, '11'],
  [0x0301, '10'],
  [0x0300, 's3'],
  [0x0002, 's2'],
])

const hexDigits = '0123456789abcdef'
/** Two digits by byte. */
const hex = Array.from({ length: 256 }, (_, byte) => hexDigits[byte >> 4]! + hexDigits[byte & 15]!)

/** @returns 36 characters: `t13d1516h2_8daaf6152771_e5627efa2ab1` */
export function ja4(hello: HelloLists): string {
  const { bytes, types, typeCount, protocol } = hello
  const ciphers = listed(bytes, hello.ciphersStart, hello.ciphersEnd)
  const signatures = listed(bytes, hello.signaturesStart, hello.signaturesEnd)
  const extensions: number[] = []
  let extensionCount = 0
  let namesServer = false
  for (let i = 0; i < typeCount; i++) {
    const type = types[i]!
    if (isGrease(type)) continue
    extensionCount++
    if (type === SERVER_NAME) namesServer = true
    // Whether it goes to a name or an address, and with which protocol, shall not change the last part.
    else if (type !== APPLICATION_LAYER_PROTOCOL_NEGOTIATION) extensions.push(type)
  }

  // TLS over TCP: weir takes no QUIC.
  let out = `t${versions.get(hello.version) ?? '00'}${namesServer ? 'd' : 'i'}`
  out += count(ciphers.length) + count(extensionCount) + ends(protocol)
  // Sorted: some clients shuffle them for each connection.
  const second = text(ciphers.toSorted(ascending))
  let third = text(extensions.toSorted(ascending))
  if (signatures.length > 0) third += `_${text(signatures)}`
  return `${out}_${digest(second)}_${digest(third)}`
}

/** RFC 8701: values nobody knows, another one for each connection. */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)
}

function listed(bytes: Uint8Array, start: number, end: number): number[] {
  const values: number[] = []
  for (let at = start; at < end; at += 2) {
    const value = (bytes[at]! << 8) | bytes[at + 1]!
    if (!isGrease(value)) values.push(value)
  }
  return values
}

function ascending(one: number, other: number): number {
  return one - other
}

function text(values: readonly number[]): string {
  let out = ''
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (i > 0) out += ','
    out += hex[value >> 8]! + hex[value & 0xff]!
  }
  return out
}

function count(n: number): string {
  const capped = Math.min(n, COUNT_MAX)
  return capped < 10 ? `0${capped}` : String(capped)
}

/** First and last character of a protocol; of its bytes in hex where one of them is no letter or digit. */
function ends(protocol: string): string {
  if (protocol === '') return '00'
  const first = protocol.charCodeAt(0)
  const last = protocol.charCodeAt(protocol.length - 1)
  if (isAlphanumeric(first) && isAlphanumeric(last)) return String.fromCharCode(first, last)
  return hexDigits[first >> 4]! + hexDigits[last & 15]!
}

function isAlphanumeric(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a)
  )
}

function digest(list: string): string {
  return list === '' ? EMPTY : hash('sha256', list, 'hex').slice(0, HASH_DIGITS)
}
