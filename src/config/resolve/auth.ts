/** Who must say who it is, and what it must be: by route, and by method where the file says so. */
import type { ClaimRule } from '../../auth/claim-rule.ts'
import type { PolicyRules } from '../../auth/policy.ts'
import { type SchemeName, schemeNames } from '../../core/rejections.ts'
import type { AuthConfig, RouteAuth } from '../config.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'
import type { Resolution } from './resolution.ts'
import type { AccessSection, RouteSection } from '../schema.ts'

type Where = (...keys: readonly string[]) => string

/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/
/** What turns each scheme on. */
const CONFIGURED_BY: Readonly<Partial<Record<SchemeName, string>>> = {
  'api-key': '--api-keys FILE',
  jwt: '--jwt-issuer URL',
  introspection: '--introspection-url URL',
  mtls: '--client-ca FILE',
}
const METHOD = /^[A-Z][A-Z-]{0,31}$/

export function resolveAuth(settings: Settings, problems: Problem[]): AuthConfig {
  const realm = settings['auth-realm']!
  if (!/^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/.test(realm)) {
    problems.push({
      where: '--auth-realm',
      message: `${JSON.stringify(realm)} cannot be a realm; write ASCII without quotes and backslashes`,
    })
  }
  const query = settings['api-key-query']!
  if (query !== '' && !/^[A-Za-z0-9._~-]{1,64}$/.test(query)) {
    problems.push({
      where: '--api-key-query',
      message: `${JSON.stringify(query)} cannot be a parameter; write 1 to 64 letters, digits, - . _ or ~`,
    })
  }
  const file = settings['api-keys']!
  for (const flag of ['api-key-query', 'api-key-usage'] as const) {
    if (settings[flag] === '' || file !== '') continue
    problems.push({ where: `--${flag}`, message: 'is of no use without --api-keys', absent: true })
  }
  for (const kind of ['auth-failure', 'identity'] as const) {
    const rate = settings[`${kind}-rate`]!
    const burst = settings[`${kind}-burst`]!
    if (rate === 0 || burst / rate <= 3600) continue
    problems.push({
      where: `--${kind}-burst`,
      message: `a burst of ${burst} at ${rate} per second takes over an hour to refill; lower it to ${Math.max(1, Math.floor(rate * 3600))}`,
    })
  }
  return {
    apiKeys: file,
    apiKeyQuery: query,
    apiKeyUsage: settings['api-key-usage']!,
    realm,
    identityRate: settings['identity-rate']!,
    identityBurst: settings['identity-burst']!,
    identityConcurrency: settings['identity-concurrency']!,
  }
}

/** The schemes that are configured, in the order in which they are asked. */
function configured(settings: Settings): SchemeName[] {
  const given: Readonly<Partial<Record<SchemeName, boolean>>> = {
    'api-key': settings['api-keys'] !== '',
    jwt: (settings['jwt-issuer'] ?? []).length > 0,
    introspection: settings['introspection-url'] !== '',
    mtls: settings['client-ca'] !== '',
  }
  return schemeNames.filter(name => given[name] === true)
}

/**
 * @param section of a route; null for what no route covers
 * @param own     its settings, those of the process included
 */
export function resolveRouteAuth(
  section: RouteSection | null,
  own: Settings,
  where: Where,
  { given, problems }: Pick<Resolution, 'given' | 'problems'>,
): RouteAuth {
  const claims = section?.['require-claims']
  const policy = resolvePolicy(section ?? {}, own, where, problems)
  const methods = Object.entries(section?.methods ?? {}).map(([method, access]) => {
    const at: Where = (...keys) => where('methods', method, ...keys)
    if (!METHOD.test(method)) {
      problems.push({
        where: at(),
        message: `${JSON.stringify(method)} is no method; write it in capitals, as POST`,
      })
    }
    const settings = { ...own, ...ownSettings(access, given) }
    return {
      method,
      policy: resolvePolicy(access, settings, at, problems, claims),
    }
  })
  return {
    policy,
    methods,
    passesPreflights: own['cors-preflight'] === 'pass',
    removesCredential: own.credential === 'remove',
    resourceMetadata: metadataUrl(own['resource-metadata']!, where('resource-metadata'), problems),
  }
}

function metadataUrl(text: string, where: string, problems: Problem[]): string {
  if (text === '') return ''
  const url = URL.parse(text)
  // As it is written anew: without what could end the text it stands in.
  if (url?.protocol === 'https:' && url.hash === '' && url.username === '') {
    return url.href.replaceAll('\\', '%5C')
  }
  problems.push({
    where,
    message: `${JSON.stringify(text)} is no https:// URL; write https://HOST/.well-known/oauth-protected-resource`,
  })
  return ''
}

/** What a method says itself takes the place of what its route says, unless flags said it. */
function ownSettings(access: AccessSection, given: ReadonlySet<string>): Partial<Settings> {
  const { auth, 'require-scope': scopes } = access
  return {
    ...(auth === undefined || given.has('auth') ? {} : { auth }),
    ...(scopes === undefined || given.has('require-scope')
      ? {}
      : { 'require-scope': [scopes].flat() }),
  }
}

function resolvePolicy(
  section: AccessSection,
  own: Settings,
  where: Where,
  problems: Problem[],
  inherited: AccessSection['require-claims'] = {},
): PolicyRules | null {
  const schemes = configured(own)
  const rule = readRule(own.auth, schemes, where('auth'), problems)
  const scopes = own['require-scope'] ?? []
  for (const scope of scopes) {
    if (SCOPE.test(scope)) continue
    problems.push({
      where: where('require-scope'),
      message: `${JSON.stringify(scope)} is no scope; write visible ASCII without quotes and backslashes`,
    })
  }
  const ownClaims = section['require-claims']
  const claims = readClaims(ownClaims ?? inherited, where, problems)
  if (rule !== null) return { ...rule, scopes, claims }
  // What the whole process requires is meant for the routes that ask.
  const requiresScope =
    scopes.length > 0 && (section['require-scope'] !== undefined || schemes.length === 0)
  if (requiresScope || (ownClaims !== undefined && claims.length > 0)) {
    const key = requiresScope ? 'require-scope' : 'require-claims'
    problems.push({ where: where(key), message: 'nobody is asked who it is; see --auth' })
  }
  return null
}

/** @returns null for none */
function readRule(
  written: string | undefined,
  schemes: readonly SchemeName[],
  where: string,
  problems: Problem[],
): Pick<PolicyRules, 'rule' | 'schemes'> | null {
  if (written === undefined) return schemes.length === 0 ? null : { rule: 'any', schemes }
  if (written === 'none') return null
  const [, word = '', list = ''] = /^(?:(any|all)(?::|$))?(.*)$/.exec(written) ?? []
  const rule = word === 'all' ? 'all' : 'any'
  if (list === '' && word !== '' && !written.endsWith(':')) {
    if (schemes.length > 0) return { rule, schemes }
    problems.push({
      where,
      message: `${written} of no scheme; configure one: ${Object.values(CONFIGURED_BY).join(', ')}`,
    })
    return null
  }
  const named = list.split(',').map(name => name.trim())
  for (const name of named) {
    // Its authorities may be told for a listener alone: without any, nobody is let in.
    if (schemes.includes(name as SchemeName) || name === 'mtls') continue
    const message = schemeNames.includes(name as SchemeName)
      ? `${name} is not configured; write ${CONFIGURED_BY[name as SchemeName] ?? 'another'}`
      : `${JSON.stringify(name)} is no scheme; write none, any, all, or a list of: ${schemes.join(', ') || 'api-key'}`
    problems.push({ where, message })
  }
  // In the order of the table, whatever was written.
  return { rule, schemes: schemeNames.filter(name => named.includes(name)) }
}

function readClaims(
  section: NonNullable<AccessSection['require-claims']>,
  where: Where,
  problems: Problem[],
): ClaimRule[] {
  return Object.entries(section).map(([name, wanted]) => {
    if (typeof wanted === 'object' && !Array.isArray(wanted)) {
      if (wanted.prefix === '') {
        problems.push({
          where: where('require-claims', name),
          message: 'an empty prefix fits everything; leave the claim out',
        })
      }
      return { name, oneOf: [], prefix: wanted.prefix }
    }
    return { name, oneOf: [wanted].flat().map(String), prefix: '' }
  })
}
