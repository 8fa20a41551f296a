/** What a route matches: its host and its path, in the form in which requests are compared with them. */
import { isIPv6 } from 'node:net'
import { SEMICOLON, targetByte } from '../../codec/http1/characters.ts'
import { comparablePath, normalizePath } from '../../codec/http1/target.ts'
import { isHost, type Read } from '../values.ts'

const PARAMETERS = 'has parameters, paths are compared without; leave out what follows ;'

/** @returns lower case, without a dot at its end; '' for any */
export function readRouteHost(text: string | undefined): Read<string> {
  if (text === undefined) return { value: '' }
  const wrong = (why: string): Read<string> => ({ error: `${JSON.stringify(text)} ${why}` })
  if (text === '' || text === '*') return wrong('is no host; leave host out to match any')
  const lower = text.toLowerCase()
  const address = lower.startsWith('[') && lower.endsWith(']') ? lower.slice(1, -1) : lower
  if (isIPv6(address)) return { value: `[${address}]` }
  const port = /:\d*$/.exec(lower)
  if (port !== null) return wrong(`has a port, hosts are matched without; leave ${port[0]} out`)
  const suffix = lower.startsWith('*.') ? '*.' : ''
  const name = lower.slice(suffix.length).replace(/\.$/, '')
  if (!isHost(name) || (suffix !== '' && /^[\d.]+$/.test(name))) {
    return wrong('is no host; write example.org or *.example.org')
  }
  return { value: suffix + name }
}

/**
 * @param keepsEncodedSlash as for requests
 * @returns in normal form; a prefix without a slash at its end
 */
export function readRoutePath(
  text: string,
  exact: boolean,
  keepsEncodedSlash: boolean,
): Read<string> {
  const wrong = (why: string): Read<string> => ({ error: `${JSON.stringify(text)} ${why}` })
  if (!text.startsWith('/')) return wrong('is no path; it begins with /')
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === SEMICOLON) {
      return wrong(PARAMETERS)
    }
    if (text[i] === '?') return wrong('has a query, which no route looks at; leave it out')
    if ((targetByte[code] ?? 0) === 0) {
      return wrong(`holds ${JSON.stringify(text[i])}; write it percent-encoded, in UTF-8`)
    }
  }
  const normal = normalizePath(text, keepsEncodedSlash)
  if (normal === null) return wrong('is a path no request may have')
  const path = comparablePath(normal)
  if (path.includes(';')) return wrong(PARAMETERS)
  return { value: exact || path === '/' ? path : path.replace(/\/$/, '') }
}
