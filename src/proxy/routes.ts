/**
 * The routes of one listener: the most specific host that has a route for the path wins. An exact host
 * comes before the longest `*.suffix`, and that before any; a host without a route for the path is passed over.
 */
import { endOfHost } from '../codec/http1/authority.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { PathTree } from './path-tree.ts'
import type { Route } from './route.ts'

const DOT = 0x2e

export class Routes {
  /** What a request is counted under that was refused before it could be matched. */
  readonly last: Route
  readonly #any = new PathTree<Route>()
  /** Exact ones, and suffixes with their dot in front: `.example.org`. */
  readonly #hosts = new Map<string, PathTree<Route>>()
  /** Longest suffix; 0 for none. */
  #suffixMax = 0

  /** Not all of them cost one token. */
  readonly #hasCosts: boolean

  /** @param routes the last one matches all that the others leave */
  constructor(routes: readonly Route[]) {
    this.last = routes.at(-1)!
    this.#hasCosts = routes.some(({ config }) => config.requestCost !== 1)
    for (const route of routes.slice(0, -1)) {
      const { host, path, exact } = route.config
      this.#paths(host).add(path, exact, route)
    }
  }

  #paths(host: string): PathTree<Route> {
    if (host === '') return this.#any
    const key = host.startsWith('*.') ? host.slice(1) : host
    if (key !== host) this.#suffixMax = Math.max(this.#suffixMax, key.length)
    let paths = this.#hosts.get(key)
    if (paths === undefined) {
      paths = new PathTree()
      this.#hosts.set(key, paths)
    }
    return paths
  }

  /**
   * The route that matches best; there is always one.
   *
   * @param authority whom the client asked for, with or without a port; '' for none
   * @param path in normal form
   */
  find(authority: string, path: string): Route {
    if (this.#hosts.size > 0) {
      const route = this.#findByHost(hostOf(authority), path)
      if (route !== null) return route
    }
    return this.#any.find(path) ?? this.last
  }

  /** Tokens that a request takes of its address, as of {@link find}. */
  costOf({ authority, target }: Pick<RequestHead, 'authority' | 'target'>): number {
    return this.#hasCosts ? this.find(authority, target.path).config.requestCost : 1
  }

  #findByHost(host: string, path: string): Route | null {
    const exact = this.#hosts.get(host)?.find(path) ?? null
    if (exact !== null || this.#suffixMax === 0) return exact
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      if (host.length - dot > this.#suffixMax) continue
      const route = this.#hosts.get(host.slice(dot))?.find(path) ?? null
      if (route !== null) return route
    }
    return null
  }
}

/** In lower case, without its port and the dot of a full name (RFC 3986 §3.2.2). */
export function hostOf(authority: string): string {
  let end = endOfHost(authority)
  if (authority.charCodeAt(end - 1) === DOT) end--
  return authority.slice(0, end).toLowerCase()
}
