/** Server names to pools: an exact name wins, then the longest `*.suffix`, then the listener's own pool. */
import type { SniRoute } from '../config/config.ts'

/** `*.example.org` is kept as `.example.org`. */
export function serverNameRoutes(routes: readonly SniRoute[]): ReadonlyMap<string, number> {
  return new Map(
    routes.map(({ serverName, pool }) => [
      (serverName.startsWith('*.') ? serverName.slice(1) : serverName).toLowerCase(),
      pool,
    ]),
  )
}

/**
 * @param serverName lower case, '' for none
 * @param otherwise  the pool where no route matches
 */
export function routeServerName(
  routes: ReadonlyMap<string, number>,
  serverName: string,
  otherwise: number,
): number {
  if (routes.size === 0 || serverName === '') return otherwise
  const exact = routes.get(serverName)
  if (exact !== undefined) return exact
  for (let dot = serverName.indexOf('.'); dot !== -1; dot = serverName.indexOf('.', dot + 1)) {
    const pool = routes.get(serverName.slice(dot))
    if (pool !== undefined) return pool
  }
  return otherwise
}
