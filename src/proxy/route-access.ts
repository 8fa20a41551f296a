/** Whom a route lets in, by the method of the request. */
import type { Policy } from '../auth/policy.ts'
import { isCredential } from '../codec/http1/field-names.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'

export interface RouteAccessParts {
  /** For methods without one of their own; null asks nothing. */
  readonly policy: Policy | null
  /** In capitals. */
  readonly methods: ReadonlyMap<string, Policy | null>
  /** CORS preflights, which browsers send without credentials, go on as they are. */
  readonly passesPreflights: boolean
}

export class RouteAccess {
  readonly #parts: RouteAccessParts

  constructor(parts: RouteAccessParts) {
    this.#parts = parts
  }

  /** @returns null where nothing is asked of the client */
  policyFor(head: RequestHead): Policy | null {
    const { policy, methods, passesPreflights } = this.#parts
    if (passesPreflights && head.method === 'OPTIONS' && isPreflight(head)) return null
    if (methods.size === 0) return policy
    // Backends may read `get` as GET, and answer HEAD with what GET is for.
    const method = head.method.toUpperCase()
    let own = methods.get(method)
    if (own === undefined && method === 'HEAD') own = methods.get('GET')
    return own === undefined ? policy : own
  }
}

/** By which some backends read OPTIONS as the method that nobody was asked about. */
const OVERRIDES: ReadonlySet<string> = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
])

/**
 * Fetch §3.3.5: both fields, and no body. Browsers send neither credentials with it nor fields of a script's own: what
 * has some is no preflight, and the backend might believe a credential that nobody looked at.
 */
function isPreflight(head: RequestHead): boolean {
  if (head.hasBody) return false
  let origin = false
  let asks = false
  for (let field = 0; field < head.count; field++) {
    if (isCredential(head.number(field))) return false
    const name = head.name(field).toLowerCase()
    if (name === 'origin') origin = true
    else if (name === 'access-control-request-method') asks = true
    else if (OVERRIDES.has(name)) return false
  }
  return origin && asks
}
