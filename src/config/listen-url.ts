/** `--listen`: tcp://[ADDR]:PORT, tls://…, sni://…, http://… or https://…, with `?pool=NAME`. */
import type { ListenerMode } from './config.ts'
import { didYouMean } from './nearest.ts'
import { type Read, readEndpoint } from './values.ts'

const MODES = ['tcp', 'tls', 'sni', 'http', 'https'] as const
const PARAMETERS = ['pool']

export interface ListenUrl {
  readonly mode: ListenerMode
  readonly host: string
  readonly port: number
  /** null: the only pool there is. */
  readonly pool: string | null
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
      return { error: `${JSON.stringify(text)}: unknown parameter ${name}; known is pool` }
    }
  }
  return { value: { mode, ...endpoint.value, pool: parameters.get('pool') } }
}

/** The URL again, as listeners are named after it. */
export function formatListenUrl(mode: ListenerMode, host: string, port: number): string {
  return `${mode}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
