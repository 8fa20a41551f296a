/** What methods promise, RFC 9110 §9.2; they are case-sensitive, and of others nothing is known. */

/** Doing it twice is doing it once; QUERY is RFC 10008. */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'PUT':
    case 'DELETE':
    case 'TRACE':
    case 'QUERY':
      return true
    default:
      return false
  }
}

/** Safe and usually quick: may stand in line on a connection with others. */
export function isShareable(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}
