/**
 * The target of a request: which of the four forms, and its path in one normal form.
 *
 * What is matched is what is forwarded. RFC 3986 §6.2.2: percent-encoded unreserved characters are decoded, the
 * others get upper-case digits, characters that no URI may have are encoded, dot segments are resolved. Before
 * that slashes in a row become one. What a backend might still read in another way is refused: see
 * {@link normalizePath}.
 */
import { isAuthority } from './authority.ts'
import { hexValue, isUnreserved } from './characters.ts'

/** What some readers take for a dot segment or an empty one, and others do not. */
const hidden = /(?:\/|%2F|%5C)(?:;|%3B|\.{1,2}(?:;|%3B|%2F|%5C|%3F|%23))|(?:%2F|%5C)\.{1,2}(?:\/|$)/

export interface Target {
  /** Of the absolute form, '' otherwise: it overrides Host. */
  readonly authority: string
  /** `/…` in normal form, or `*`. */
  readonly path: string
  /** With its question mark; '' for none. As it came. */
  readonly query: string
}

export interface TargetRules {
  /** `%2F` and `%5C` stay as they are; otherwise they are refused. */
  readonly keepsEncodedSlash: boolean
  /** What is asked for as `https:` came that way (RFC 9110 §7.4). */
  readonly isSecure: boolean
}

/**
 * @param target of bytes a target may hold
 * @returns null if it is none that may be forwarded, 'insecure' for `https:` where it was not
 */
export function readTarget(
  method: string,
  target: string,
  rules: TargetRules,
): Target | null | 'insecure' {
  if (target.startsWith('/')) return origin('', target, rules)
  const isOptions = method === 'OPTIONS'
  if (target === '*') return isOptions ? { authority: '', path: '*', query: '' } : null
  const match = /^http(s?):\/\/([^/?]+)(.*)$/i.exec(target)
  if (match === null || !isAuthority(match[2]!)) return null
  if (match[1] !== '' && !rules.isSecure) return 'insecure'
  const authority = match[2]!
  const rest = match[3]!
  // RFC 9112 §3.2.4
  if (rest === '' && isOptions) return { authority, path: '*', query: '' }
  return origin(authority, rest.startsWith('/') ? rest : `/${rest}`, rules)
}

function origin(authority: string, text: string, rules: TargetRules): Target | null {
  const mark = text.indexOf('?')
  const raw = mark === -1 ? text : text.slice(0, mark)
  const path = normalizePath(raw, rules.keepsEncodedSlash)
  return path === null ? null : { authority, path, query: mark === -1 ? '' : text.slice(mark) }
}

/**
 * The normal form of a path; that of a normal form is itself.
 *
 * Refused: malformed encodings, encoded control characters and ASCII encoded in too many bytes, backslashes,
 * encoded slashes and backslashes unless they are kept, dot segments that only some readers take for one
 * (`..;`, `..%2F`), segments that are parameters alone (`/;x/`), and climbing above the root.
 *
 * @param path begins with a slash, of bytes a target may hold
 * @param keepsEncodedSlash `%2F` and `%5C` stay
 * @returns null if it is refused
 */
export function normalizePath(path: string, keepsEncodedSlash: boolean): string | null {
  // A slash to some.
  if (path.includes('\\')) return null
  const decoded = decode(path, keepsEncodedSlash)
  if (decoded === null) return null
  const merged = decoded.includes('//') ? decoded.replaceAll(/\/{2,}/g, '/') : decoded
  if (hidden.test(merged)) return null
  return merged.includes('/.') ? removeDots(merged) : merged
}

/** Encodings of what may stand in a segment as it is, RFC 3986 §3.3, but is not unreserved. */
const ofSegment = /%(?:2[146789ABC]|3[ABD]|40)/g

/**
 * A path as routes compare it: nearly all backends read `/%40me` as `/@me`, so what is said of the one holds for the other. It
 * is forwarded as it came, for RFC 3986 §2.2 does not say that they are the same.
 *
 * @param path in normal form
 */
export function comparablePath(path: string): string {
  if (!path.includes('%')) return path
  return path.replaceAll(ofSegment, each => String.fromCharCode(Number.parseInt(each.slice(1), 16)))
}

/** Gives each character its one spelling; @returns null for what is refused */
function decode(path: string, keepsEncodedSlash: boolean): string | null {
  let out = ''
  let from = 0
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    if (code === 0x25) {
      const byte = encodedByte(path, i)
      if (byte < 0x20 || byte === 0x7f || isTooLong(byte, encodedByte(path, i + 3))) return null
      if (!keepsEncodedSlash && (byte === 0x2f || byte === 0x5c)) return null
      out += path.slice(from, i)
      out += isUnreserved[byte] === 1 ? String.fromCharCode(byte) : encoded(byte)
      i += 2
      from = i + 1
    } else if (!isOfUri(code)) {
      out += path.slice(from, i) + encoded(code)
      from = i + 1
    }
  }
  return out + path.slice(from)
}

/** @returns the byte that is encoded at `at`, -1 if none is */
function encodedByte(path: string, at: number): number {
  if (path.charCodeAt(at) !== 0x25) return -1
  // Behind the end there is NaN, and no digit.
  const high = hexValue[path.charCodeAt(at + 1)] ?? 0
  const low = hexValue[path.charCodeAt(at + 2)] ?? 0
  return high === 0 || low === 0 ? -1 : (high - 1) * 16 + low - 1
}

function encoded(byte: number): string {
  return `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`
}

/** The beginning of a character in more bytes of UTF-8 than it has: `%C0%AF` is a slash to lax readers. */
function isTooLong(byte: number, next: number): boolean {
  if (next < 0x80 || next > 0xbf) return false
  return (
    byte === 0xc0 ||
    byte === 0xc1 ||
    (byte === 0xe0 && next < 0xa0) ||
    (byte === 0xf0 && next < 0x90)
  )
}

/** Whether RFC 3986 lets it stand in a path as it is; backslashes are refused before. */
function isOfUri(code: number): boolean {
  return code !== 0x5e && code !== 0x60 && (code < 0x7b || code === 0x7e)
}

/** RFC 3986 §5.2.4; @returns null if it climbs above the root */
function removeDots(path: string): string | null {
  const out: string[] = []
  const segments = path.split('/')
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i]!
    const last = i === segments.length - 1
    if (segment === '.') {
      if (last) out.push('')
    } else if (segment === '..') {
      if (out.pop() === undefined) return null
      if (last) out.push('')
    } else out.push(segment)
  }
  return `/${out.join('/')}`
}
