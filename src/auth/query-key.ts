/**
 * A credential in the query, where it does not belong: URLs end up in histories, logs and Referer fields. It is read
 * only from the parameter that the operator names, and taken out of what is forwarded and logged.
 */

const EQUALS = 0x3d

/**
 * @param query with its question mark; '' for none
 * @param name  of the parameter, as it must be written
 * @returns its value, decoded; '' if there is none, null if there are several
 */
export function findInQuery(query: string, name: string): string | null {
  const at = nextPair(query, name, 1)
  if (at === -1) return ''
  const end = pairEnd(query, at)
  return nextPair(query, name, end) === -1 ? decode(query.slice(at + name.length + 1, end)) : null
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
  let out = ''
  let from = 1
  for (let at = nextPair(query, name, 1); at !== -1; at = nextPair(query, name, from - 1)) {
    out += query.slice(from, at)
    from = pairEnd(query, at) + 1
  }
  if (from === 1) return query
  const left = out + query.slice(from)
  // The last pair took the end with it.
  const whole = from > query.length && left.endsWith('&') ? left.slice(0, -1) : left
  return whole === '' ? '' : `?${whole}`
}

/** Where the next pair of that name begins; -1 for nowhere. @param from a begin, or end, of a pair */
function nextPair(query: string, name: string, from: number): number {
  for (let at = from; at < query.length; at = pairEnd(query, at) + 1) {
    if (query.startsWith(name, at) && query.charCodeAt(at + name.length) === EQUALS) return at
  }
  return -1
}

function pairEnd(query: string, from: number): number {
  const end = query.indexOf('&', from)
  return end === -1 ? query.length : end
}
