/**
 * A set of address blocks that answers with the most specific block an address lies in.
 *
 * A binary trie in one Int32Array: a look-up takes at most one step per bit of the longest prefix,
 * however many blocks there are (`net.BlockList` walks them one by one).
 */
import { ADDRESS_WORDS, isIpv4, maskAddress, parseAddress } from './address.ts'

/** Per node: child for bit 0, child for bit 1, value. Node 0 is the root; 0 as a child is none. */
const NODE = 3
const VALUE = 2

/** What an IPv4 address begins with. */
const IPV4_BITS = 96
const IPV4 = Int32Array.of(0, 0, 0xffff, 0)

export interface Cidr {
  readonly words: Int32Array
  /** Of 128: an IPv4 prefix counts from bit 96. */
  readonly bits: number
}

/** @returns null if `text` is no address or block; host bits beyond the prefix are cleared */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/')
  const words = new Int32Array(ADDRESS_WORDS)
  if (!parseAddress(slash === -1 ? text : text.slice(0, slash), words)) return null
  const mapped = isIpv4(words) && !text.includes(':')
  let bits = 128
  if (slash !== -1) {
    const length = text.slice(slash + 1)
    if (!/^\d{1,3}$/.test(length) || Number(length) > (mapped ? 32 : 128)) return null
    bits = Number(length) + (mapped ? 96 : 0)
  }
  maskAddress(words, bits)
  return { words, bits }
}

export class CidrSet {
  #nodes = new Int32Array(64 * NODE)
  #count = 1
  /** Where the 96 bits that all IPv4 addresses begin with lead, and what was found on the way. */
  #ipv4Node = 0
  #ipv4Value = 0

  /** @param value above 0; of two values for one block the larger stays */
  add(cidr: Cidr, value: number): void {
    let node = 0
    for (let bit = 0; bit < cidr.bits; bit++) {
      const child = node * NODE + bitAt(cidr.words, bit)
      node = this.#nodes[child]!
      if (node === 0) {
        // Made first: it may move the array that the next line writes to.
        node = this.#newNode()
        this.#nodes[child] = node
      }
    }
    const at = node * NODE + VALUE
    this.#nodes[at] = Math.max(this.#nodes[at]!, value)
    this.#findIpv4Node()
  }

  /** @returns the value of the longest block that holds `address`, 0 if none does */
  find(address: Int32Array): number {
    const nodes = this.#nodes
    const ipv4 = isIpv4(address)
    let value = ipv4 ? this.#ipv4Value : nodes[VALUE]!
    let node = ipv4 ? this.#ipv4Node : 0
    if (node === 0 && ipv4) return value
    for (let bit = ipv4 ? IPV4_BITS : 0; bit < 128; bit++) {
      node = nodes[node * NODE + bitAt(address, bit)]!
      if (node === 0) break
      if (nodes[node * NODE + VALUE] !== 0) value = nodes[node * NODE + VALUE]!
    }
    return value
  }

  #findIpv4Node(): void {
    const nodes = this.#nodes
    let node = 0
    this.#ipv4Value = nodes[VALUE]!
    for (let bit = 0; bit < IPV4_BITS; bit++) {
      node = nodes[node * NODE + bitAt(IPV4, bit)]!
      if (node === 0) break
      if (nodes[node * NODE + VALUE] !== 0) this.#ipv4Value = nodes[node * NODE + VALUE]!
    }
    this.#ipv4Node = node
  }

  #newNode(): number {
    if ((this.#count + 1) * NODE > this.#nodes.length) {
      const larger = new Int32Array(this.#nodes.length * 2)
      larger.set(this.#nodes)
      this.#nodes = larger
    }
    return this.#count++
  }
}

function bitAt(words: Int32Array, bit: number): number {
  return (words[bit >> 5]! >>> (31 - (bit & 31))) & 1
}
