/** Pools: `--backend` fills one, the file names the others. */
import type { BalancerName } from '../../balance/balancers.ts'
import { readBackendUrl } from '../backend-url.ts'
import {
  type BackendConfig,
  type ConcurrencyConfig,
  type ListenerMode,
  type PoolConfig,
  type ProbeKind,
  type SendProxy,
  speaksHttp,
} from '../config.ts'
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'
import { didYouMean } from '../nearest.ts'
import { isHost } from '../values.ts'
import { type Resolution, sectionSettings } from './resolution.ts'

const DEFAULT_POOL = 'default'

export function resolvePools(resolution: Resolution): PoolConfig[] {
  const { settings, file, problems } = resolution
  const pools: PoolConfig[] = []
  if (settings.backend !== undefined && settings.backend.length > 0) {
    pools.push(pool(DEFAULT_POOL, settings.backend, settings, '--backend', problems))
  }
  for (const [name, section] of Object.entries(file?.content.pools ?? {})) {
    const where = (key: string): string => file!.where(['pools', name, key])
    if (pools.some(other => other.name === name)) {
      problems.push({
        where: where('backends'),
        message: `pool ${name} is what --backend fills; give this one another name`,
      })
      continue
    }
    const own = sectionSettings(resolution, 'pool', section, where)
    const urls =
      typeof section.backends === 'string' ? section.backends.split(/[\s,]+/) : section.backends
    pools.push(pool(name, urls, own, where('backends'), problems))
  }
  return pools
}

function pool(
  name: string,
  urls: readonly string[],
  settings: Settings,
  where: string,
  problems: Problem[],
): PoolConfig {
  const backends: BackendConfig[] = []
  for (const url of urls) {
    const read = readBackendUrl(url)
    if ('error' in read) problems.push({ where, message: read.error })
    else if (backends.some(other => other.name === read.value.name)) {
      problems.push({
        where,
        message: `${read.value.name} is twice in pool ${name}; use ?weight= to send more to it`,
      })
    } else backends.push(read.value)
  }
  const path = settings['probe-path']!
  if (!/^\/[\x21-\x7e]*$/.test(path)) {
    problems.push({
      where: '--probe-path',
      message: `${JSON.stringify(path)} is no path; it begins with / and has no blanks`,
    })
  }
  const host = settings['probe-host']!
  if (host !== '' && !isHost(host.replace(/:\d+$/, ''))) {
    problems.push({ where: '--probe-host', message: `${JSON.stringify(host)} is no host name` })
  }
  return {
    name,
    balance: settings.balance as BalancerName,
    backends,
    probe: {
      kind: settings.probe as ProbeKind,
      path,
      host,
      statusMin: settings['probe-status']!.min,
      statusMax: settings['probe-status']!.max,
      intervalMs: settings['probe-interval']!,
      timeoutMs: settings['probe-timeout']!,
      rise: settings['probe-rise']!,
      fall: settings['probe-fall']!,
    },
    sendProxy: settings['send-proxy'] as SendProxy,
    connectTimeoutMs: settings['connect-timeout']!,
    queueMax: settings['queue-max']!,
    queueTimeoutMs: settings['queue-timeout']!,
    slowStartMs: settings['slow-start']!,
    ejectAfter: settings['eject-after']!,
    ejectMs: settings['eject-time']!,
    ejectMaxMs: Math.max(settings['eject-time']!, settings['eject-time-max']!),
    ejectShareMax: settings['eject-share-max']!,
    ejectErrors: settings['eject-errors']!,
    ejectSlow: settings['eject-slow']!,
    breaker: {
      errors: settings['breaker-errors']!,
      windowMs: settings['breaker-window']!,
      requests: settings['breaker-requests']!,
      openMs: settings['breaker-time']!,
    },
    concurrency: concurrency(name, backends, settings, problems),
    backendIdleMax: settings['backend-idle-max']!,
    backendIdleMs: settings['backend-idle-timeout']!,
    backendMaxAgeMs: settings['backend-max-age']!,
    pipeline: settings['backend-pipeline']!,
    retries: settings.retries!,
    retryBudget: settings['retry-budget']!,
    sticky: sticky(settings, problems),
  }
}

function concurrency(
  pool: string,
  backends: readonly BackendConfig[],
  settings: Settings,
  problems: Problem[],
): ConcurrencyConfig {
  const isOn = settings['adaptive-concurrency']!
  const [min, max] = [settings['adaptive-concurrency-min']!, settings['adaptive-concurrency-max']!]
  if (min > max) {
    problems.push({
      where: '--adaptive-concurrency-min',
      message: `${min} is more than --adaptive-concurrency-max ${max}`,
    })
  }
  const odd = backends.find(({ scheme }) => !speaksHttp(scheme))
  if (isOn && odd !== undefined) {
    problems.push({
      where: '--adaptive-concurrency',
      message: `it goes by the time to the first byte of a response, which a tunnel has none of: pool ${pool} has ${odd.scheme}://${odd.name}; turn it on in the other pools only, and give this one ?max-connections=`,
    })
  }
  return {
    isOn,
    min,
    max,
    tolerance: settings['adaptive-concurrency-tolerance']!,
    intervalMs: settings['adaptive-concurrency-interval']!,
  }
}

function sticky(settings: Settings, problems: Problem[]): PoolConfig['sticky'] {
  const cookie = settings.sticky!
  if (cookie === '') return null
  if (!/^[\w!#$%&'*+.^`|~-]{1,64}$/.test(cookie)) {
    problems.push({
      where: '--sticky',
      message: `${JSON.stringify(cookie)} is no cookie name; letters, digits, - and _ will do, 64 at most`,
    })
  }
  return { cookie, maxAge: Math.round(settings['sticky-ttl']! / 1000) }
}

/** @returns -1 if there are several, or none (which is told elsewhere) */
export function onlyPool(pools: readonly PoolConfig[], where: string, problems: Problem[]): number {
  if (pools.length > 1) {
    problems.push({
      where,
      message: `there are ${pools.length} pools; say which with pool: NAME or ?pool=NAME`,
      absent: true,
    })
  }
  return pools.length === 1 ? 0 : -1
}

/** @returns -1 if there is none */
export function poolNamed(
  name: string,
  pools: readonly PoolConfig[],
  where: string,
  problems: Problem[],
): number {
  const index = pools.findIndex(pool => pool.name === name)
  if (index === -1) {
    const message = `there is no pool ${name}${suggestPool(name, pools)}`
    problems.push({ where, message, absent: true })
  }
  return index
}

/** What is looked at as HTTP goes to backends that speak it, and the other way round. */
export function checkScheme(
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
    message: `${mode === 'http' || mode === 'https' ? 'an' : 'a'} ${mode} listener needs ${wanted} backends, pool ${pool.name} has ${odd.scheme}://${odd.name}`,
  })
}

export function suggestPool(name: string, pools: readonly PoolConfig[]): string {
  return didYouMean(
    name,
    pools.map(pool => pool.name),
  )
}
