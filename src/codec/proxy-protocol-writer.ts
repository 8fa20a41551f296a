/** Writes the PROXY protocol header, versions 1 and 2, for backends that want to know the client. */
import { ADDRESS_WORDS, formatAddress, isIpv4, parseAddress } from '../core/address.ts'

const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const VERSION_2_PROXY = 0x21
const VERSION_2_LOCAL = 0x20
const TCP_IPV4 = 0x11
const TCP_IPV6 = 0x21

const TLV_ALPN = 0x01
const TLV_AUTHORITY = 0x02
const TLV_SSL = 0x20
const TLV_SSL_VERSION = 0x21
const TLV_SSL_CIPHER = 0x23
/** The client came over TLS; it showed no certificate. */
const SSL_CLIENT = 0x01
/** `verify`: not zero, as no certificate was verified. */
const SSL_NOT_VERIFIED = 1

export interface ProxyAddresses {
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
}

/** What is known of the client's TLS, for version 2. */
export interface ProxyTls {
  readonly serverName: string
  readonly alpn: string
  /** `TLSv1.3`; '' for none. */
  readonly version: string
  readonly cipher: string
}

/** Version 1, section 2.1: one line of text. Addresses that cannot be read become UNKNOWN. */
export function writeV1(addresses: ProxyAddresses): Buffer {
  const pair = readPair(addresses)
  if (pair === null) return Buffer.from('PROXY UNKNOWN\r\n')
  const [source, destination] = pair
  const both = isIpv4(source) && isIpv4(destination)
  const text = (words: Int32Array): string =>
    both || !isIpv4(words) ? formatAddress(words) : `::ffff:${formatAddress(words)}`
  return Buffer.from(
    `PROXY ${both ? 'TCP4' : 'TCP6'} ${text(source)} ${text(destination)} ` +
      `${addresses.sourcePort} ${addresses.destinationPort}\r\n`,
  )
}

/** Version 2, section 2.2: binary, with what is known of the client's TLS behind the addresses. */
export function writeV2(addresses: ProxyAddresses, tls: ProxyTls | null): Buffer {
  const pair = readPair(addresses)
  const body =
    pair === null ? [] : [...addressBlock(pair, addresses), ...(tls === null ? [] : tlsTlvs(tls))]
  const bytes = Buffer.concat(body)
  const fixed = Buffer.alloc(4)
  fixed[0] = pair === null ? VERSION_2_LOCAL : VERSION_2_PROXY
  fixed[1] = pair === null ? 0 : isBothIpv4(pair) ? TCP_IPV4 : TCP_IPV6
  fixed.writeUInt16BE(bytes.length, 2)
  return Buffer.concat([V2_SIGNATURE, fixed, bytes])
}

type Pair = readonly [source: Int32Array, destination: Int32Array]

function readPair({ source, destination }: ProxyAddresses): Pair | null {
  const pair: Pair = [new Int32Array(ADDRESS_WORDS), new Int32Array(ADDRESS_WORDS)]
  return parseAddress(source, pair[0]) && parseAddress(destination, pair[1]) ? pair : null
}

/** Of two families IPv6 holds both: IPv4 addresses are mapped into it. */
function isBothIpv4([source, destination]: Pair): boolean {
  return isIpv4(source) && isIpv4(destination)
}

function addressBlock(pair: Pair, { sourcePort, destinationPort }: ProxyAddresses): Buffer[] {
  const first = isBothIpv4(pair) ? ADDRESS_WORDS - 1 : 0
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(sourcePort, 0)
  ports.writeUInt16BE(destinationPort, 2)
  return [
    ...pair.map(words => {
      const bytes = Buffer.alloc(4 * (ADDRESS_WORDS - first))
      for (let i = first; i < ADDRESS_WORDS; i++) bytes.writeInt32BE(words[i]!, 4 * (i - first))
      return bytes
    }),
    ports,
  ]
}

function tlsTlvs({ serverName, alpn, version, cipher }: ProxyTls): Buffer[] {
  const tlvs: Buffer[] = []
  if (alpn !== '') tlvs.push(tlv(TLV_ALPN, Buffer.from(alpn, 'latin1')))
  if (serverName !== '') tlvs.push(tlv(TLV_AUTHORITY, Buffer.from(serverName)))
  if (version !== '') {
    const head = Buffer.alloc(5)
    head[0] = SSL_CLIENT
    head.writeUInt32BE(SSL_NOT_VERIFIED, 1)
    const parts = [
      head,
      tlv(TLV_SSL_VERSION, Buffer.from(version)),
      tlv(TLV_SSL_CIPHER, Buffer.from(cipher)),
    ]
    tlvs.push(tlv(TLV_SSL, Buffer.concat(parts)))
  }
  return tlvs
}

function tlv(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(3)
  head[0] = type
  head.writeUInt16BE(value.length, 1)
  return Buffer.concat([head, value])
}
