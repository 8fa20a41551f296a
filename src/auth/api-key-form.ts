/**
 * What an API key looks like: `weir_`, 43 characters that are 256 random bits, 6 that are their checksum.
 *
 * The prefix lets scanners of leaked secrets find it, letters and digits alone let a double click select it,
 * and the checksum refuses what was mistyped or made up without any look at the keys there are.
 */
import { hash, randomBytes } from 'node:crypto'
import { crc32c } from '../codec/crc32c.ts'

export const KEY_PREFIX = 'weir_'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const RANDOM_BYTES = 32
/** 62^43 is a little more than 2^256. */
const RANDOM_LENGTH = 43
const CHECKSUM_LENGTH = 6
const CHECKED_LENGTH = KEY_PREFIX.length + RANDOM_LENGTH
export const KEY_LENGTH = CHECKED_LENGTH + CHECKSUM_LENGTH

/** `formOf()`: one of ours, not one of ours, or one that was damaged. */
export const WHOLE = 0
export const FOREIGN = 1
export const DAMAGED = 2

const bytes = Buffer.alloc(CHECKED_LENGTH)
/** By character code: the value of a digit; -1 for what is none. */
const values = new Int8Array(128).fill(-1)
for (let value = 0; value < DIGITS.length; value++) values[DIGITS.charCodeAt(value)] = value

/** A new key; it is told once, and nobody can get it back from what is stored. */
export function makeKey(random: Uint8Array = randomBytes(RANDOM_BYTES)): string {
  let number = 0n
  for (const byte of random) number = (number << 8n) | BigInt(byte)
  const checked = KEY_PREFIX + digits(number, RANDOM_LENGTH)
  return checked + digits(BigInt(checksum(checked)), CHECKSUM_LENGTH)
}

export function formOf(key: string): typeof WHOLE | typeof FOREIGN | typeof DAMAGED {
  if (!key.startsWith(KEY_PREFIX)) return FOREIGN
  if (key.length !== KEY_LENGTH) return DAMAGED
  for (let i = KEY_PREFIX.length; i < CHECKED_LENGTH; i++) {
    const code = key.charCodeAt(i)
    if (code > 127 || values[code] === -1) return DAMAGED
  }
  let told = 0
  for (let i = CHECKED_LENGTH; i < KEY_LENGTH; i++) {
    const code = key.charCodeAt(i)
    if (code > 127 || values[code] === -1) return DAMAGED
    told = told * DIGITS.length + values[code]!
  }
  return told === checksum(key) ? WHOLE : DAMAGED
}

/** What is stored in place of a key: SHA-256, in hexadecimal. Of 256 random bits nothing can be guessed from it. */
export function hashKey(key: string): string {
  return hash('sha256', key, 'hex')
}

/** Of the part before it. */
function checksum(key: string): number {
  bytes.write(key, 0, CHECKED_LENGTH, 'latin1')
  return crc32c(bytes, 0, CHECKED_LENGTH)
}

function digits(number: bigint, length: number): string {
  let rest = number
  let text = ''
  for (let i = 0; i < length; i++) {
    text = DIGITS[Number(rest % 62n)]! + text
    rest /= 62n
  }
  return text
}
