/**
 * W3C Trace Context: `traceparent` continued for those whose word counts, begun for others.
 *
 * A trace that weir begins is marked as sampled: backends that ask the parent would otherwise record
 * nothing at all, and what they did without weir in front was to decide by themselves.
 */
import { randomBytes } from 'node:crypto'

/** `00-`, 32 hex digits, `-`, 16, `-`, 2: version 00, and what later ones begin with. */
const LENGTH = 55
const TRACE_START = 3
const TRACE_END = 35
const PARENT_END = 52
const FLAGS_END = 55
const DASH = 0x2d
const ZERO = 0x30

/** One call for the random bits of 170 exchanges: a call for each would cost more than its head. */
const BATCH_BYTES = 4096
let digits = ''
let used = 0

/** @param count even; @returns as many random hex digits, never all of them 0 */
function randomHex(count: number): string {
  if (used + count > digits.length) {
    digits = randomBytes(BATCH_BYTES).toString('hex')
    used = 0
  }
  const start = used
  used += count
  const hex = digits.slice(start, used)
  return isZero(hex, 0, count) ? randomHex(count) : hex
}

/** A new trace. */
export function beginTrace(): string {
  return `00-${randomHex(32)}-${randomHex(16)}-01`
}

/**
 * The same trace with a parent of its own.
 *
 * @param traceparent as it came
 * @returns '' if it is not valid
 */
export function continueTrace(traceparent: string): string {
  if (!isValid(traceparent)) return ''
  const trace = traceparent.slice(TRACE_START, TRACE_END)
  return `00-${trace}-${randomHex(16)}-${flags(traceparent)}`
}

/** Of a version that is not known only what version 00 says may be passed on: sampled or not. */
function flags(traceparent: string): string {
  if (traceparent.startsWith('00')) return traceparent.slice(PARENT_END + 1, FLAGS_END)
  return (Number.parseInt(traceparent.charAt(FLAGS_END - 1), 16) & 1) === 1 ? '01' : '00'
}

function isValid(text: string): boolean {
  if (text.length < LENGTH || text.startsWith('ff')) return false
  if (text.length > LENGTH && (text.startsWith('00') || text.charCodeAt(LENGTH) !== DASH)) {
    return false
  }
  for (let i = 0; i < LENGTH; i++) {
    const isDash = i === TRACE_START - 1 || i === TRACE_END || i === PARENT_END
    if (isDash !== (text.charCodeAt(i) === DASH)) return false
    if (!isDash && !isLowerHex(text.charCodeAt(i))) return false
  }
  return !isZero(text, TRACE_START, TRACE_END) && !isZero(text, TRACE_END + 1, PARENT_END)
}

function isLowerHex(code: number): boolean {
  return (code >= ZERO && code <= 0x39) || (code >= 0x61 && code <= 0x66)
}

function isZero(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) !== ZERO) return false
  return true
}
