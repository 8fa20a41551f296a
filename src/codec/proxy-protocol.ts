/**
 * Reads the PROXY protocol header, versions 1 and 2, with which a proxy in front of weir says who the
 * client is (haproxy.org, proxy-protocol.txt).
 *
 * Strict: it is read only from peers the operator named, so anything odd is a wrong peer or an attack.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { ADDRESS_WORDS, formatAddress } from '../core/address.ts'
import { crc32c } from './crc32c.ts'

export const NEED_MORE = -1
export const MALFORMED = -2

/** Section 2.1: the longest line of version 1, CRLF included. */
const V1_BYTES_MAX = 107
const V1_START = Buffer.from('PROXY ')
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V2_FIXED_BYTES = 16
/** Addresses and all TLVs; a chain of certificates is never sent, so this is ample. */
const V2_BODY_BYTES_MAX = 4096

const COMMAND_LOCAL = 0
const COMMAND_PROXY = 1
const TCP_IPV4 = 0x11
const TCP_IPV6 = 0x21
/** Bytes of two addresses and two ports, by address family. */
const ADDRESSES_BYTES: Readonly<Record<number, number>> = { 0: 0, 1: 12, 2: 36, 3: 216 }

const TLV_ALPN = 0x01
const TLV_AUTHORITY = 0x02
const TLV_CRC32C = 0x03
const TLV_UNIQUE_ID = 0x05
const UNIQUE_ID_BYTES_MAX = 128

/** One header; its fields hold once {@link parse} gave the length. */
export class ProxyHeader {
  /** The proxy speaks for itself (a health check), or does not know: the real peer is the client. */
  local = true
  source = ''
  sourcePort = 0
  destination = ''
  destinationPort = 0

  /**
   * @param end one past the last byte received
   * @returns the header's length in bytes, NEED_MORE or MALFORMED (both negative)
   */
  parse(bytes: Buffer, end: number): number {
    this.local = true
    if (startsLike(bytes, end, V2_SIGNATURE)) return this.#parseV2(bytes, end)
    if (startsLike(bytes, end, V1_START)) return this.#parseV1(bytes, end)
    return MALFORMED
  }

  #parseV1(bytes: Buffer, end: number): number {
    const limit = Math.min(end, V1_BYTES_MAX)
    const lineEnd = bytes.subarray(0, limit).indexOf(0x0d)
    if (lineEnd === -1) return end >= V1_BYTES_MAX ? MALFORMED : NEED_MORE
    if (lineEnd + 1 >= limit) return end >= V1_BYTES_MAX ? MALFORMED : NEED_MORE
    if (bytes[lineEnd + 1] !== 0x0a) return MALFORMED
    const words = bytes.toString('latin1', V1_START.length, lineEnd).split(' ')
    const length = lineEnd + 2
    // Section 2.1: what follows UNKNOWN is to be ignored.
    if (words[0] === 'UNKNOWN') return length
    const [protocol, source = '', destination = '', sourcePort = '', destinationPort = ''] = words
    const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isIPv6 : never
    if (words.length !== 5 || !isAddress(source) || !isAddress(destination)) return MALFORMED
    // A zone names an interface of the proxy's host, and means nothing here.
    if (source.includes('%') || destination.includes('%')) return MALFORMED
    this.sourcePort = readPort(sourcePort)
    this.destinationPort = readPort(destinationPort)
    if (this.sourcePort === -1 || this.destinationPort === -1) return MALFORMED
    this.source = source
    this.destination = destination
    this.local = false
    return length
  }

  #parseV2(bytes: Buffer, end: number): number {
    if (end < V2_FIXED_BYTES) {
      return end > 12 && bytes[12]! >> 4 !== 2 ? MALFORMED : NEED_MORE
    }
    const command = bytes[12]! & 15
    const family = bytes[13]!
    const bodyBytes = bytes.readUInt16BE(14)
    if (bytes[12]! >> 4 !== 2 || command > COMMAND_PROXY) return MALFORMED
    if (bodyBytes > V2_BODY_BYTES_MAX) return MALFORMED
    const length = V2_FIXED_BYTES + bodyBytes
    // Family and addresses of a LOCAL header are to be ignored, whatever they are (section 2.2).
    if (command === COMMAND_LOCAL) return end < length ? NEED_MORE : length
    const addressBytes = ADDRESSES_BYTES[family >> 4]
    if (addressBytes === undefined || (family & 15) > 2) return MALFORMED
    if (end < length) return NEED_MORE
    if (bodyBytes < addressBytes) return MALFORMED
    if (!areTlvs(bytes, V2_FIXED_BYTES + addressBytes, length)) return MALFORMED
    if (family === TCP_IPV4 || family === TCP_IPV6) this.#readAddresses(bytes, family === TCP_IPV4)
    return length
  }

  #readAddresses(bytes: Buffer, isV4: boolean): void {
    const size = isV4 ? 4 : 16
    const at = V2_FIXED_BYTES
    this.source = readAddress(bytes, at, isV4)
    this.destination = readAddress(bytes, at + size, isV4)
    this.sourcePort = bytes.readUInt16BE(at + 2 * size)
    this.destinationPort = bytes.readUInt16BE(at + 2 * size + 2)
    this.local = false
  }
}

/** Whether the bytes so far could begin with `start`, or do. */
function startsLike(bytes: Buffer, end: number, start: Buffer): boolean {
  const length = Math.min(end, start.length)
  for (let i = 0; i < length; i++) if (bytes[i] !== start[i]) return false
  return true
}

/** Decimal without leading zeros. @returns -1 if it is no port */
function readPort(text: string): number {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text)) return -1
  const port = Number(text)
  return port <= 65_535 ? port : -1
}

function readAddress(bytes: Buffer, at: number, isV4: boolean): string {
  const words = new Int32Array(ADDRESS_WORDS)
  if (isV4) {
    words[2] = 0xffff
    words[3] = bytes.readInt32BE(at)
  } else {
    for (let i = 0; i < ADDRESS_WORDS; i++) words[i] = bytes.readInt32BE(at + 4 * i)
  }
  return formatAddress(words)
}

/** Section 2.2: each a type, a length and a value, up to the end to the byte. */
function areTlvs(bytes: Buffer, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    if (end - at < 3) return false
    const type = bytes[at]!
    const valueBytes = bytes.readUInt16BE(at + 1)
    const value = at + 3
    at = value + valueBytes
    if (at > end) return false
    if ((type === TLV_ALPN || type === TLV_AUTHORITY) && valueBytes === 0) return false
    if (type === TLV_UNIQUE_ID && valueBytes > UNIQUE_ID_BYTES_MAX) return false
    if (type === TLV_CRC32C && (valueBytes !== 4 || !isChecksumRight(bytes, value, end)))
      return false
  }
  return true
}

/** Section 2.2.3: over the whole header, with the checksum itself taken as zero. */
function isChecksumRight(bytes: Buffer, at: number, end: number): boolean {
  const header = Buffer.from(bytes.subarray(0, end))
  header.writeUInt32BE(0, at)
  return crc32c(header, 0, end) === bytes.readUInt32BE(at)
}

function never(): boolean {
  return false
}
