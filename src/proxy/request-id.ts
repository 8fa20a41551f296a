/** Names of requests: unlike those of other workers and starts, and cheap. */
import { randomBytes } from 'node:crypto'

const prefix = randomBytes(8).toString('hex')
/** The last digits of an id, made once. */
const LAST = Array.from({ length: 0x1000 }, (_, i) => hex(i, 3))
let count = 0
/** All but the last digits, the same for some thousand ids. */
let start = ''

/** 24 hex digits; more after 2^32 of them. */
export function nextRequestId(): string {
  const last = count % LAST.length
  if (last === 0) start = prefix + hex(count / LAST.length, 5)
  count++
  return start + LAST[last]!
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0')
}
