/** Routes of sni and tls listeners: the name in the ClientHello → pool. */
import type { PoolConfig, SniRoute } from '../config.ts'
import type { Problem } from '../flag.ts'
import { isHost } from '../values.ts'
import { suggestPool } from './pools.ts'

export function resolveServerNames(
  routes: Readonly<Record<string, string>>,
  pools: readonly PoolConfig[],
  mode: string,
  where: string,
  problems: Problem[],
): SniRoute[] {
  const names = Object.keys(routes)
  if (mode === 'tcp' && names.length > 0) {
    problems.push({
      where,
      message: 'a tcp listener sees no name to route by; use sni://, tls://, http:// or https://',
    })
  }
  return names.flatMap(serverName => {
    const target = routes[serverName]!
    const pool = pools.findIndex(({ name }) => name === target)
    if (!isHost(serverName.replace(/^\*\./, ''))) {
      problems.push({
        where,
        message: `route ${JSON.stringify(serverName)} is no server name or *.suffix`,
      })
    } else if (pool === -1) {
      problems.push({
        where,
        message: `route ${serverName} names pool ${target}, which there is not${suggestPool(target, pools)}`,
        absent: true,
      })
    } else return [{ serverName: serverName.toLowerCase(), pool }]
    return []
  })
}
