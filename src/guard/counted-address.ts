/** What counts as one client: an address without the bits below `--ipv4-prefix` or `--ipv6-prefix`. */
import { ADDRESS_WORDS, isIpv4, maskAddress } from '../core/address.ts'

export interface CountedPrefixes {
  readonly ipv4Prefix: number
  readonly ipv6Prefix: number
}

export class CountedAddress {
  readonly #ipv4Bits: number
  readonly #ipv6Bits: number
  readonly #words = new Int32Array(ADDRESS_WORDS)

  constructor({ ipv4Prefix, ipv6Prefix }: CountedPrefixes) {
    this.#ipv4Bits = 96 + ipv4Prefix
    this.#ipv6Bits = ipv6Prefix
  }

  /** @returns a copy that holds until the next call */
  of(address: Int32Array): Int32Array {
    const words = this.#words
    for (let i = 0; i < ADDRESS_WORDS; i++) words[i] = address[i]!
    maskAddress(words, isIpv4(words) ? this.#ipv4Bits : this.#ipv6Bits)
    return words
  }
}
