/** `--backend`: tcp://, tls://, http:// or https://HOST:PORT, and how it is to be used in the query. */
import { type BackendConfig, usesTls } from './config.ts'
import { didYouMean } from './nearest.ts'
import { isHost, type Read, readEndpoint } from './values.ts'

const SCHEMES = ['tcp', 'tls', 'http', 'https'] as const
const PARAMETERS = [
  'weight',
  'backup',
  'drain',
  'max-connections',
  'ca',
  'sni',
  'insecure',
] as const
const TLS_ONLY = ['ca', 'sni', 'insecure'] as const
const WEIGHT_MAX = 256
const CONNECTIONS_MAX = 1_000_000

export function readBackendUrl(text: string): Read<BackendConfig> {
  const fail = (why: string): { error: string } => ({ error: `${JSON.stringify(text)}: ${why}` })
  const match = /^([a-z0-9+.-]+):\/\/([^/?#]*)(?:\?(.*))?$/i.exec(text)
  if (match === null)
    return {
      error: `${JSON.stringify(text)} is no backend; write tcp://10.0.0.5:8080 or tls://app.example:443`,
    }
  const scheme = SCHEMES.find(known => known === match[1]!.toLowerCase())
  if (scheme === undefined) {
    return fail(`${match[1]} is not one of ${SCHEMES.join(', ')}${didYouMean(match[1]!, SCHEMES)}`)
  }
  const endpoint = readEndpoint(match[2]!)
  if ('error' in endpoint) return fail(endpoint.error)
  const { host, port } = endpoint.value
  if (port === 0) return fail('port 0 is none a backend can have; write 1 to 65535')

  const query = new URLSearchParams(match[3] ?? '')
  for (const name of new Set(query.keys())) {
    if (!PARAMETERS.some(known => known === name)) {
      return fail(`unknown parameter ${name}${didYouMean(name, PARAMETERS)}`)
    }
    if (query.getAll(name).length > 1) return fail(`${name} is given more than once`)
  }
  const tlsOnly = TLS_ONLY.find(name => query.has(name))
  if (!usesTls(scheme) && tlsOnly !== undefined)
    return fail(`${tlsOnly} is for tls:// and https:// backends`)

  const weight = readWhole(query.get('weight') ?? '1', 1, WEIGHT_MAX)
  if (weight === -1)
    return fail(`weight ${query.get('weight')} is not a whole number from 1 to ${WEIGHT_MAX}`)
  const maxConnections = readWhole(query.get('max-connections') ?? '0', 0, CONNECTIONS_MAX)
  if (maxConnections === -1) {
    return fail(
      `max-connections ${query.get('max-connections')} is not a whole number from 0 (no limit) to ${CONNECTIONS_MAX}`,
    )
  }
  for (const name of ['backup', 'drain', 'insecure']) {
    const value = query.get(name)
    if (value !== null && !['', 'true', 'false'].includes(value))
      return fail(`${name} takes no value, it has ${JSON.stringify(value)}`)
  }
  const serverName = query.get('sni') ?? host
  if (!isHost(serverName)) return fail(`sni ${JSON.stringify(serverName)} is no host name`)
  if (query.get('ca') === '') return fail('ca names no file')
  return {
    value: {
      name: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      scheme,
      host,
      port,
      weight,
      backup: isSet(query.get('backup')),
      drain: isSet(query.get('drain')),
      maxConnections,
      ca: query.get('ca'),
      serverName,
      insecure: isSet(query.get('insecure')),
    },
  }
}

/** The URL again, with what differs from the defaults. */
export function formatBackendUrl(backend: BackendConfig): string {
  const query: string[] = []
  if (backend.weight !== 1) query.push(`weight=${backend.weight}`)
  if (backend.backup) query.push('backup')
  if (backend.drain) query.push('drain')
  if (backend.maxConnections !== 0) query.push(`max-connections=${backend.maxConnections}`)
  if (backend.ca !== null) query.push(`ca=${encodeURIComponent(backend.ca)}`)
  if (backend.serverName !== backend.host) query.push(`sni=${backend.serverName}`)
  if (backend.insecure) query.push('insecure')
  return `${backend.scheme}://${backend.name}${query.length === 0 ? '' : `?${query.join('&')}`}`
}

function isSet(value: string | null): boolean {
  return value !== null && value !== 'false'
}

/** @returns -1 if it is no whole number within the bounds */
function readWhole(text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1
  return value >= min && value <= max ? value : -1
}
