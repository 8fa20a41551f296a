/** Names of requests: unlike those of other workers and starts, and cheap. */
import { randomBytes } from 'node:crypto'

const prefix = randomBytes(8).toString('hex')
let count = 0

/** 24 hex digits. */
export function nextRequestId(): string {
  return `${prefix}${(count++).toString(16).padStart(8, '0')}`
}
