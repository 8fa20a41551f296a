/** Routes of one worker: which pool a request goes to, and how it is treated on its way there. */
import type { RouteConfig } from '../config/config.ts'
import { jsonText } from '../core/escapes.ts'
import { type HeadEdits, headEdits } from './head-edits.ts'
import type { RouteAccess } from './route-access.ts'
import { countSegments, withoutSegments } from './path-tree.ts'
import type { Pool } from './pool.ts'

export class Route {
  /** Its place in `config.routes`; labels its counters. */
  readonly index: number
  readonly config: RouteConfig
  /** null answers 404. */
  readonly pool: Pool | null
  /** null where nobody is asked who it is. */
  readonly access: RouteAccess | null
  /** Its requests have a rate, of all clients or of each. */
  readonly isLimited: boolean
  /** Segments that are left out of what is forwarded. */
  readonly #stripped: number
  readonly #linePart: string
  readonly #requestEdits: HeadEdits | null
  readonly #responseEdits: HeadEdits | null

  constructor(
    index: number,
    config: RouteConfig,
    pool: Pool | null,
    access: RouteAccess | null = null,
  ) {
    this.index = index
    this.config = config
    this.#linePart = `","route":"${jsonText(config.name)}","status":`
    this.pool = pool
    this.access = access
    this.isLimited = config.routeRequestRate !== 0 || config.routeAddressRate !== 0
    this.#stripped = config.stripPrefix ? countSegments(config.path) : 0
    this.#requestEdits = headEdits(config.requestFields)
    this.#responseEdits = headEdits(config.responseFields)
  }

  /**
   * Of a JSON access line: from the end of the path up to the status.
   *
   * @param minor    of HTTP/1.x
   * @param listener its name: the route that all its requests take without another is called the same
   */
  linePart(minor: number, listener: string): string {
    const part = listener === this.config.name ? '","status":' : this.#linePart
    return minor === 1 ? part : `","version":"1.0${part}`
  }

  /** @param path that the route matches; @returns what the backend gets */
  forwardedPath(path: string): string {
    return this.#stripped === 0 ? path : withoutSegments(path, this.#stripped)
  }

  /** @param asked whom the client asked for; @returns the Host field for the backend */
  forwardedHost(asked: string): string {
    const { rewriteHost } = this.config
    return rewriteHost === '' ? asked : rewriteHost
  }

  /** @param head as it is about to be sent, whole */
  editRequest(head: string): string {
    return this.#requestEdits === null ? head : this.#requestEdits.apply(head)
  }

  /** @param head as it is about to be sent, whole */
  editResponse(head: string): string {
    return this.#responseEdits === null ? head : this.#responseEdits.apply(head)
  }
}
