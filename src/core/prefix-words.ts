/**
 * Words under which a network is counted in the table of addresses: of `100::/8`, from which no client comes
 * (RFC 6666). Identities and fingerprints have the first word as it is, networks and addresses on routes say in its low bits what they are.
 */
import { formatAddress, isIpv4, maskAddress } from './address.ts'

export const NO_ADDRESS = 0x0100_0000

const KIND = 0xff
const IPV4 = 4
const IPV6 = 6
const ROUTE = 7

/**
 * Makes `words`, an address, those of its network.
 *
 * @param bits of the network: of 32 for IPv4, up to 96 for IPv6, for which three words are left
 */
export function toPrefixWords(words: Int32Array, bits: number): void {
  if (isIpv4(words)) {
    maskAddress(words, 96 + bits)
    words[0] = NO_ADDRESS | (bits << 8) | IPV4
    words[2] = 0
    return
  }
  maskAddress(words, bits)
  words[3] = words[2]!
  words[2] = words[1]!
  words[1] = words[0]!
  words[0] = NO_ADDRESS | (bits << 8) | IPV6
}

/**
 * Makes `words` those of an address on a route. Of the address there is only room for a hash, which has to be a keyed one.
 *
 * @param route its number
 */
export function setRouteWords(words: Int32Array, route: number, hash: Int32Array): void {
  words[0] = NO_ADDRESS | ROUTE
  words[1] = route
  words[2] = hash[0]!
  words[3] = hash[1]!
}

/** @param first of the words */
export function isRouteWord(first: number): boolean {
  return first === (NO_ADDRESS | ROUTE)
}

/** Whom a slot of the table is of, for logs: an address, a network as CIDR, or '' for what is neither. */
export function formatCounted(words: Int32Array): string {
  const [first, second, third, fourth] = words as unknown as [number, number, number, number]
  if (first >>> 24 !== NO_ADDRESS >>> 24) return formatAddress(words)
  const bits = (first >>> 8) & KIND
  const kind = first & KIND
  if (kind === IPV4) return `${formatAddress(Int32Array.of(0, 0, 0xffff, fourth))}/${bits}`
  if (kind === IPV6) return `${formatAddress(Int32Array.of(second, third, fourth, 0))}/${bits}`
  return ''
}
