/**
 * IP addresses between text and network byte order, always as 16 bytes.
 *
 * An IPv4 address is held as the IPv4-mapped IPv6 address it is on a dual-stack socket (RFC 4291
 * §2.5.5.2), and a mapped one is written as plain IPv4: one client has one spelling, whichever
 * socket or header it came through.
 */
import { isIPv4, isIPv6 } from 'node:net'

export const ADDRESS_BYTES = 16
/** Where the IPv4 address begins in a mapped one. */
export const IPV4_AT = 12

const GROUPS = 8
const MAPPED_GROUP = 5

/**
 * @param text an address as sockets have it; a zone (`fe80::1%eth0`) is left off
 * @returns undefined if it is no address
 */
export function addressBytes(text: string): Buffer | undefined {
  if (isIPv4(text)) {
    const bytes = Buffer.alloc(ADDRESS_BYTES)
    bytes.writeUInt16BE(0xffff, 2 * MAPPED_GROUP)
    writeIpv4(text, bytes)
    return bytes
  }
  return isIPv6(text) ? ipv6Bytes(text) : undefined
}

export function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 2 * MAPPED_GROUP; i++) if (bytes[i] !== 0) return false
  return bytes[2 * MAPPED_GROUP] === 0xff && bytes[2 * MAPPED_GROUP + 1] === 0xff
}

/** The address in 16 `bytes`, in its one canonical form: IPv4 if mapped, or else RFC 5952. */
export function addressText(bytes: Uint8Array): string {
  return isMapped(bytes) ? ipv4Text(bytes, IPV4_AT) : ipv6Text(bytes)
}

export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`
}

/** RFC 5952 §4: lower case, no leading zeros, `::` for the first longest run of two or more. */
export function ipv6Text(bytes: Uint8Array): string {
  const groups: number[] = []
  for (let i = 0; i < GROUPS; i++) groups.push((bytes[2 * i]! << 8) | bytes[2 * i + 1]!)

  let runStart = 0
  let runLength = 1
  for (let i = 0; i < GROUPS; i++) {
    let end = i
    while (end < GROUPS && groups[end] === 0) end++
    if (end - i > runLength) {
      runStart = i
      runLength = end - i
    }
  }
  if (runLength === 1) return groups.map(toHex).join(':')
  const before = groups.slice(0, runStart).map(toHex).join(':')
  const after = groups.slice(runStart + runLength).map(toHex).join(':')
  return `${before}::${after}`
}

function toHex(group: number): string {
  return group.toString(16)
}

/** @param text what `isIPv6` takes, so that nothing needs to be checked again */
function ipv6Bytes(text: string): Buffer {
  const bytes = Buffer.alloc(ADDRESS_BYTES)
  const zone = text.indexOf('%')
  let address = zone < 0 ? text : text.slice(0, zone)

  const dotted = address.indexOf('.')
  if (dotted > 0) {
    const last = address.lastIndexOf(':') + 1
    writeIpv4(address.slice(last), bytes)
    // Two groups hold its place; those bytes are not written again.
    address = `${address.slice(0, last)}0:0`
  }
  const gap = address.indexOf('::')
  const before = (gap < 0 ? address : address.slice(0, gap)).split(':')
  const after = gap < 0 ? [] : address.slice(gap + 2).split(':')
  writeGroups(bytes, 0, before, dotted > 0)
  writeGroups(bytes, GROUPS - after.length, after, dotted > 0)
  return bytes
}

/** @param isDotted whether the last four bytes are those of an IPv4 address already there */
function writeGroups(
  bytes: Buffer,
  first: number,
  groups: readonly string[],
  isDotted: boolean,
): void {
  const end = isDotted ? GROUPS - 2 : GROUPS
  for (let i = 0; i < groups.length && first + i < end; i++) {
    if (groups[i] !== '') bytes.writeUInt16BE(Number.parseInt(groups[i]!, 16), 2 * (first + i))
  }
}

function writeIpv4(text: string, bytes: Buffer): void {
  const parts = text.split('.')
  for (let i = 0; i < parts.length; i++) bytes[IPV4_AT + i] = Number(parts[i])
}
