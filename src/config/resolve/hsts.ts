/** `--hsts`, `--hsts-subdomains`, `--hsts-preload` → the value of Strict-Transport-Security, RFC 6797. */
import type { Problem } from '../flag.ts'
import type { Settings } from '../flags.ts'
import { formatDuration } from '../values.ts'

/** What the list of the browsers asks for: https://hstspreload.org. */
const PRELOAD_MIN_MS = 365 * 86_400_000

/** @returns '' for none */
export function resolveHsts(
  own: Settings,
  where: (key: string) => string,
  problems: Problem[],
): string {
  const maxAgeMs = own.hsts!
  const subdomains = own['hsts-subdomains']!
  const preload = own['hsts-preload']!
  const tell = (key: string, message: string): void => {
    // Once, even if it is the same for each listener.
    const problem = { where: where(key), message }
    const told = problems.some(other => other.where === problem.where && other.message === message)
    if (!told) problems.push(problem)
  }
  if (maxAgeMs === 0) {
    const key = preload ? 'hsts-preload' : 'hsts-subdomains'
    if (preload || subdomains) tell(key, `${key} says nothing without a time; set hsts, as 365d`)
    return ''
  }
  if (preload && (maxAgeMs < PRELOAD_MIN_MS || !subdomains)) {
    tell(
      'hsts-preload',
      'browsers list only who asks for a year at least and for subdomains; set hsts to 365d or more and hsts-subdomains, or leave hsts-preload out',
    )
  }
  const maxAge = Math.floor(maxAgeMs / 1000)
  return `max-age=${maxAge}${subdomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}

/** The settings again. */
export function hstsSettings(hsts: string): object {
  const maxAge = /^max-age=(\d+)/.exec(hsts)?.[1]
  return {
    hsts: formatDuration(Number(maxAge ?? 0) * 1000),
    'hsts-subdomains': hsts.includes('includeSubDomains'),
    'hsts-preload': hsts.includes('preload'),
  }
}
