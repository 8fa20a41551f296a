/**
 * The target of a request: which of the four forms, and its path in one normal form.
 *
 * What is matched is what is forwarded: percent-encoded unreserved characters are decoded, the others
 * get upper-case digits, dot segments are resolved (RFC 3986 §6.2.2). Paths that a backend might still read in
 * another way are refused: encoded NUL, dot segments behind an encoded slash or backslash or with
 * parameters (`/..;/`), and climbing above the root.
 */
import { isAuthority } from './authority.ts'
import { hexValue } from './characters.ts'

export interface Target {
  /** Of the absolute form, '' otherwise: it overrides Host. */
  readonly authority: string
  /** `/…` in normal form, or `*`. */
  readonly path: string
  /** With its question mark; '' for none. As it came. */
  readonly query: string
}

/** @returns null if it is none that may be forwarded; CONNECT has a form of its own, and is refused */
export function readTarget(method: string, target: string): Target | null {
  if (target.charCodeAt(0) === 0x2f) return origin('', target)
  if (target === '*') return method === 'OPTIONS' ? { authority: '', path: '*', query: '' } : null
  const match = /^https?:\/\/([^/?]+)(.*)$/i.exec(target)
  if (match === null || !isAuthority(match[1]!)) return null
  const rest = match[2]!
  return origin(match[1]!, rest.startsWith('/') ? rest : `/${rest}`)
}

function origin(authority: string, text: string): Target | null {
  const mark = text.indexOf('?')
  const raw = mark === -1 ? text : text.slice(0, mark)
  const path = normalizePath(raw)
  return path === null ? null : { authority, path, query: mark === -1 ? '' : text.slice(mark) }
}

/** @param path begins with a slash; @returns null if it is refused */
export function normalizePath(path: string): string | null {
  // A slash to some.
  if (path.includes('\\')) return null
  const encoded = path.includes('%')
  if (!encoded && !path.includes('/.')) return path
  const decoded = encoded ? decodeUnreserved(path) : path
  if (decoded === null) return null
  if (hidesDots(decoded)) return null
  return decoded.includes('/.') ? removeDots(decoded) : decoded
}

/** @returns null for an encoded NUL or what is no encoding */
function decodeUnreserved(path: string): string | null {
  let out = ''
  let from = 0
  for (let at = path.indexOf('%'); at !== -1; at = path.indexOf('%', at + 3)) {
    const high = hexValue[path.charCodeAt(at + 1)] ?? 0
    const low = hexValue[path.charCodeAt(at + 2)] ?? 0
    if (high === 0 || low === 0) return null
    const code = (high - 1) * 16 + low - 1
    if (code === 0) return null
    out += path.slice(from, at)
    const character = String.fromCharCode(code)
    out += /[A-Za-z0-9._~-]/.test(character) ? character : path.slice(at, at + 3).toUpperCase()
    from = at + 3
  }
  return out + path.slice(from)
}

/** A dot segment to a reader that decodes slashes or cuts parameters off, but not to others. */
function hidesDots(path: string): boolean {
  return /(?:^|\/|%2F|%5C)\.{1,2}(?:;|%3B|%2F|%5C)|(?:%2F|%5C)\.{1,2}(?:\/|$)/.test(path)
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
