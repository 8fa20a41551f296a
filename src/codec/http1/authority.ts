/**
 * `Host` and the authority of a target: RFC 9110 §7.2, narrower than its grammar.
 *
 * No user, no percent-encoding, no empty label, no zone of an IPv6 address, no empty port and none with
 * leading zeros: all of them are read in different ways by those that pick a site by name.
 */
import { isIPv6 } from 'node:net'
import { COLON, isUnreserved } from './characters.ts'

const NAME_MAX = 254
const PORT_MAX = 65_535
const PORT_DIGITS_MAX = 5
const DOT = 0x2e
const BRACKET = 0x5b

/** A host and a port as clients may name them; @returns whether it is one */
export function isAuthority(text: string): boolean {
  const hostEnd = text.charCodeAt(0) === BRACKET ? literalEnd(text) : nameEnd(text)
  if (hostEnd === 0) return false
  return hostEnd === text.length || isPort(text, hostEnd)
}

/** @returns where a name or an IPv4 address ends, 0 if there is none */
function nameEnd(text: string): number {
  let i = 0
  let previous = DOT
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === COLON) break
    if (code > 0x7f || isUnreserved[code] === 0) return 0
    if (code === DOT && previous === DOT) return 0
    previous = code
  }
  return i > NAME_MAX ? 0 : i
}

/** @returns where a bracketed IPv6 address ends, 0 if there is none */
function literalEnd(text: string): number {
  const end = text.indexOf(']')
  const address = text.slice(1, end)
  return end !== -1 && !address.includes('%') && isIPv6(address) ? end + 1 : 0
}

/** @param colon where it is to begin */
function isPort(text: string, colon: number): boolean {
  const digits = text.length - colon - 1
  if (text.charCodeAt(colon) !== COLON || digits === 0 || digits > PORT_DIGITS_MAX) return false
  let port = 0
  for (let i = colon + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    // Also a leading zero: the port is 0 so far.
    if (digit < 0 || digit > 9 || (digit === 0 && port === 0)) return false
    port = port * 10 + digit
  }
  return port <= PORT_MAX
}

/** Where the host of an authority ends: at the colon before its port, or where the text ends. */
export function endOfHost(authority: string): number {
  if (authority.charCodeAt(0) === BRACKET) return authority.indexOf(']') + 1
  const colon = authority.indexOf(':')
  return colon === -1 ? authority.length : colon
}
