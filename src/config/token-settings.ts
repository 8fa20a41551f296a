/** `TokenConfig` → the settings it was made of, as the config file has them. */
import type { IssuerConfig, TokenConfig } from './token-config.ts'
import { formatDuration } from './values.ts'

export function tokenSettings(tokens: TokenConfig): Record<string, unknown> {
  const { jwt, introspection, dpop, issuerCa, audiences, cacheMax } = tokens
  const isUsed = jwt.issuers.length > 0 || introspection.url !== ''
  return {
    'jwt-issuer': jwt.issuers.map(({ issuer }) => issuer),
    'jwt-audience': isUsed && audiences.length === 0 ? ['*'] : audiences,
    ...origins(jwt.issuers),
    'jwt-type': jwt.type,
    'jwt-algorithm': jwt.algorithms,
    'jwt-leeway': formatDuration(jwt.leewayMs),
    'jwks-refresh': formatDuration(jwt.refreshMs),
    'jwks-cooldown': formatDuration(jwt.coolDownMs),
    'jwks-keep': formatDuration(jwt.keepMs),
    'issuer-ca': issuerCa,
    'token-cache': cacheMax,
    'dpop-window': formatDuration(dpop.windowMs),
    'dpop-proofs': dpop.proofsMax,
    'introspection-url': introspection.url,
    'introspection-client': introspection.client,
    'introspection-timeout': formatDuration(introspection.timeoutMs),
    'introspection-cache': formatDuration(introspection.cacheMs),
    'introspection-grace': formatDuration(introspection.graceMs),
  }
}

function origins(issuers: readonly IssuerConfig[]): Record<string, unknown> {
  const [first] = issuers
  if (first?.keys.kind === 'file' && first.keys.isNamed) {
    return { jwks: [], 'jwt-key': first.keys.path }
  }
  return {
    jwks: issuers.map(({ keys }) => {
      if (keys.kind === 'discovery') return 'discovery'
      return keys.kind === 'url' ? keys.url : keys.path
    }),
    'jwt-key': '',
  }
}
