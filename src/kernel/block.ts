/**
 * A block of addresses as the kernel's sets hold it: of one family, with no bits beyond its prefix.
 *
 * Whatever reaches nft was made here from parsed numbers; the text that came in never does.
 */
import { ADDRESS_WORDS, formatAddress, isIpv4, maskAddress } from '../core/address.ts'
import { parseCidr } from '../core/cidr-set.ts'

/** Wider ones would shut out a part of the internet by a slip: weir refuses those by itself. */
const BITS_MIN = { 4: 8, 6: 16 } as const
const MAPPED_BITS = 96

export interface Block {
  readonly family: 4 | 6
  /** Of 32 or of 128. */
  readonly bits: number
  readonly address: string
  /** `address/bits`: the one way to write this block. */
  readonly text: string
}

/** @param text an address or a CIDR; @returns null if it is neither, or too wide a one */
export function parseBlock(text: string): Block | null {
  // A zone names an interface of this host.
  if (text.includes('%')) return null
  const cidr = parseCidr(text)
  if (cidr === null) return null
  const family = isIpv4(cidr.words) ? 4 : 6
  const bits = family === 4 ? cidr.bits - MAPPED_BITS : cidr.bits
  if (bits < BITS_MIN[family]) return null
  const address = formatAddress(cidr.words)
  return { family, bits, address, text: `${address}/${bits}` }
}

/** The mask of a prefix, in the notation of its family. */
export function maskOf({ family, bits }: Block): string {
  const words = new Int32Array(ADDRESS_WORDS).fill(-1)
  maskAddress(words, family === 4 ? bits + MAPPED_BITS : bits)
  if (family === 4) words.set([0, 0, 0xffff])
  return formatAddress(words)
}
