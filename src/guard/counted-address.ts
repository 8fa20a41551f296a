/** What counts as one client: an address without the bits below `--ipv4-prefix` or `--ipv6-prefix`. */
import { ADDRESS_WORDS, addressBits, type CountedPrefixes, maskAddress } from '../core/address.ts'

export class CountedAddress {
  readonly #prefixes: CountedPrefixes
  readonly #words = new Int32Array(ADDRESS_WORDS)

  constructor(prefixes: CountedPrefixes) {
    this.#prefixes = prefixes
  }

  /** @returns a copy that holds until the next call */
  of(address: Int32Array): Int32Array {
    const words = this.#words
    for (let i = 0; i < ADDRESS_WORDS; i++) words[i] = address[i]!
    maskAddress(words, addressBits(words, this.#prefixes))
    return words
  }
}
