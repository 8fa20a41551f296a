/** Issuers of tokens and where their keys are, and who is asked about other tokens. */
import { type AlgorithmName, algorithms, isAlgorithm } from '../../auth/algorithms.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'
import { didYouMean } from '../nearest.ts'
import type {
  IntrospectionConfig,
  IssuerConfig,
  JwtConfig,
  KeyOrigin,
  TokenConfig,
} from '../token-config.ts'
import { whyNoWebUrl } from '../web-url.ts'

const ANYBODY = '*'
const DISCOVERY = 'discovery'

export function resolveTokens(settings: Settings, problems: Problem[]): TokenConfig {
  const jwt = resolveJwt(settings, problems)
  const introspection = resolveIntrospection(settings, problems)
  const audiences = settings['jwt-audience'] ?? []
  const isUsed = jwt.issuers.length > 0 || introspection.url !== ''
  if (!isUsed) {
    if (audiences.length > 0)
      useless('jwt-audience', '--jwt-issuer or --introspection-url', problems)
    if (settings['issuer-ca'] !== '') {
      useless('issuer-ca', '--jwt-issuer or --introspection-url', problems)
    }
  }
  // An introspection server knows whom its tokens are for; an issuer makes them for whoever asks.
  if (jwt.issuers.length > 0 && audiences.length === 0) {
    problems.push({
      where: '--jwt-audience',
      message:
        'is not given, and tokens that the issuer made for others would do; write what aud of yours holds, or * for whatever it holds',
      absent: true,
    })
  }
  return {
    jwt,
    introspection,
    dpop: { windowMs: settings['dpop-window']!, proofsMax: settings['dpop-proofs']! },
    issuerCa: settings['issuer-ca']!,
    audiences: audiences.includes(ANYBODY) ? [] : audiences,
    cacheMax: settings['token-cache']!,
  }
}

function resolveJwt(settings: Settings, problems: Problem[]): JwtConfig {
  const names = settings['jwt-issuer'] ?? []
  if (names.length === 0) {
    if ((settings.jwks ?? []).length > 0) useless('jwks', '--jwt-issuer', problems)
    if (settings['jwt-key'] !== '') useless('jwt-key', '--jwt-issuer', problems)
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    problems.push({ where: '--jwt-issuer', message: `${twice} is given twice` })
  }
  return {
    issuers: resolveIssuers(names, settings, problems),
    type: settings['jwt-type'] as JwtConfig['type'],
    algorithms: resolveAlgorithms(settings['jwt-algorithm'] ?? [], problems),
    leewayMs: settings['jwt-leeway']!,
    refreshMs: settings['jwks-refresh']!,
    coolDownMs: settings['jwks-cooldown']!,
    keepMs: settings['jwks-keep']!,
  }
}

function resolveAlgorithms(names: readonly string[], problems: Problem[]): AlgorithmName[] {
  return names.flatMap(name => {
    // The older name of both.
    if (name === 'EdDSA') return ['Ed25519', 'Ed448']
    if (isAlgorithm(name)) return [name]
    const known = Object.keys(algorithms)
    problems.push({
      where: '--jwt-algorithm',
      message: `${JSON.stringify(name)} is not one of ${known.join(', ')}, EdDSA${didYouMean(name, known)}`,
    })
    return []
  })
}

function resolveIssuers(
  names: readonly string[],
  settings: Settings,
  problems: Problem[],
): IssuerConfig[] {
  const sets = settings.jwks ?? []
  const key = settings['jwt-key']!
  if (key !== '') {
    if (names.length > 1 || sets.length > 0) {
      problems.push({
        where: '--jwt-key',
        message: 'is for one --jwt-issuer without --jwks; give each issuer a --jwks instead',
      })
    }
    return names.map(issuer => ({ issuer, keys: { kind: 'file', path: key, isNamed: true } }))
  }
  if (sets.length > 0 && sets.length !== names.length) {
    problems.push({
      where: '--jwks',
      message: `${sets.length} are given for ${names.length} --jwt-issuer; give each its own, in the same order, or the word discovery`,
    })
  }
  return names.map((issuer, i) => ({
    issuer,
    keys: resolveOrigin(issuer, sets[i] ?? DISCOVERY, problems),
  }))
}

function resolveOrigin(issuer: string, source: string, problems: Problem[]): KeyOrigin {
  if (source === DISCOVERY) {
    const wrong = whyNoWebUrl(issuer)
    if (wrong !== '') {
      problems.push({
        where: '--jwt-issuer',
        message: `${issuer} ${wrong}; write its https:// URL, or say where its keys are with --jwks`,
      })
    }
    return { kind: 'discovery' }
  }
  if (!/^https?:/i.test(source)) return { kind: 'file', path: source, isNamed: false }
  const wrong = whyNoWebUrl(source)
  if (wrong !== '') problems.push({ where: '--jwks', message: `${source} ${wrong}` })
  return { kind: 'url', url: source }
}

function resolveIntrospection(settings: Settings, problems: Problem[]): IntrospectionConfig {
  const url = settings['introspection-url']!
  const client = settings['introspection-client']!
  const wrong = url === '' ? '' : whyNoWebUrl(url)
  if (wrong !== '') problems.push({ where: '--introspection-url', message: `${url} ${wrong}` })
  if (url === '' && client !== '') useless('introspection-client', '--introspection-url', problems)
  return {
    url,
    client,
    timeoutMs: settings['introspection-timeout']!,
    cacheMs: settings['introspection-cache']!,
    graceMs: settings['introspection-grace']!,
  }
}

function useless(flag: string, other: string, problems: Problem[]): void {
  problems.push({ where: `--${flag}`, message: `is of no use without ${other}`, absent: true })
}
