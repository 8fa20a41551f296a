/** Listeners: those of `--listen`, then those of the file. */
import {
  type ListenerConfig,
  type ListenerMode,
  type PoolConfig,
  type RouteConfig,
  speaksHttp,
} from '../config.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'
import { formatListenUrl, readListenUrl } from '../listen-url.ts'
import { suggestPool } from './pools.ts'
import { type Resolution, sectionSettings } from './resolution.ts'
import { lastRoute } from './routes.ts'
import { resolveServerNames } from './server-names.ts'

export function resolveListeners(
  resolution: Resolution,
  pools: readonly PoolConfig[],
  httpRoutes: RouteConfig[],
): ListenerConfig[] {
  const { settings, file, problems } = resolution
  const listeners: ListenerConfig[] = []
  const add = (url: string, section: ListenerSection, own: Settings, where: string): void => {
    const read = readListenUrl(url)
    if ('error' in read) return void problems.push({ where, message: read.error })
    const { mode, host, port } = read.value
    const name = section.name ?? formatListenUrl(mode, host, port)
    if (
      listeners.some(
        other => other.name === name || (port !== 0 && other.port === port && other.host === host),
      )
    ) {
      return void problems.push({ where, message: `${name} is listened on twice` })
    }
    const routes = resolveServerNames(section.routes ?? {}, pools, mode, where, problems)
    const wanted = section.pool ?? read.value.pool
    const known = poolIndex(wanted, pools, routes.length > 0, where, problems)
    for (const index of [known, ...routes.map(route => route.pool)]) {
      checkScheme(mode, pools[index], where, problems)
    }
    listeners.push({
      name,
      mode,
      host,
      port,
      pool: known,
      routes,
      proxyProtocolFrom: own['proxy-protocol-from'] ?? [],
      forwardedFrom: own['forwarded-from'] ?? [],
      alpn: alpnOf(mode, own),
      httpRoutes: speaksHttp(mode) ? [httpRoutes.push(lastRoute(name, known, settings)) - 1] : [],
      redirectPort: 0,
      hsts: '',
    })
  }
  for (const url of settings.listen ?? []) add(url, {}, settings, '--listen')
  for (const [i, section] of (file?.content.listeners ?? []).entries()) {
    const where = (key: string): string => file!.where(['listeners', i, key])
    const own = sectionSettings(resolution, 'listener', section, where)
    add(section.listen, section, own, where('listen'))
  }
  if (listeners.length === 0 && (settings.listen ?? []).length === 0) {
    problems.push({
      where: '--listen',
      message:
        'no listener is given; write --listen tls://[::]:443, or listeners in the config file',
    })
  }
  return listeners
}

/** `http` and nothing else where HTTP is spoken: h2 is not there yet. */
function alpnOf(mode: ListenerMode, own: Settings): readonly string[] {
  if (mode === 'https') return own.alpn ?? ['http/1.1']
  return mode === 'tls' ? (own.alpn ?? []) : []
}

/** What is looked at as HTTP goes to backends that speak it, and the other way round. */
function checkScheme(
  mode: ListenerMode,
  pool: PoolConfig | undefined,
  where: string,
  problems: Problem[],
): void {
  const odd = pool?.backends.find(({ scheme }) => speaksHttp(scheme) !== speaksHttp(mode))
  if (pool === undefined || odd === undefined) return
  const wanted = speaksHttp(mode) ? 'http:// or https://' : 'tcp:// or tls://'
  problems.push({
    where,
    message: `a ${mode} listener needs ${wanted} backends, pool ${pool.name} has ${odd.scheme}://${odd.name}`,
  })
}

interface ListenerSection {
  readonly name?: string | undefined
  readonly pool?: string | undefined
  readonly routes?: Readonly<Record<string, string>> | undefined
}

/** @returns -1 where names that no route covers are to be refused */
function poolIndex(
  wanted: string | null | undefined,
  pools: readonly PoolConfig[],
  routed: boolean,
  where: string,
  problems: Problem[],
): number {
  if (wanted === null || wanted === undefined) {
    if (routed) return -1
    if (pools.length > 1)
      problems.push({
        where,
        message: `there are ${pools.length} pools; say which with pool: NAME or ?pool=NAME`,
      })
    return 0
  }
  const index = pools.findIndex(({ name }) => name === wanted)
  if (index === -1)
    problems.push({ where, message: `there is no pool ${wanted}${suggestPool(wanted, pools)}` })
  return index
}
