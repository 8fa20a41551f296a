/** `--listen`: tcp://[ADDR]:PORT, tls://…, sni://…, http://… or https://…, with `?pool=NAME` or `?redirect=https`. */
import type { ListenerMode } from './config.ts'
import { didYouMean } from './nearest.ts'
import { type Read, readEndpoint } from './values.ts'

const MODES = ['tcp', 'tls', 'sni', 'http', 'https'] as const
const PARAMETERS = ['pool', 'redirect']
const HTTPS_PORT = 443

export interface ListenUrl {
  readonly mode: ListenerMode
  readonly host: string
  readonly port: number
  /** null: the only pool there is. */
  readonly pool: string | null
  /** Where https is listened on; 0: requests are not redirected. */
  readonly redirectPort: number
}

export function readListenUrl(text: string): Read<ListenUrl> {
  const match = /^([a-z0-9+.-]+):\/\/([^/?#]*)(?:\?(.*))?$/i.exec(text)
  if (match === null)
    return {
      error: `${JSON.stringify(text)} is no listener; write tls://[::]:443 or tcp://127.0.0.1:8080`,
    }
  const scheme = match[1]!.toLowerCase()
  const mode = MODES.find(known => known === scheme)
  if (mode === undefined) {
    return {
      error: `${JSON.stringify(text)}: ${scheme} is not one of ${MODES.join(', ')}${didYouMean(scheme, MODES)}`,
    }
  }
  // No address, or a star: everywhere. The IPv6 wildcard takes IPv4 as well.
  const authority = match[2]!.replace(/^\*?:/, '[::]:')
  const endpoint = readEndpoint(authority)
  if ('error' in endpoint) return { error: `${JSON.stringify(text)}: ${endpoint.error}` }
  const parameters = new URLSearchParams(match[3] ?? '')
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name)) {
      return {
        error: `${JSON.stringify(text)}: unknown parameter ${name}; known are ${PARAMETERS.join(' and ')}`,
      }
    }
  }
  const pool = parameters.get('pool')
  const redirect = parameters.get('redirect')
  if (redirect === null) return { value: { mode, ...endpoint.value, pool, redirectPort: 0 } }
  const redirectPort = readRedirect(redirect)
  const wrong =
    redirectPort === 0
      ? `redirect is ${JSON.stringify(redirect)}; write redirect=https, or redirect=https:8443`
      : mode !== 'http'
        ? `only an http:// listener redirects to https`
        : pool === null
          ? ''
          : 'what is redirected goes to no pool; leave one of the two out'
  return wrong === ''
    ? { value: { mode, ...endpoint.value, pool, redirectPort } }
    : { error: `${JSON.stringify(text)}: ${wrong}` }
}

/** @returns the port; 0 if it is none */
function readRedirect(text: string): number {
  const match = /^https(?::(\d{1,5}))?$/.exec(text)
  const port = match === null ? 0 : Number(match[1] ?? HTTPS_PORT)
  return port > 65_535 ? 0 : port
}

/** The parameter again, '' for none. */
export function formatRedirect(port: number): string {
  if (port === 0) return ''
  return port === HTTPS_PORT ? '?redirect=https' : `?redirect=https:${port}`
}

/** The URL again, as listeners are named after it. */
export function formatListenUrl(mode: ListenerMode, host: string, port: number): string {
  return `${mode}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
