/** Who is never banned: those the operator named, those of the allow list, and the proxies that speak for others. */
import type { Config } from './config.ts'

/** @returns CIDRs */
export function banExempt({ guards, listeners }: Pick<Config, 'guards' | 'listeners'>): string[] {
  const proxies = listeners.flatMap(({ forwardedFrom, proxyProtocolFrom }) => [
    ...forwardedFrom,
    ...proxyProtocolFrom,
  ])
  return [...guards.banExempt, ...guards.allow, ...proxies]
}
