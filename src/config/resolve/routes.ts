/**
 * Routes of http and https listeners: those at the top level of the file are shared by all of them, those
 * of a listener are its own and win over a shared one for the same host and path.
 */
import { isAuthority } from '../../codec/http1/authority.ts'
import type { PoolConfig, RouteConfig } from '../config.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'
import type { RouteSection } from '../schema.ts'
import { resolveRouteAuth } from './auth.ts'
import { NO_EDITS, resolveFieldEdits } from './field-edits.ts'
import { checkScheme, onlyPool, poolNamed } from './pools.ts'
import { resolveRouteRates } from './route-rates.ts'
import { type Resolution, sectionSettings } from './resolution.ts'
import { readRouteHost, readRoutePath } from './route-match.ts'

/** A route of the file, and how to call the places of its keys. */
export interface PlacedRoute {
  readonly section: RouteSection
  readonly where: (...keys: readonly string[]) => string
}

/** The shared routes. */
export function placeShared({ file }: Resolution): PlacedRoute[] {
  return (file?.content.routes ?? []).map((section, i) => ({
    section,
    where: (...keys) => file!.where(['routes', i, ...keys]),
  }))
}

/**
 * The routes of the listener in place `index` of the file. A record is the short form of a list:
 * host → pool.
 */
export function placeOwn(
  { file }: Resolution,
  index: number,
  sections: readonly RouteSection[] | Readonly<Record<string, string>>,
): PlacedRoute[] {
  const at = ['listeners', index, 'routes']
  if (isList(sections)) {
    return sections.map((section, i) => ({
      section,
      where: (...keys) => file!.where([...at, i, ...keys]),
    }))
  }
  return Object.entries(sections).map(([host, pool]) => ({
    section: { host, pool },
    where: () => file!.where([...at, host]),
  }))
}

export function isList<T>(routes: readonly T[] | object): routes is readonly T[] {
  return Array.isArray(routes)
}

/**
 * Builds what was placed; what cannot be used is told and left out.
 *
 * @param listener whose own the routes are; '' for shared ones
 * @param names those taken so far; is added to
 */
export function resolveRoutes(
  resolution: Resolution,
  placed: readonly PlacedRoute[],
  pools: readonly PoolConfig[],
  listener: string,
  names: Set<string>,
): RouteConfig[] {
  const routes: RouteConfig[] = []
  for (const each of placed) {
    const match = resolveMatch(resolution, each)
    const route = resolveRoute(resolution, each, match ?? ANY, pools, listener)
    if (match === null) continue
    const twin = routes.find(other => matchesTheSame(other, route))
    if (twin === undefined) {
      takeName(route.name, each.where('name'), names, resolution.problems)
      routes.push(route)
    } else {
      resolution.problems.push({
        where: each.where('path'),
        message: `${describe(route)} is routed twice; the other one is ${twin.name}`,
      })
    }
  }
  return routes
}

/** @returns null if it cannot be used, which is told */
function resolveMatch(
  { settings, problems }: Resolution,
  { section, where }: PlacedRoute,
): Match | null {
  const exact = section.exact === true
  const host = readRouteHost(section.host)
  const keepsEncodedSlash = settings['encoded-slash'] === 'keep'
  const path = readRoutePath(section.path ?? '/', exact, keepsEncodedSlash)
  if ('error' in host) problems.push({ where: where('host'), message: host.error })
  if ('error' in path) problems.push({ where: where('path'), message: path.error })
  return 'error' in host || 'error' in path ? null : { host: host.value, path: path.value, exact }
}

function resolveRoute(
  resolution: Resolution,
  { section, where }: PlacedRoute,
  match: Match,
  pools: readonly PoolConfig[],
  listener: string,
): RouteConfig {
  const { problems } = resolution
  const own = sectionSettings(resolution, 'route', section, where)
  const stripPrefix = section['strip-prefix'] === true
  if (stripPrefix && match !== ANY && match.path === '/') {
    problems.push({ where: where('strip-prefix'), message: 'there is no path to leave out' })
  }
  const pool =
    section.pool === undefined
      ? onlyPool(pools, where('pool'), problems)
      : poolNamed(section.pool, pools, where('pool'), problems)
  checkScheme('http', pools[pool], where('pool'), problems)
  return {
    name: section.name ?? defaultRouteName(listener, match),
    shared: listener === '',
    ...match,
    pool,
    stripPrefix,
    rewriteHost: rewriteHost(section['rewrite-host'], where('rewrite-host'), problems),
    requestFields: edits('request-headers'),
    responseFields: edits('response-headers'),
    ...limits(own),
    ...resolveRouteRates(own, where, problems, resolution.settings),
    auth: resolveRouteAuth(section, own, where, resolution),
  }

  function edits(key: 'request-headers' | 'response-headers') {
    return resolveFieldEdits(section[key], (...keys) => where(key, ...keys), problems)
  }
}

function rewriteHost(host: string | undefined, where: string, problems: Problem[]): string {
  if (host === undefined || isAuthority(host)) return host ?? ''
  problems.push({
    where,
    message: `${JSON.stringify(host)} cannot be a Host field; write HOST or HOST:PORT`,
  })
  return ''
}

/** What a request gets that no other route matches. */
export function lastRoute(listener: string, pool: number, resolution: Resolution): RouteConfig {
  const { settings } = resolution
  return {
    name: listener,
    shared: false,
    host: '',
    path: '/',
    exact: false,
    pool,
    stripPrefix: false,
    rewriteHost: '',
    requestFields: NO_EDITS,
    responseFields: NO_EDITS,
    ...limits(settings),
    ...resolveRouteRates(settings, key => `--${key}`, resolution.problems),
    auth: resolveRouteAuth(null, settings, key => `--${key}`, resolution),
  }
}

/** The flags of scope `route`. */
function limits(settings: Settings) {
  return {
    bodyTimeoutMs: settings['body-timeout']!,
    responseTimeoutMs: settings['response-timeout']!,
    exchangeTimeoutMs: settings['exchange-timeout']!,
    bodyMax: settings['body-max']!,
    requestBuffer: settings['request-buffer']!,
    requestBufferSilenceMs: settings['request-buffer-silence']!,
  }
}

type Match = Pick<RouteConfig, 'host' | 'path' | 'exact'>

const ANY: Match = { host: '', path: '/', exact: false }

export function matchesTheSame(a: Match, b: Match): boolean {
  return a.host === b.host && a.path === b.path && a.exact === b.exact
}

/** @param listener whose own it is; '' for a shared one */
export function defaultRouteName(listener: string, match: Match): string {
  return listener === '' ? describe(match) : `${listener} ${describe(match)}`
}

/** `example.org/v1`, `*`+`/v1`, or with an equals sign the path alone: `example.org=/v1`. */
function describe({ host, path, exact }: Match): string {
  return `${host === '' ? '*' : host}${exact ? '=' : ''}${path}`
}

/** Routes are told apart by name in metrics and log lines. */
export function takeName(
  name: string,
  where: string,
  names: Set<string>,
  problems: Problem[],
): void {
  if (names.has(name)) {
    problems.push({
      where,
      message: `a route or listener is called ${name} already; choose another`,
    })
  }
  names.add(name)
}
