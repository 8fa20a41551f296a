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

/** One call for the random bits of many: a call for each exchange would cost more than its head. */
const BATCH = 128
const ID_DIGITS = 16
const TRACE_DIGITS = 32

/** Traces that weir begins, one after the other, each as it is written. */
const batch = Buffer.from(
  `00-${'0'.repeat(TRACE_DIGITS)}-${'0'.repeat(ID_DIGITS)}-01`.repeat(BATCH),
  'latin1',
)
const HEX = Buffer.from('0123456789abcdef', 'latin1')
let traces = ''
let tracesUsed = 0
let parents = ''
let parentsUsed = 0

/** A new trace. */
export function beginTrace(): string {
  for (;;) {
    if (tracesUsed === traces.length) {
      traces = makeTraces()
      tracesUsed = 0
    }
    const start = tracesUsed
    tracesUsed += LENGTH
    const trace = traces.slice(start, tracesUsed)
    if (hasIds(trace)) return trace
  }
}

/** Written into what they have in common: pieces of text would cost more than the digits. */
function makeTraces(): string {
  const random = randomBytes((BATCH * (TRACE_DIGITS + ID_DIGITS)) / 2)
  let at = 0
  for (let start = 0; start < BATCH * LENGTH; start += LENGTH) {
    at = writeHex(random, at, start + TRACE_START, start + TRACE_END)
    at = writeHex(random, at, start + TRACE_END + 1, start + PARENT_END)
  }
  return batch.toString('latin1')
}

/** @returns the byte after those that were used */
function writeHex(random: Buffer, from: number, start: number, end: number): number {
  let at = from
  for (let to = start; to < end; to += 2) {
    const byte = random[at++]!
    batch[to] = HEX[byte >> 4]!
    batch[to + 1] = HEX[byte & 15]!
  }
  return at
}

/** 16 random hex digits, never all of them 0. */
function parentId(): string {
  for (;;) {
    if (parentsUsed === parents.length) {
      parents = randomBytes((BATCH * ID_DIGITS) / 2).toString('hex')
      parentsUsed = 0
    }
    const start = parentsUsed
    parentsUsed += ID_DIGITS
    const id = parents.slice(start, parentsUsed)
    if (!isZero(id, 0, ID_DIGITS)) return id
  }
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
  return `00-${trace}-${parentId()}-${flags(traceparent)}`
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
  return hasIds(text)
}

/** Neither of them is the invalid one. */
function hasIds(text: string): boolean {
  return !isZero(text, TRACE_START, TRACE_END) && !isZero(text, TRACE_END + 1, PARENT_END)
}

function isLowerHex(code: number): boolean {
  return (code >= ZERO && code <= 0x39) || (code >= 0x61 && code <= 0x66)
}

function isZero(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) !== ZERO) return false
  return true
}
