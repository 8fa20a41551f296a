/** Names of requests: unlike those of other workers and starts, and cheap. */
import { randomBytes } from 'node:crypto'
import { latin1 } from '../core/latin1.ts'

/** 64 random bits, and eight digits that count. */
const LENGTH = 24
const RANDOM_BYTES = 8
const DIGITS = '0123456789abcdef'
/** So many, of an id for each last digit, and the digits before it are used up. */
const BATCHES = 0x1000_0000
/** Made at once: to read the letters of an id that is put together of two strings costs more than all the rest. */
const BATCH = DIGITS.length

const bytes = Buffer.alloc(BATCH * LENGTH)
let batches = 0
let batch = ''
/** Where the next id begins in the batch. */
let at = 0

/** 24 hex digits. */
export function nextRequestId(): string {
  if (at === batch.length) makeBatch()
  const id = batch.slice(at, at + LENGTH)
  at += LENGTH
  return id
}

function makeBatch(): void {
  const number = batches % BATCHES
  // After 2^32 ids the digits begin anew, behind other bits.
  if (number === 0) begin(randomBytes(RANDOM_BYTES).toString('hex'))
  for (let id = 0; id < BATCH; id++) {
    const end = (id + 1) * LENGTH - 2
    for (let digit = 0; digit < 7; digit++) {
      bytes[end - digit] = DIGITS.charCodeAt((number >>> (digit * 4)) & 0xf)
    }
  }
  batches++
  batch = latin1(bytes, 0, bytes.length)
  at = 0
}

/** Writes what is the same in all batches: the bits, and the last digit of each id. */
function begin(bits: string): void {
  const names = Array.from(DIGITS, digit => bits + digit.padStart(LENGTH - bits.length, '0'))
  bytes.write(names.join(''), 'latin1')
}
