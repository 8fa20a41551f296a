/**
 * HalfSipHash-1-3 (Aumasson and Bernstein, 32-bit words) over the four words of an address.
 *
 * The hash is keyed: a client that could compute it could choose addresses that share a set of the
 * address table and push each other out. The Linux kernel uses the same function for its tables.
 */
import { randomFillSync } from 'node:crypto'

export interface HashKey {
  readonly k0: number
  readonly k1: number
}

/** A key nobody outside knows; one per process. */
export function randomHashKey(): HashKey {
  const words = randomFillSync(new Int32Array(2))
  return { k0: words[0]!, k1: words[1]! }
}

/** Writes 64 bits of hash of `words[0..3]` into `out[0..1]`. */
export function hashAddress(words: Int32Array, key: HashKey, out: Int32Array): void {
  let v0 = key.k0
  // The constant says that 64 bits are wanted.
  let v1 = key.k1 ^ 0xee
  let v2 = 0x6c796765 ^ key.k0
  let v3 = 0x74656462 ^ key.k1

  // Rounds 0 to 3 take the four words, 4 takes the length (16 bytes), 5 to 7 finish the first
  // half and 8 to 10 the second.
  for (let i = 0; i < 11; i++) {
    const word = i < 4 ? words[i]! : i === 4 ? 16 << 24 : 0
    if (i < 5) v3 ^= word
    else if (i === 5) v2 ^= 0xee
    else if (i === 8) {
      out[0] = v1 ^ v3
      v1 ^= 0xdd
    }
    v0 = (v0 + v1) | 0
    v1 = (v1 << 5) | (v1 >>> 27)
    v1 ^= v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = (v3 << 8) | (v3 >>> 24)
    v3 ^= v2
    v0 = (v0 + v3) | 0
    v3 = (v3 << 7) | (v3 >>> 25)
    v3 ^= v0
    v2 = (v2 + v1) | 0
    v1 = (v1 << 13) | (v1 >>> 19)
    v1 ^= v2
    v2 = (v2 << 16) | (v2 >>> 16)
    if (i < 5) v0 ^= word
  }
  out[1] = v1 ^ v3
}

/** A word for an address, for balancers that keep clients together; nobody gains by a collision. */
export function hashSource(words: Int32Array): number {
  let hash = 0
  for (let i = 0; i < 4; i++) hash = mix(hash ^ words[i]!)
  return hash
}

/** FNV-1a of a name, for places where nobody gains by a collision (backends on the hash ring). */
export function hashName(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/** Spreads every input bit over the whole word (the finaliser of MurmurHash3). */
export function mix(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
