import { test } from 'tap'
import { hashAddress, hashName, mix } from '../../src/core/hash.ts'

/** HalfSipHash-1-3 with a 64-bit result, straight from the paper, over unsigned 32-bit numbers. */
function reference(words: readonly number[], k0: number, k1: number): [number, number] {
  const rotate = (x: number, n: number) => ((x << n) | (x >>> (32 - n))) >>> 0
  let [v0, v1, v2, v3] = [k0, k1 ^ 0xee, 0x6c796765 ^ k0, 0x74656462 ^ k1].map(v => v >>> 0) as [
    number,
    number,
    number,
    number,
  ]
  const round = () => {
    v0 = (v0 + v1) >>> 0
    v1 = rotate(v1, 5)
    v1 = (v1 ^ v0) >>> 0
    v0 = rotate(v0, 16)
    v2 = (v2 + v3) >>> 0
    v3 = rotate(v3, 8)
    v3 = (v3 ^ v2) >>> 0
    v0 = (v0 + v3) >>> 0
    v3 = rotate(v3, 7)
    v3 = (v3 ^ v0) >>> 0
    v2 = (v2 + v1) >>> 0
    v1 = rotate(v1, 13)
    v1 = (v1 ^ v2) >>> 0
    v2 = rotate(v2, 16)
  }
  for (const word of [...words, 16 << 24]) {
    v3 = (v3 ^ word) >>> 0
    round()
    v0 = (v0 ^ word) >>> 0
  }
  v2 = (v2 ^ 0xee) >>> 0
  for (let i = 0; i < 3; i++) round()
  const low = (v1 ^ v3) | 0
  v1 = (v1 ^ 0xdd) >>> 0
  for (let i = 0; i < 3; i++) round()
  return [low, (v1 ^ v3) | 0]
}

test('is HalfSipHash-1-3', async t => {
  for (let i = 0; i < 200; i++) {
    const words = [mix(i), mix(i + 1000), mix(i + 2000), mix(i + 3000)]
    const key = { k0: mix(i + 4000), k1: mix(i + 5000) }
    const out = new Int32Array(2)
    hashAddress(Int32Array.from(words), key, out)
    t.strictSame([...out], reference(words, key.k0, key.k1))
  }
})

test('another key puts addresses elsewhere', async t => {
  const words = Int32Array.of(0, 0, 0xffff, 1)
  const [a, b] = [new Int32Array(2), new Int32Array(2)]
  hashAddress(words, { k0: 1, k1: 2 }, a)
  hashAddress(words, { k0: 1, k1: 3 }, b)
  t.notSame(a, b)
})

test('names hash apart', async t => {
  const names = Array.from({ length: 1000 }, (_, i) => `10.0.0.${i}:80`)
  t.equal(new Set(names.map(hashName)).size, names.length)
})
