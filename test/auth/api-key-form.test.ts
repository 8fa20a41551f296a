import { test } from 'tap'
import {
  DAMAGED,
  FOREIGN,
  formOf,
  hashKey,
  KEY_LENGTH,
  makeKey,
  WHOLE,
} from '../../src/auth/api-key-form.ts'

test('a key is made of all of its random bits, and is whole', async t => {
  const zeros = makeKey(new Uint8Array(32))
  const ones = makeKey(new Uint8Array(32).fill(255))
  t.match(zeros, /^weir_0{43}[0-9A-Za-z]{6}$/)
  // 2^256 - 1 in digits of 62
  t.match(ones, /^weir_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$/)
  for (const key of [zeros, ones, makeKey(), makeKey()]) {
    t.equal(key.length, KEY_LENGTH)
    t.equal(formOf(key), WHOLE, key)
  }
  let value = 0n
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  for (const digit of ones.slice(5, 48)) value = value * 62n + BigInt(digits.indexOf(digit))
  t.equal(value, 2n ** 256n - 1n)
  t.not(makeKey(), makeKey())
})

test('one character more, less or other is seen without a look at the keys', async t => {
  const key = makeKey()
  for (let i = 5; i < KEY_LENGTH; i++) {
    const other = key[i] === 'a' ? 'b' : 'a'
    t.equal(formOf(key.slice(0, i) + other + key.slice(i + 1)), DAMAGED, `${i} changed`)
    t.equal(formOf(key.slice(0, i) + key.slice(i + 1)), DAMAGED, `${i} left out`)
    t.equal(formOf(`${key.slice(0, i)}-${key.slice(i + 1)}`), DAMAGED, `${i} is no digit`)
    t.equal(formOf(`${key.slice(0, i)}ā${key.slice(i + 1)}`), DAMAGED, `${i} is not ASCII`)
  }
  t.equal(formOf(`${key}0`), DAMAGED)
  t.equal(formOf('weir_'), DAMAGED)
})

test('what does not begin as ours is foreign', async t => {
  for (const key of ['', 'weir', 'WEIR_x', 'sk_live_0123456789', ` ${makeKey()}`]) {
    t.equal(formOf(key), FOREIGN, key)
  }
})

test('what is stored is SHA-256', async t => {
  t.equal(
    hashKey('abc'),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    'FIPS 180-4',
  )
})
