/**
 * A credential in the query, where it does not belong: URLs end up in histories, logs and Referer fields. It is read
 * only from the parameter that the operator names, and taken out of what is forwarded and logged.
 *
 * Its name is compared as a backend would read it, decoded, in any case of its letters, and pairs end at `;` as well as
 * at `&`: whatever somebody
 * behind weir could take for the parameter is found, counts as one more if there are several, and goes no further.
 */

const AMPERSAND = 0x26
const SEMICOLON = 0x3b
const EQUALS = 0x3d

/**
 * @param query with its question mark; '' for none
 * @param name  of the parameter, decoded
 * @returns its value, decoded; '' if there is none, null if there are several
 */
export function findInQuery(query: string, name: string): string | null {
  const at = nextPair(query, name, 1)
  if (at === -1) return ''
  const end = pairEnd(query, at)
  if (nextPair(query, name, end + 1) !== -1) return null
  return decode(query.slice(nameEnd(query, at, end) + 1, end))
}

/** Whether the query of a URL has the parameter. */
export function isInUrl(url: string, name: string): boolean {
  const start = url.indexOf('?')
  return start !== -1 && nextPair(url.slice(start), name, 1) !== -1
}

/** Keys from elsewhere may hold what URLs cannot; a plus stays one. */
function decode(value: string): string {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** The query without the parameter, however often it stands there; '' if nothing is left. */
export function withoutPair(query: string, name: string): string {
  let at = nextPair(query, name, 1)
  if (at === -1) return query
  let out = ''
  let from = 1
  while (at !== -1) {
    out += query.slice(from, at)
    from = pairEnd(query, at) + 1
    at = nextPair(query, name, from)
  }
  const left = out + query.slice(from)
  // The last pair took the end with it.
  const whole = from > query.length && /[&;]$/.test(left) ? left.slice(0, -1) : left
  return whole === '' ? '' : `?${whole}`
}

/** Where the next pair of that name begins; -1 for nowhere. @param from where a pair begins */
function nextPair(query: string, name: string, from: number): number {
  const wanted = name.toLowerCase()
  for (let at = from, end; at < query.length; at = end + 1) {
    end = pairEnd(query, at)
    const equals = nameEnd(query, at, end)
    if (equals !== end && decode(query.slice(at, equals)).toLowerCase() === wanted) return at
  }
  return -1
}

/** Where its `=` stands; its end if it has none. */
function nameEnd(query: string, from: number, end: number): number {
  let at = from
  while (at < end && query.charCodeAt(at) !== EQUALS) at++
  return at
}

function pairEnd(query: string, from: number): number {
  let at = from
  while (at < query.length) {
    const code = query.charCodeAt(at)
    if (code === AMPERSAND || code === SEMICOLON) break
    at++
  }
  return at
}
