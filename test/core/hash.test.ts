import fc from 'fast-check'
import { test } from 'tap'
import { type HashKey, hashAddress, hashName, mix, randomHashKey } from '../../src/core/hash.ts'
import { HASH_KEY, numbered } from '../support/memory.ts'

/** HalfSipHash-c-d as its authors describe it, byte by byte, on unsigned words. */
function halfSipHash(
  message: Uint8Array,
  { k0, k1 }: HashKey,
  { c, d, bytes }: { readonly c: number; readonly d: number; readonly bytes: 4 | 8 },
): number[] {
  const v = Uint32Array.of(k0, k1, 0x6c796765 ^ k0, 0x74656462 ^ k1)
  const rotate = (i: number, by: number) => {
    v[i] = (v[i]! << by) | (v[i]! >>> (32 - by))
  }
  const half = (a: number, b: number, by: number) => {
    v[a]! += v[b]!
    rotate(b, by)
    v[b]! ^= v[a]!
  }
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      half(0, 1, 5)
      rotate(0, 16)
      half(2, 3, 8)
      half(0, 3, 7)
      half(2, 1, 13)
      rotate(2, 16)
    }
  }
  const absorb = (word: number) => {
    v[3]! ^= word
    rounds(c)
    v[0]! ^= word
  }
  if (bytes === 8) v[1]! ^= 0xee
  const padded = new Uint8Array(message.length - (message.length % 4) + 4)
  padded.set(message)
  padded[padded.length - 1] = message.length
  const view = new DataView(padded.buffer)
  for (let at = 0; at < padded.length; at += 4) absorb(view.getUint32(at, true))
  v[2]! ^= bytes === 8 ? 0xee : 0xff
  rounds(d)
  const first = (v[1]! ^ v[3]!) >>> 0
  if (bytes === 4) return [first]
  v[1]! ^= 0xdd
  rounds(d)
  return [first, (v[1]! ^ v[3]!) >>> 0]
}

test('the reference in this file gives the published vectors', async t => {
  const none = new Uint8Array(0)
  // Key 00 01 02 03 04 05 06 07, empty message: the authors' vectors_hsip32 and vectors_hsip64,
  // and the first of the Linux kernel's for rounds 1 and 3.
  t.strictSame(halfSipHash(none, HASH_KEY, { c: 2, d: 4, bytes: 4 }), [0x5b9f35a9])
  t.strictSame(halfSipHash(none, HASH_KEY, { c: 2, d: 4, bytes: 8 }), [0x591f8d21, 0xc83cb8b9])
  t.strictSame(halfSipHash(none, HASH_KEY, { c: 1, d: 3, bytes: 4 }), [0x5814c896])
})

test('property: hashes an address as HalfSipHash-1-3 with 64 bits does', async () => {
  const word = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
  const out = new Int32Array(2)
  fc.assert(
    fc.property(word, word, fc.tuple(word, word, word, word), (k0, k1, four) => {
      const words = Int32Array.from(four)
      hashAddress(words, { k0, k1 }, out)
      const expected = halfSipHash(
        new Uint8Array(words.buffer),
        { k0, k1 },
        { c: 1, d: 3, bytes: 8 },
      )
      return out[0]! >>> 0 === expected[0] && out[1]! >>> 0 === expected[1]
    }),
  )
})

test('neighbouring addresses spread evenly, in both halves', async t => {
  const sets = 256
  const each = 100
  const counts = [new Int32Array(sets), new Int32Array(sets)]
  const out = new Int32Array(2)
  for (let n = 0; n < sets * each; n++) {
    hashAddress(numbered(n), HASH_KEY, out)
    for (const half of [0, 1]) counts[half]![(out[half]! >>> 0) % sets]!++
  }
  for (const [half, count] of counts.entries()) {
    const chi = count.reduce((sum, n) => sum + (n - each) ** 2 / each, 0)
    // 255 degrees of freedom: mean 255, standard deviation 22.6
    t.ok(Math.abs(chi - 255) < 5 * 22.6, `half ${half}: chi-square ${chi}`)
  }
})

test('two random keys differ, and so do the hashes under them', async t => {
  const [a, b] = [randomHashKey(), randomHashKey()]
  t.notSame(a, b)
  const [outA, outB] = [new Int32Array(2), new Int32Array(2)]
  hashAddress(numbered(1), a, outA)
  hashAddress(numbered(1), b, outB)
  t.notSame([...outA], [...outB])
})

test('one changed bit changes about half of what mix() gives', async t => {
  let changed = 0
  for (let bit = 0; bit < 32; bit++) {
    for (let n = 0; n < 64; n++) changed += ones(mix(n * 977) ^ mix((n * 977) ^ (1 << bit)))
  }
  const mean = changed / (32 * 64)
  t.ok(mean > 15 && mean < 17, `${mean} of 32 bits`)
})

test('names that differ in one letter have different hashes', async t => {
  const names = Array.from({ length: 1000 }, (_, i) => `10.0.0.1:${i}`)
  t.equal(new Set(names.map(hashName)).size, names.length)
  t.equal(hashName('a'), hashName('a'))
})

function ones(word: number): number {
  return (word >>> 0).toString(2).replaceAll('0', '').length
}
