/** Listeners: those of `--listen`, then those of the file. */
import {
  type ListenerConfig,
  type ListenerMode,
  type PoolConfig,
  type RouteConfig,
  speaksHttp,
} from '../config.ts'
import type { Settings } from '../flags.ts'
import { formatListenUrl, type ListenUrl, readListenUrl } from '../listen-url.ts'
import type { ConfigFile } from '../schema.ts'
import { resolveClientCertificates } from './client-certificates.ts'
import { resolveHsts } from './hsts.ts'
import { checkScheme, onlyPool, poolNamed } from './pools.ts'
import { type Resolution, sectionSettings } from './resolution.ts'
import {
  isList,
  lastRoute,
  matchesTheSame,
  placeOwn,
  placeShared,
  resolveRoutes,
  takeName,
} from './routes.ts'
import { resolveServerNames } from './server-names.ts'

type ListenerSection = NonNullable<ConfigFile['listeners']>[number]

const HSTS_KEYS = ['hsts', 'hsts-subdomains', 'hsts-preload'] as const

/** The listeners, and the routes of those that speak HTTP. */
export interface Entries {
  readonly listeners: ListenerConfig[]
  readonly routes: RouteConfig[]
  /** Of routes, and of listeners that have a last one: they label metrics. */
  readonly names: Set<string>
}

/** A listener as it was written. */
interface Written {
  readonly url: string
  /** null for one of `--listen`. */
  readonly section: ListenerSection | null
  /** Its place among those of the file. */
  readonly index: number
  readonly own: Settings
  readonly where: (key: string) => string
}

export function resolveListeners(resolution: Resolution, pools: readonly PoolConfig[]): Entries {
  const { settings, file, problems } = resolution
  const written: Written[] = []
  for (const url of settings.listen ?? []) {
    written.push({ url, section: null, index: -1, own: settings, where: flagPlace })
  }
  for (const [index, section] of (file?.content.listeners ?? []).entries()) {
    const where = (key: string): string => file!.where(['listeners', index, key])
    const own = sectionSettings(resolution, 'listener', section, where)
    written.push({ url: section.listen, section, index, own, where })
  }
  if (written.length === 0) {
    problems.push({
      where: '--listen',
      message:
        'no listener is given; write --listen tls://[::]:443, or listeners in the config file',
      absent: true,
    })
  }
  const names = new Set<string>()
  const routes = resolveRoutes(resolution, placeShared(resolution), pools, '', names)
  const entries: Entries = { listeners: [], routes, names }
  const shared = routes.length
  for (const each of written) addListener(resolution, each, pools, shared, entries)
  if (shared > 0 && !entries.listeners.some(hasRoutes)) {
    problems.push({
      where: file!.where(['routes']),
      message: 'there is no http:// or https:// listener that these routes could be of',
      absent: true,
    })
  }
  return entries
}

function flagPlace(key: string): string {
  return `--${key}`
}

function hasRoutes({ mode, redirectPort }: ListenerConfig): boolean {
  return speaksHttp(mode) && redirectPort === 0
}

/** @param shared number of shared routes; they come first in `entries.routes` */
function addListener(
  resolution: Resolution,
  written: Written,
  pools: readonly PoolConfig[],
  shared: number,
  entries: Entries,
): void {
  const { problems } = resolution
  const { section, own, where } = written
  const read = readListenUrl(written.url)
  if ('error' in read) return void problems.push({ where: where('listen'), message: read.error })
  const { mode, host, port, redirectPort } = read.value
  const name = section?.name ?? formatListenUrl(mode, host, port)
  if (
    entries.listeners.some(
      other => other.name === name || (port !== 0 && other.port === port && other.host === host),
    )
  ) {
    const message = `${name} is listened on twice`
    return void problems.push({ where: where('listen'), message })
  }
  if (speaksHttp(mode)) takeName(name, where('name'), entries.names, problems)
  checkHttpKeys(resolution, written, read.value)
  const routes = serverNames(resolution, written, mode, pools)
  const indices =
    speaksHttp(mode) && redirectPort === 0
      ? addRoutes(resolution, written, name, pools, shared, entries)
      : []
  const routed = indices.length > 0 || Object.keys(section?.routes ?? {}).length > 0
  const pool = redirectPort === 0 ? defaultPool(resolution, written, read.value, pools, routed) : -1
  if (speaksHttp(mode)) {
    indices.push(entries.routes.push(lastRoute(name, pool, resolution)) - 1)
  }
  entries.listeners.push({
    name,
    mode,
    host,
    port,
    pool,
    routes,
    proxyProtocolFrom: own['proxy-protocol-from'] ?? [],
    forwardedFrom: own['forwarded-from'] ?? [],
    alpn: alpnOf(mode, own),
    clientCertificates: resolveClientCertificates(
      own,
      mode,
      section !== null && 'client-ca' in section,
      where,
      problems,
    ),
    httpRoutes: indices,
    redirectPort,
    hsts: mode === 'https' ? resolveHsts(own, where, problems) : '',
  })
}

/** @returns the indices of its own routes, and of the shared ones that it has none of its own for */
function addRoutes(
  resolution: Resolution,
  { section, index }: Written,
  name: string,
  pools: readonly PoolConfig[],
  shared: number,
  { routes, names }: Entries,
): number[] {
  const placed = placeOwn(resolution, index, section?.routes ?? [])
  const own = resolveRoutes(resolution, placed, pools, name, names)
  const indices = own.map(route => routes.push(route) - 1)
  for (let i = 0; i < shared; i++) {
    if (!own.some(other => matchesTheSame(other, routes[i]!))) indices.push(i)
  }
  return indices
}

/** What only some listeners have. */
function checkHttpKeys(
  { problems }: Resolution,
  { section, where }: Written,
  { mode, redirectPort }: ListenUrl,
): void {
  if (section === null) return
  for (const key of HSTS_KEYS) {
    if (!(key in section) || mode === 'https') continue
    problems.push({ where: where(key), message: `${key} is for https:// listeners` })
  }
  if (redirectPort === 0) return
  for (const key of ['pool', 'routes'] as const) {
    if (section[key] === undefined) continue
    const message = 'what is redirected goes to no pool; leave it out, or the redirect'
    problems.push({ where: where(key), message })
  }
}

function serverNames(
  { problems }: Resolution,
  { section, where }: Written,
  mode: ListenerMode,
  pools: readonly PoolConfig[],
): ListenerConfig['routes'] {
  const written = section?.routes ?? {}
  if (speaksHttp(mode)) return []
  if (isList(written)) {
    problems.push({
      where: where('routes'),
      message: `a list of routes is for http:// and https:// listeners; this one takes server name: pool`,
    })
    return []
  }
  const routes = resolveServerNames(written, pools, mode, where('routes'), problems)
  for (const { pool } of routes) checkScheme(mode, pools[pool], where('routes'), problems)
  return routes
}

/** @returns -1 where what no route covers is to be refused */
function defaultPool(
  { problems }: Resolution,
  { section, where }: Written,
  { mode, pool: parameter }: ListenUrl,
  pools: readonly PoolConfig[],
  routed: boolean,
): number {
  const wanted = section?.pool ?? parameter
  if (wanted === null && routed) return -1
  const place = where('listen')
  const pool =
    wanted === null ? onlyPool(pools, place, problems) : poolNamed(wanted, pools, place, problems)
  checkScheme(mode, pools[pool], place, problems)
  return pool
}

/** `http/1.1` and nothing else where HTTP is spoken: h2 is not there yet. */
function alpnOf(mode: ListenerMode, own: Settings): readonly string[] {
  if (mode === 'https') return own.alpn ?? ['http/1.1']
  return mode === 'tls' ? (own.alpn ?? []) : []
}
