/**
 * Who asks, where a trusted proxy stands in front: the chain of X-Forwarded-For, or of Forwarded
 * (RFC 7239), walked from its right end, past the proxies that are trusted, to the first that is not.
 *
 * Each proxy appends whom it heard, so only what stands to the left of a trusted one may be a lie.
 * A hop without an address ends the walk at the last that had one: nobody gains by writing rubbish.
 */
import { tokenLower } from '../codec/http1/characters.ts'
import { FORWARDED, X_FORWARDED_FOR } from '../codec/http1/field-names.ts'
import type { Head } from '../codec/http1/head.ts'
import { ADDRESS_WORDS, parseAddress } from '../core/address.ts'
import type { CidrSet } from '../core/cidr-set.ts'

/** Nothing in the chain can be used: the peer itself is the client. */
export const PEER = 0
export const FOUND = 1
/**
 * None of it counts: both fields are there and do not name the same client, so that one of them is the
 * client's own; or Forwarded is malformed, and hides from some readers what comes after the fault.
 */
export const DOUBTFUL = 2

/** Which of the two fields trusted proxies write. */
export interface ChainsRead {
  readonly readsXForwarded: boolean
  readonly readsForwarded: boolean
}

/** Elements looked at, from the right; a longer chain ends there. */
export const HOPS_MAX = 100
/** Of one element: an IPv6 address with brackets and a port has 47 at most. */
const NODE_MAX = 64

const SP = 0x20
const HTAB = 0x09
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const UNDERSCORE = 0x5f

const hop = new Int32Array(ADDRESS_WORDS)
const other = new Int32Array(ADDRESS_WORDS)
/** Where the `for` of each element of a Forwarded field lies, the last HOPS_MAX of them. */
const nodeStart = new Int32Array(HOPS_MAX)
const nodeEnd = new Int32Array(HOPS_MAX)
let hopsLeft = 0

/**
 * Finds the client behind a trusted peer.
 *
 * @param reads      a field that nobody trusted writes is the client's own
 * @param forwarders proxies whose word counts
 * @param found      four words; hold the client's address if the answer is FOUND
 * @returns PEER, FOUND or DOUBTFUL
 */
export function findClient(
  head: Head,
  reads: ChainsRead,
  forwarders: CidrSet,
  found: Int32Array,
): number {
  const hasFor = reads.readsXForwarded && has(head, X_FORWARDED_FOR)
  const hasForwarded = reads.readsForwarded && has(head, FORWARDED)
  if (hasForwarded && !isWellFormed(head)) return DOUBTFUL
  const byFor = hasFor ? walkFields(head, X_FORWARDED_FOR, forwarders, found) : PEER
  if (!hasForwarded) return byFor
  const byForwarded = walkFields(head, FORWARDED, forwarders, hasFor ? other : found)
  if (!hasFor) return byForwarded
  return byFor === byForwarded && (byFor === PEER || same(found, other)) ? byFor : DOUBTFUL
}

function has(head: Head, number: number): boolean {
  for (let field = 0; field < head.count; field++) if (head.number(field) === number) return true
  return false
}

/** All of it: what stands left of the walk's end goes on to the backend as well. */
function isWellFormed(head: Head): boolean {
  for (let field = 0; field < head.count; field++) {
    if (head.number(field) === FORWARDED && readElements(head.value(field)) === MALFORMED) {
      return false
    }
  }
  return true
}

function same(a: Int32Array, b: Int32Array): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3]
}

/** Several fields are one list (RFC 9110 §5.3), so the last one comes first. */
function walkFields(
  head: Head,
  number: number,
  forwarders: CidrSet,
  found: Int32Array,
): typeof PEER | typeof FOUND {
  hopsLeft = HOPS_MAX
  found.fill(-1)
  for (let field = head.count - 1; field >= 0; field--) {
    if (head.number(field) !== number) continue
    const value = head.value(field)
    const goesOn =
      number === FORWARDED
        ? walkForwarded(value, forwarders, found)
        : walkList(value, forwarders, found)
    if (!goesOn) break
  }
  // Not an address anybody sends from: so nothing was found.
  return found[0] === -1 && found[1] === -1 && found[2] === -1 && found[3] === -1 ? PEER : FOUND
}

/** X-Forwarded-For: addresses and commas, blanks and empty elements allowed. */
function walkList(value: string, forwarders: CidrSet, found: Int32Array): boolean {
  let end = value.length
  while (end > 0) {
    if (hopsLeft-- === 0) return false
    const comma = value.lastIndexOf(',', end - 1)
    const node = withoutBlanks(value, comma + 1, end)
    end = comma
    if (node !== '' && !walkPast(nodeAddress(node, true), forwarders, found)) return false
  }
  return true
}

/** Forwarded: read from the left, because a comma may be quoted; walked from the right. */
function walkForwarded(value: string, forwarders: CidrSet, found: Int32Array): boolean {
  const count = readElements(value)
  for (let element = count - 1; element >= 0 && element >= count - HOPS_MAX; element--) {
    if (hopsLeft-- === 0) return false
    const at = element % HOPS_MAX
    const start = nodeStart[at]!
    if (start === -1) return false
    // In quotes an IPv6 address stands in brackets (RFC 7239 §6); without them there is no colon.
    if (!walkPast(nodeAddress(value.slice(start, nodeEnd[at]), false), forwarders, found)) {
      return false
    }
  }
  return count <= HOPS_MAX
}

/** @returns whether the walk goes on: the hop is trusted, and so is its word on the one before */
function walkPast(address: string, forwarders: CidrSet, found: Int32Array): boolean {
  if (address === '' || !parseAddress(address, hop)) return false
  found.set(hop)
  return forwarders.find(hop) !== 0
}

/** The address of a node without brackets and port, or '' if it is none, hidden or unknown. */
function nodeAddress(node: string, bareIpv6: boolean): string {
  // A zone names an interface of another host.
  if (node.length > NODE_MAX || node.includes('%')) return ''
  if (node.charCodeAt(0) === OPEN_BRACKET) {
    const close = node.indexOf(']')
    const address = node.slice(1, close)
    return close !== -1 && address.includes(':') && isPort(node, close + 1) ? address : ''
  }
  const colon = node.indexOf(':')
  if (colon === -1) return node
  if (node.includes(':', colon + 1)) return bareIpv6 ? node : ''
  return isPort(node, colon) ? node.slice(0, colon) : ''
}

/** Nothing, or `:` and a port: up to five digits, or a hidden one (RFC 7239 §6.2). */
function isPort(node: string, start: number): boolean {
  if (start === node.length) return true
  if (node.charCodeAt(start) !== COLON || start + 1 === node.length) return false
  if (node.charCodeAt(start + 1) === UNDERSCORE) return start + 2 < node.length
  if (node.length - start > 6) return false
  for (let i = start + 1; i < node.length; i++) {
    const digit = node.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return false
  }
  return true
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB
}

function withoutBlanks(text: string, start: number, end: number): string {
  let from = start
  let to = end
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

const MALFORMED = -1

/** Reads `forwarded-element`s, RFC 7239 §4, into the module's arrays. @returns how many, or MALFORMED */
function readElements(value: string): number {
  let count = 0
  let start = -1
  let end = -1
  let empty = true
  let i = 0
  for (;;) {
    i = skipBlanks(value, i)
    const name = i
    while (i < value.length && tokenLower[value.charCodeAt(i)]! !== 0) i++
    if (i > name) {
      empty = false
      if (value.charCodeAt(i) !== EQUALS) return MALFORMED
      const isFor = i - name === 3 && value.slice(name, i).toLowerCase() === 'for'
      const quoted = value.charCodeAt(++i) === QUOTE
      const from = quoted ? i + 1 : i
      i = quoted ? closingQuote(value, from) : tokenEnd(value, i)
      if (i === MALFORMED || (!quoted && i === from)) return MALFORMED
      if (isFor) {
        if (start !== -1) return MALFORMED
        start = from
        end = i
      }
      if (quoted) i++
    }
    i = skipBlanks(value, i)
    if (value.charCodeAt(i) === SEMICOLON) {
      i++
      continue
    }
    if (i < value.length && value.charCodeAt(i) !== COMMA) return MALFORMED
    if (!empty) {
      nodeStart[count % HOPS_MAX] = start
      nodeEnd[count % HOPS_MAX] = end
      count++
    }
    if (i === value.length) return count
    i++
    start = -1
    empty = true
  }
}

function skipBlanks(text: string, start: number): number {
  let i = start
  while (isBlank(text.charCodeAt(i))) i++
  return i
}

function tokenEnd(text: string, start: number): number {
  let i = start
  while (i < text.length && tokenLower[text.charCodeAt(i)]! !== 0) i++
  return i
}

function closingQuote(text: string, start: number): number {
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) return i
    if (code === BACKSLASH) i++
  }
  return MALFORMED
}
