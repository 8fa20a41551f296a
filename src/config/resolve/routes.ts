/** Routes of http and https listeners. */
import type { FieldEdits, RouteConfig } from '../config.ts'
import type { Settings } from '../flags.ts'

/** What a request gets that no other route matches. */
export function lastRoute(name: string, pool: number, settings: Settings): RouteConfig {
  return {
    name,
    host: '',
    path: '/',
    exact: false,
    pool,
    stripPrefix: false,
    rewriteHost: '',
    requestFields: NO_EDITS,
    responseFields: NO_EDITS,
    bodyTimeoutMs: settings['body-timeout']!,
    responseTimeoutMs: settings['response-timeout']!,
    exchangeTimeoutMs: settings['exchange-timeout']!,
    bodyMax: settings['body-max']!,
  }
}

const NO_EDITS: FieldEdits = { remove: [], set: [], add: [] }
