/** Addresses that are never banned: those the operator named, and the proxies that speak for others. */
import { addressBits, type CountedPrefixes, isIpv4, maskAddress } from '../core/address.ts'
import { CidrSet, parseCidr } from '../core/cidr-set.ts'

export class ExemptAddresses {
  readonly #prefixes: CountedPrefixes
  readonly #all = new CidrSet()
  /** Apart: the network of `::1` is that in which all IPv4 addresses lie. */
  readonly #ipv6 = new CidrSet()

  /** @param blocks CIDRs */
  constructor(blocks: readonly string[], prefixes: CountedPrefixes) {
    this.#prefixes = prefixes
    for (const block of blocks) this.#add(block)
  }

  /** @param address four words, masked or whole */
  has(address: Int32Array): boolean {
    return (isIpv4(address) ? this.#all : this.#ipv6).find(address) !== 0
  }

  /** One that is a part of what is counted as one client exempts all of that. */
  #add(block: string): void {
    const cidr = parseCidr(block)
    if (cidr === null) return
    const bits = Math.min(cidr.bits, addressBits(cidr.words, this.#prefixes))
    const words = Int32Array.from(cidr.words)
    maskAddress(words, bits)
    if (isIpv4(words)) return this.#all.add({ words, bits }, 1)
    this.#ipv6.add({ words, bits }, 1)
    // IPv4 is in it only if the operator wrote so: `::/0`.
    this.#all.add(cidr, 1)
  }
}
