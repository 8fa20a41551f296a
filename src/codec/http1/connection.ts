/** What `Connection` says, RFC 9110 §7.6.1. */
import { COMMA, HTAB, SP, tokenLower } from './characters.ts'
import { mayBeNamedAway } from './field-names.ts'

export interface ConnectionOptions {
  /** The connection may be used for the next message. */
  readonly keepAlive: boolean
  readonly upgrade: boolean
  /** Names of further fields that go no further, in lower case. */
  readonly named: readonly string[]
}

/** Each field of a head is compared with each of them. */
const OPTIONS_MAX = 32
const NONE: readonly string[] = []
const KEPT: ConnectionOptions = { keepAlive: true, upgrade: false, named: NONE }
const CLOSED: ConnectionOptions = { keepAlive: false, upgrade: false, named: NONE }

/** Of a message that says nothing. @param minor of its HTTP version: 1.0 closes unless it says otherwise */
export function silentConnection(minor: number): ConnectionOptions {
  return minor === 1 ? KEPT : CLOSED
}

/**
 * @param value all `Connection` fields, joined by commas
 * @param minor of the sender's HTTP version
 * @returns null if it is not a list of tokens, or of more than 32
 */
export function connectionOptions(value: string, minor: number): ConnectionOptions | null {
  if (value === 'keep-alive') return KEPT
  if (value === 'close') return CLOSED
  const options = readTokens(value, OPTIONS_MAX)
  if (options === null) return null
  const closes = options.includes('close')
  return {
    keepAlive: !closes && (minor === 1 || options.includes('keep-alive')),
    upgrade: options.includes('upgrade'),
    named: options.filter(
      option => option !== 'close' && option !== 'keep-alive' && mayBeNamedAway(option),
    ),
  }
}

/**
 * The elements of a list, in lower case; empty ones are left out (RFC 9110 §5.6.1).
 *
 * Blanks are SP and HTAB: `trim` would also cut off what is a byte of its own here.
 *
 * @returns null if one is no token, or if there are more than `max`
 */
export function readTokens(text: string, max: number): string[] | null {
  const tokens: string[] = []
  let i = 0
  while (i < text.length) {
    i = skipBlanks(text, i)
    const start = i
    while (i < text.length && tokenLower[text.charCodeAt(i)]! !== 0) i++
    if (i > start) {
      if (tokens.length === max) return null
      tokens.push(text.slice(start, i).toLowerCase())
    }
    i = skipBlanks(text, i)
    if (i < text.length && text.charCodeAt(i) !== COMMA) return null
    i++
  }
  return tokens
}

function skipBlanks(text: string, from: number): number {
  let i = from
  while (text.charCodeAt(i) === SP || text.charCodeAt(i) === HTAB) i++
  return i
}
